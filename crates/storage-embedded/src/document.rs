//! Documents: the stored shape of the domain's entities, with conversions both ways. Keys (tenant, id, number) and code live
//! beside them. Times are milliseconds, hashes hexadecimal text, JSON values JSON text. Unknown fields are tolerated, so that a
//! newer server's documents can be read; fields that later versions add must have a default.

use domain::error::Source;
use serde::Serialize;
use serde::de::DeserializeOwned;

mod definition;
mod execution;
mod policy;
mod utility;
mod version;

pub(crate) use execution::{AttestationDocument, ExecutionDocument};
pub(crate) use policy::PolicyDocument;
pub(crate) use utility::UtilityDocument;
pub(crate) use version::VersionDocument;

/// Why a document is not an entity.
#[derive(Debug, thiserror::Error)]
#[error("field `{0}` holds no valid value")]
pub(crate) struct InvalidField(pub(crate) &'static str);

/// A document as text.
pub(crate) fn encode<D: Serialize>(document: &D) -> String {
    serde_json::to_string(document).expect("documents have text keys and no failing serializer")
}

/// A document from text.
pub(crate) fn decode<D: DeserializeOwned>(text: &str) -> Result<D, Source> {
    // The parser's message may quote the document; its place says enough.
    serde_json::from_str(text)
        .map_err(|error| Source::from(format!("no such document: {:?} at column {}", error.classify(), error.column())))
}

/// A value of the domain from its text.
fn parsed<T>(field: &'static str, value: Option<T>) -> Result<T, InvalidField> {
    value.ok_or(InvalidField(field))
}

#[cfg(test)]
mod tests;
