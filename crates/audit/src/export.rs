//! The lines of an export: a header, the records as they are hashed, each checkpoint behind the last record that it covers, and an
//! end. One line each, so that a record's line without its newline is exactly what its leaf is the hash of.

use serde::{Deserialize, Serialize};

/// The version of the form.
pub(crate) const FORM: &str = "zona-audit/1";

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORM`].
    pub(crate) export: String,
    /// The public keys whose signatures the checkpoints have, in the text form of notes.
    pub keys: Vec<String>,
    /// The log's name, which each checkpoint begins with.
    pub origin: String,
    /// Whose log it is.
    pub tenant: String,
}

/// A line that is neither the first nor a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    Checkpoint(String),
    /// How many records there are.
    End(u64),
}

impl Header {
    /// The header of a log's export.
    pub fn new(tenant: impl Into<String>, origin: impl Into<String>, keys: Vec<String>) -> Self {
        Header { export: FORM.to_owned(), keys, origin: origin.into(), tenant: tenant.into() }
    }

    /// The header as a line.
    pub fn line(&self) -> Vec<u8> {
        line(self)
    }
}

/// A record as a line.
pub fn record_line(record: &[u8]) -> Vec<u8> {
    [record, b"\n"].concat()
}

/// A checkpoint as a line.
pub fn checkpoint_line(note: &str) -> Vec<u8> {
    line(&Line::Checkpoint(note.to_owned()))
}

/// The last line of an export of so many records.
pub fn end_line(records: u64) -> Vec<u8> {
    line(&Line::End(records))
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("texts and numbers are JSON");
    line.push(b'\n');
    line
}
