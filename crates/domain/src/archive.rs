//! The archive: output of executions that have ended, where it is more than the store is to keep itself, as objects outside of it.
//!
//! The store says which objects there are and what opens them, so whoever has the objects alone reads none. Objects are made before
//! something names them and removed once nothing does, and no object is ever made anew under a name of before: whatever stops in
//! between, what is named is there.

mod archiver;
mod failed;
mod object;
mod ports;
mod reading;

pub use archiver::{ArchivePorts, Archived, Archiver, GRACE, PIECE_BYTES, WRITTEN_WITHIN};
pub use object::{ObjectId, Piece, Reference};
pub use ports::{ArchiveRepository, Objects, Stored, StoredObjects};
pub use reading::ArchivedExecutions;

/// Bytes of output of one execution that the store keeps itself. What has more is archived once it has ended.
pub const INLINE_OUTPUT: u64 = 256 * 1024;
