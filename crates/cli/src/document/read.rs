//! Reads JSON into a document, keeping the order of members and every digit of numbers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Document;

impl Document {
    /// The same with JSON texts read into values, for formats that cannot hold them.
    pub fn without_json(&self) -> Self {
        match self {
            Document::Json(raw) => value(raw).unwrap_or_else(|_| Document::Text(raw.get().to_owned())),
            Document::List(items) => Document::List(items.iter().map(Document::without_json).collect()),
            Document::Object(members) => {
                Document::Object(members.iter().map(|(name, value)| (name.clone(), value.without_json())).collect())
            }
            other => other.clone(),
        }
    }
}

/// The value that a JSON text stands for.
///
/// # Errors
/// It is nested more deeply than JSON readers accept.
fn value(raw: &RawValue) -> Result<Document, serde_json::Error> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text)?;
            members.into_iter().map(|(name, raw)| Ok((name, value(raw)?))).collect::<Result<_, _>>().map(Document::Object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            items.into_iter().map(value).collect::<Result<_, _>>().map(Document::List)
        }
        Some(b'"') => serde_json::from_str(text).map(Document::Text),
        Some(b't' | b'f') => serde_json::from_str(text).map(Document::Bool),
        Some(b'n') => Ok(Document::Null),
        _ => Ok(text.parse().map_or_else(|_| Document::Number(text.to_owned()), Document::Integer)),
    }
}

/// Members in order, their values unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
