//! Proofs as RFC 6962 has them: that a record is in a tree, and that one tree is the beginning of another.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::hash::{Hash, node_hash};
use crate::tile::{TileId, Tiles, place};

/// Tiles that a proof needs and that were not given, or too short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub BTreeSet<TileId>);

/// The proof that the leaf `index` is in the tree of `size` leaves.
///
/// # Errors
/// [`Missing`]: give these tiles, and ask again.
///
/// # Panics
/// When there is no such leaf: the caller has looked.
pub fn inclusion(tiles: &Tiles, index: u64, size: u64) -> Result<Vec<Hash>, Missing> {
    assert!(index < size, "no leaf {index} in a tree of {size}");
    let prover = Prover::new(tiles);
    let mut proof = Vec::new();
    prover.path(index, 0, size, &mut proof);
    prover.done(proof)
}

/// The proof that the tree of `older` leaves is the beginning of the tree of `newer` leaves. Empty where one of them is empty or
/// both are the same.
///
/// # Errors
/// [`Missing`]: give these tiles, and ask again.
///
/// # Panics
/// When the older is the larger: the caller has looked.
pub fn consistency(tiles: &Tiles, older: u64, newer: u64) -> Result<Vec<Hash>, Missing> {
    assert!(older <= newer, "a tree of {older} is no beginning of one of {newer}");
    let prover = Prover::new(tiles);
    let mut proof = Vec::new();
    if older > 0 {
        prover.beginning(older, 0, newer, true, &mut proof);
    }
    prover.done(proof)
}

struct Prover<'a> {
    tiles: &'a Tiles,
    missing: RefCell<BTreeSet<TileId>>,
}

impl<'a> Prover<'a> {
    fn new(tiles: &'a Tiles) -> Self {
        Prover { tiles, missing: RefCell::default() }
    }

    fn done(self, proof: Vec<Hash>) -> Result<Vec<Hash>, Missing> {
        let missing = self.missing.into_inner();
        if missing.is_empty() { Ok(proof) } else { Err(Missing(missing)) }
    }

    /// PATH of RFC 6962, 2.1.1, over the leaves from `start` to `end`.
    fn path(&self, index: u64, start: u64, end: u64, proof: &mut Vec<Hash>) {
        if end - start == 1 {
            return;
        }
        let middle = start + split(end - start);
        if index < middle {
            self.path(index, start, middle, proof);
            proof.push(self.range(middle, end));
        } else {
            self.path(index, middle, end, proof);
            proof.push(self.range(start, middle));
        }
    }

    /// SUBPROOF of RFC 6962, 2.1.2: `older` leaves from `start` on, among those to `end`; `known` where whoever checks knows their root.
    fn beginning(&self, older: u64, start: u64, end: u64, known: bool, proof: &mut Vec<Hash>) {
        if start + older == end {
            if !known {
                proof.push(self.range(start, end));
            }
            return;
        }
        let left = split(end - start);
        if older <= left {
            self.beginning(older, start, start + left, known, proof);
            proof.push(self.range(start + left, end));
        } else {
            self.beginning(older - left, start + left, end, false, proof);
            proof.push(self.range(start, start + left));
        }
    }

    /// The root over the leaves from `start` to `end`.
    fn range(&self, start: u64, end: u64) -> Hash {
        let leaves = end - start;
        if leaves.is_power_of_two() && start.is_multiple_of(leaves) {
            let height = u8::try_from(leaves.trailing_zeros()).expect("a height is less than 64");
            return self.node(height, start / leaves);
        }
        let middle = start + split(leaves);
        node_hash(&self.range(start, middle), &self.range(middle, end))
    }

    fn node(&self, height: u8, index: u64) -> Hash {
        self.tiles.node(height, index).unwrap_or_else(|| {
            self.missing.borrow_mut().insert(place(height, index).0);
            Hash::default()
        })
    }
}

/// The largest power of two below.
fn split(leaves: u64) -> u64 {
    1 << (63 - (leaves - 1).leading_zeros())
}
