//! A tree that only grows, by what is needed of it to grow further: its complete subtrees.

use crate::hash::{Hash, empty_root, leaf_hash, node_hash};

/// The complete subtrees of a tree, from the largest to the smallest. Memory grows with the logarithm of the leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Tree {
    /// The tree of these complete subtrees.
    pub(crate) fn of(size: u64, subtrees: Vec<Hash>) -> Self {
        Tree { size, subtrees }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record.
    pub fn push(&mut self, record: &[u8]) {
        self.push_hash(leaf_hash(record));
    }

    /// Adds a leaf by its hash.
    pub fn push_hash(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // As many pairs are complete now as the size ends in ones.
        for _ in 0..self.size.trailing_ones() {
            let left = self.subtrees.pop().expect("each one of the size is a subtree");
            hash = node_hash(&left, &hash);
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let mut from_the_right = self.subtrees.iter().rev();
        let Some(smallest) = from_the_right.next() else { return empty_root() };
        from_the_right.fold(*smallest, |right, left| node_hash(left, &right))
    }
}
