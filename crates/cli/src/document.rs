//! What is printed as JSON or YAML: a tree that keeps the order of its members and the digits of its numbers.
//!
//! Messages of the contract become documents by their descriptors (see [`message`]), so that a new field needs no code here.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

pub mod message;
pub mod yaml;

mod read;

/// A tree of values.
#[derive(Debug, Clone)]
pub enum Document {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number, as JSON writes it.
    Number(String),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// A JSON text, printed as it is.
    Json(Box<RawValue>),
    /// Values in order.
    List(Vec<Document>),
    /// Members in order.
    Object(Vec<(String, Document)>),
}

impl Document {
    /// An object of these members.
    pub fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Document)>) -> Self {
        Document::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A JSON text as a value; a text that is none stays a text.
    pub fn json(text: impl Into<String>) -> Self {
        let text = text.into();
        match serde_json::from_str::<Box<RawValue>>(&text) {
            Ok(raw) => Document::Json(raw),
            Err(_) => Document::Text(text),
        }
    }

    /// Bytes under `name` when they are UTF-8, else in base64 under `name` with the ending `_base64`.
    pub fn bytes(name: &str, bytes: &[u8]) -> (String, Document) {
        use base64::Engine as _;
        match std::str::from_utf8(bytes) {
            Ok(text) => (name.to_owned(), Document::Text(text.to_owned())),
            Err(_) => (format!("{name}_base64"), Document::Text(base64::engine::general_purpose::STANDARD.encode(bytes))),
        }
    }

    /// Adds a member to an object; anything else stays as it is.
    pub fn push(&mut self, name: &str, value: Document) {
        if let Document::Object(members) = self {
            members.push((name.to_owned(), value));
        }
    }
}

impl From<&str> for Document {
    fn from(text: &str) -> Self {
        Document::Text(text.to_owned())
    }
}

impl From<String> for Document {
    fn from(text: String) -> Self {
        Document::Text(text)
    }
}

impl From<u64> for Document {
    fn from(number: u64) -> Self {
        Document::Integer(number.into())
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Document::Null => serializer.serialize_unit(),
            Document::Bool(value) => serializer.serialize_bool(*value),
            Document::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => serializer.serialize_u64(value),
                (Err(_), Ok(value)) => serializer.serialize_i64(value),
                (Err(_), Err(_)) => serializer.serialize_i128(*value),
            },
            Document::Number(number) => match RawValue::from_string(number.clone()) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_str(number),
            },
            Document::Float(value) => serializer.serialize_f64(*value),
            Document::Text(text) => serializer.serialize_str(text),
            Document::Json(raw) => raw.serialize(serializer),
            Document::List(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Document::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests;
