//! The collections of executions, as their files call them.

use crate::collections;

/// Executions.
pub(super) const TABLE: &str = collections::EXECUTIONS.name;
/// What of their contents does not stand in their own documents.
pub(super) const PARTS: &str = collections::EXECUTION_PARTS.name;
/// Batches of their events.
pub(super) const OUTPUT: &str = collections::OUTPUT.name;
/// Pieces of their output that are kept outside of the database.
pub(super) const ARCHIVE: &str = collections::OUTPUT_ARCHIVE.name;
/// How much output the executions of a tenant have that have ended.
pub(super) const TOTALS: &str = collections::OUTPUT_TOTALS.name;
