//! The form that all documents share: JSON text, and how a broken one is refused without quoting it.

use domain::error::Source;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a document is not an entity.
#[derive(Debug, thiserror::Error)]
#[error("field `{0}` holds no valid value")]
pub struct InvalidField(pub &'static str);

/// A document as text.
pub fn encode<D: Serialize>(document: &D) -> String {
    serde_json::to_string(document).expect("documents have text keys and no failing serializer")
}

/// A document from text.
///
/// # Errors
/// Says where the text is no such document, and quotes nothing of it.
pub fn decode<D: DeserializeOwned>(text: &str) -> Result<D, Source> {
    // The parser's message may quote the document; its place says enough.
    serde_json::from_str(text)
        .map_err(|error| Source::from(format!("no such document: {:?} at column {}", error.classify(), error.column())))
}

/// A value of the domain from its text.
pub(crate) fn parsed<T>(field: &'static str, value: Option<T>) -> Result<T, InvalidField> {
    value.ok_or(InvalidField(field))
}
