//! What makes an audit log prove itself: the Merkle tree over its records (RFC 6962), the tiles in which its hashes are kept
//! (C2SP tlog-tiles), checkpoints as signed notes (C2SP signed-note and tlog-checkpoint), proofs, and the verifier of an export.
//!
//! It stores nothing, asks no server and knows no record but by its bytes, so that whoever checks a log need not trust the
//! program that wrote it. Others' tools read all of it: `docs/audit.md` says how.

mod checkpoint;
mod cosignature;
mod export;
mod hash;
mod layout;
mod note;
mod proof;
mod tile;
mod tree;
mod verify;

pub use checkpoint::{Checkpoint, Malformed};
pub use cosignature::{CosignatureError, WitnessKey, cosign};
pub use export::{Header, checkpoint_line, end_line, record_line, removed_line};
pub use hash::{Hash, leaf_hash};
pub use layout::{MAX_ENTRY, tile_path};
pub use note::{Key, NoteError, Signer, VerifierKey};
pub use proof::{Missing, consistency, inclusion};
pub use tile::{TILE_HASHES, TileId, Tiles};
pub use tree::Tree;
pub use verify::{Fault, Known, Report, Witnessed, verify};

#[cfg(test)]
mod tests;
