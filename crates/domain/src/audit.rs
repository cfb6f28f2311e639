//! What happened, kept so that nobody can change it unseen: an intent before each effect and its outcome behind it, one record of
//! each read of code and output, and counts of all other reads.
//!
//! How records are hashed, signed and proven is the tree's matter, which is a port ([`AuditTree`]); the crate `audit` knows how.

pub mod actions;
mod auditor;
mod books;
mod carried;
mod export;
mod intent;
mod log;
mod notes;
mod other;
mod own_work;
mod record;
mod removal;
mod report;
mod repository;
mod tree;
mod watch;

pub(crate) use auditor::unaudited;
pub use auditor::{Auditor, Circumstances, Ports};
pub use carried::CarriedIntent;
pub use export::{Export, Exported, Form};
pub use intent::Intent;
pub use log::{AuditLog, LogPorts, Proven};
pub use notes::{Noted, Notes};
pub use other::Other;
pub use own_work::OWN_WORK;
pub use record::{Actor, AuditRecord, Entry, FieldChange, MAX_PURPOSE, Outcome};
pub use removal::{REMOVE, Removal};
pub use report::{
    AccessCount, BeginningFault, Building, Builds, DayCount, DenialCount, Events, ExecutingCount, ExecutionCount, MAX_DAYS, OutcomeCount,
    Period, Report,
};
pub use repository::{AuditQuery, AuditRepository, Checkpoint, MAX_LOOKED_AT, Sealed, StoredRecord, Tile, TilePlace};
pub use tree::{AuditTree, CosignatureRefused, Verification};
pub use watch::{Followed, Following};

#[cfg(test)]
mod tests;
