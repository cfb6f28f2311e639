//! The document of an event: what is said of it. What happened, and to what, stands beside it.

use std::collections::BTreeMap;

use domain::event::{Detail, Details};
use serde::{Deserialize, Serialize};

/// See [`Details`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventDocument(BTreeMap<String, DetailDocument>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum DetailDocument {
    Number(u64),
    Text(String),
}

impl From<&Details> for EventDocument {
    fn from(details: &Details) -> Self {
        let document = |detail: &Detail| match detail {
            Detail::Number(number) => DetailDocument::Number(*number),
            Detail::Text(text) => DetailDocument::Text(text.clone()),
        };
        EventDocument(details.iter().map(|(name, detail)| (name.clone(), document(detail))).collect())
    }
}

impl From<EventDocument> for Details {
    fn from(document: EventDocument) -> Self {
        let detail = |document| match document {
            DetailDocument::Number(number) => Detail::Number(number),
            DetailDocument::Text(text) => Detail::Text(text),
        };
        document.0.into_iter().map(|(name, document)| (name, detail(document))).collect()
    }
}
