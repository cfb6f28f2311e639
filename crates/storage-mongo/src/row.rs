//! What was read: a stored document, whose fields are asked for by name and type.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document};

use crate::error::{Error, Result};

/// A stored document. A field of another type than the one that is asked for does not decode, as one that is missing.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    collection: &'static str,
    fields: Document,
}

impl Row {
    pub(crate) fn new(collection: &'static str, fields: Document) -> Self {
        Row { collection, fields }
    }

    /// Its key.
    pub(crate) fn key(&self) -> &str {
        self.fields.get_str("_id").unwrap_or("?")
    }

    pub(crate) fn text(&self, field: &'static str) -> Result<&str> {
        self.fields.get_str(field).map_err(|_absent| self.broken(field))
    }

    /// A text that may be absent or null.
    pub(crate) fn find_text(&self, field: &'static str) -> Result<Option<&str>> {
        if self.is_empty(field) { Ok(None) } else { self.text(field).map(Some) }
    }

    /// A number as the domain counts; none is below zero.
    pub(crate) fn number(&self, field: &'static str) -> Result<u64> {
        u64::try_from(self.integer(field)?).map_err(|_negative| self.broken(field))
    }

    pub(crate) fn find_number(&self, field: &'static str) -> Result<Option<u64>> {
        if self.is_empty(field) { Ok(None) } else { self.number(field).map(Some) }
    }

    pub(crate) fn integer(&self, field: &'static str) -> Result<i64> {
        match self.fields.get(field) {
            Some(Bson::Int64(number)) => Ok(*number),
            Some(Bson::Int32(number)) => Ok(i64::from(*number)),
            _ => Err(self.broken(field)),
        }
    }

    pub(crate) fn flag(&self, field: &'static str) -> Result<bool> {
        self.fields.get_bool(field).map_err(|_absent| self.broken(field))
    }

    pub(crate) fn bytes(&self, field: &'static str) -> Result<&[u8]> {
        self.fields.get_binary_generic(field).map(Vec::as_slice).map_err(|_absent| self.broken(field))
    }

    pub(crate) fn find_bytes(&self, field: &'static str) -> Result<Option<&[u8]>> {
        if self.is_empty(field) { Ok(None) } else { self.bytes(field).map(Some) }
    }

    /// The fields as they are stored.
    pub(crate) fn fields(&self) -> &Document {
        &self.fields
    }

    /// That a field holds what it never should.
    pub(crate) fn broken(&self, field: &'static str) -> Error {
        Error::undecodable(self.collection, self.key(), format!("field `{field}` holds no valid value"))
    }

    fn is_empty(&self, field: &str) -> bool {
        matches!(self.fields.get(field), None | Some(Bson::Null))
    }
}

/// Key of a document: its parts in order, so that no two lists of parts give the same. The first is the tenant.
pub(crate) fn key(parts: &[&str]) -> String {
    let mut key = String::new();
    for part in parts {
        if !key.is_empty() {
            key.push('/');
        }
        for character in part.chars() {
            match character {
                '%' => key.push_str("%25"),
                '/' => key.push_str("%2F"),
                other => key.push(other),
            }
        }
    }
    key
}

/// A number within a key: keys are in the order of their numbers.
pub(crate) fn ordered(number: u64) -> String {
    format!("{number:020}")
}

/// A number as the database stores it. Nothing that is stored reaches the 63 bits of its integers.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Bytes as the database stores them.
pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_parts_make_different_keys() {
        let lists: [&[&str]; 5] = [&["a", "b", "c"], &["a", "b/c"], &["a/b", "c"], &["a", "b%2Fc"], &["a/b/c"]];
        let mut keys: Vec<_> = lists.iter().map(|parts| key(parts)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), lists.len());
        assert!(ordered(9) < ordered(10));
    }
}
