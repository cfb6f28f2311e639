//! Hashes of leaves and nodes as RFC 6962 has them: what is a leaf can never be taken for a node.

use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];

/// The hash of a record.
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new().chain_update(LEAF).chain_update(record).finalize().into()
}

/// The hash of two subtrees.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update(NODE).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves.
pub(crate) fn empty_root() -> Hash {
    Sha256::digest([]).into()
}
