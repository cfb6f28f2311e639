//! A name that is looked for in documents, and what is put into its place: in every text of a document, wherever it stands, and in its key.
//! What a later version adds is looked into without being named here.

use std::ops::BitOr as _;

use mongodb::bson::{Bson, Document};

use crate::row::key;

/// What is looked for: a name as a whole text, as a text of JSON, and as the beginning of another name.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    whole: String,
    quoted: String,
    beginning: String,
}

impl Needle {
    pub(super) fn new(name: &str) -> Self {
        let quoted = serde_json::Value::from(name).to_string();
        Needle { whole: name.to_owned(), quoted, beginning: format!("{name}/") }
    }

    /// The document with another name in place of this one; `None` where it does not hold it.
    pub(super) fn replaced(&self, document: &Document, other: &Needle) -> Option<Document> {
        let mut changed = document.clone();
        let mut found = false;
        for (field, value) in changed.iter_mut() {
            match value {
                Bson::String(id) if field == "_id" => found |= self.replace_in_key(id, other),
                value => found |= self.replace_in(value, other),
            }
        }
        found.then_some(changed)
    }

    fn replace_in(&self, value: &mut Bson, other: &Needle) -> bool {
        match value {
            Bson::String(text) => self.replace_in_text(text, other),
            Bson::Array(items) => items.iter_mut().map(|item| self.replace_in(item, other)).fold(false, bool::bitor),
            Bson::Document(inner) => inner.iter_mut().map(|(_, value)| self.replace_in(value, other)).fold(false, bool::bitor),
            _ => false,
        }
    }

    fn replace_in_text(&self, text: &mut String, other: &Needle) -> bool {
        if *text == self.whole {
            text.clone_from(&other.whole);
            return true;
        }
        let found = text.contains(&self.quoted) || text.contains(&self.beginning);
        if found {
            *text = text.replace(&self.quoted, &other.quoted).replace(&self.beginning, &other.beginning);
        }
        found
    }

    /// In keys, each part is escaped.
    fn replace_in_key(&self, id: &mut String, other: &Needle) -> bool {
        let (part, by) = (key(&[&self.whole]), key(&[&other.whole]));
        let (beginning, by_beginning) = (key(&[&self.beginning]), key(&[&other.beginning]));
        let replaced = |text: &str| match text {
            text if text == part => by.clone(),
            text => text.strip_prefix(&beginning).map_or_else(|| text.to_owned(), |rest| format!("{by_beginning}{rest}")),
        };
        let changed = id.split('/').map(replaced).collect::<Vec<_>>().join("/");
        let found = *id != changed;
        *id = changed;
        found
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    const ANN: &str = "tenants/acme/users/ann";

    fn replaced(document: &Document) -> Option<Document> {
        Needle::new(ANN).replaced(document, &Needle::new("tenants/acme/users/0123"))
    }

    #[test]
    fn a_name_is_replaced_in_every_text_and_in_the_key() {
        let document = doc! {
            "_id": key(&["acme", ANN, "method", "x"]),
            "whole": ANN,
            "json": format!(r#"{{"owner":"{ANN}","name":"{ANN}/sessions/1"}}"#),
            "deep": { "list": [ANN, 1_i64] },
            "number": 2_i64,
        };
        let other = "tenants/acme/users/0123";
        let expected = doc! {
            "_id": key(&["acme", other, "method", "x"]),
            "whole": other,
            "json": format!(r#"{{"owner":"{other}","name":"{other}/sessions/1"}}"#),
            "deep": { "list": [other, 1_i64] },
            "number": 2_i64,
        };
        assert_eq!(replaced(&document), Some(expected));
    }

    #[test]
    fn another_name_that_begins_alike_stays() {
        let document = doc! { "_id": key(&["acme", "tenants/acme/users/annabel"]), "caller": "tenants/acme/users/annabel" };
        assert_eq!(replaced(&document), None);
    }
}
