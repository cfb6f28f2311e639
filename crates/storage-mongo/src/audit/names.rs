//! The collections of the audit log, as its files call them.

use crate::collections;

/// Records.
pub(super) const RECORDS: &str = collections::AUDIT_RECORDS.name;
/// What is known of each log as a whole.
pub(super) const LOGS: &str = collections::AUDIT_LOGS.name;
/// Intents that have no outcome yet.
pub(super) const INTENTS: &str = collections::AUDIT_INTENTS.name;
/// Hashes of trees.
pub(super) const TILES: &str = collections::AUDIT_TILES.name;
/// Signed sizes and roots of trees.
pub(super) const CHECKPOINTS: &str = collections::AUDIT_CHECKPOINTS.name;
