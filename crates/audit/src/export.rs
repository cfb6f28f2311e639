//! The lines of an export: a header, the records as they are hashed, each checkpoint behind the last record that it covers, and an
//! end. One line each, so that a record's line without its newline is exactly what its leaf is the hash of.
//!
//! Of the oldest records, which were removed because their time was over, the hashes of their leaves stand there instead. Which ones may
//! be gone is in the log itself: each removal has a record, made before it, whose resource ends in the number of the first that is to stay,
//! and one of its outcome, whose resource says where it has ended.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::hash::Hash;

/// The version of the form.
pub(crate) const FORM: &str = "zona-audit/1";
/// The action of the record that says of the oldest records that they are removed.
pub(crate) const REMOVE: &str = "audit.remove";
/// The outcome of a record that was made before what it is of.
pub(crate) const INTENT: &str = "INTENT";
/// What follows in its resource on the name of the tenant; then comes the number of the first record that stays.
const FIRST_KEPT: &str = "/auditLog/records/";
/// Most leaves of one line.
const MAX_LEAVES: usize = 256;

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
    /// The hashes of the next leaves, whose records were removed, one after the other.
    Removed(String),
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

/// The first record that stays, by the resource of a removal from this tenant's log.
pub(crate) fn first_kept(tenant: &str, resource: &str) -> Option<u64> {
    let rest = resource.strip_prefix("tenants/")?.strip_prefix(tenant)?;
    rest.strip_prefix(FIRST_KEPT)?.parse().ok()
}

/// Up to 256 hashes of leaves, whose records were removed, as a line.
pub fn removed_line(leaves: &[Hash]) -> Vec<u8> {
    line(&Line::Removed(STANDARD.encode(leaves.concat())))
}

/// The hashes of such a line.
pub(crate) fn removed_leaves(text: &str) -> Option<Vec<Hash>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (leaves, rest) = bytes.as_chunks();
    (rest.is_empty() && (1..=MAX_LEAVES).contains(&leaves.len())).then(|| leaves.to_vec())
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
