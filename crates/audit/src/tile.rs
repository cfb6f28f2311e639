//! Tiles: 256 hashes of one level of the tree each. A tile only grows, so the hashes of an older tree are always the beginning of
//! those of a newer one, and a tile once full never changes.

use std::collections::BTreeMap;

use crate::hash::{Hash, node_hash};
use crate::tree::Tree;

/// Hashes in a full tile; eight levels of the tree lie between a tile and the next above it.
pub const TILE_HASHES: usize = 256;
/// Levels of the tree from one level of tiles to the next.
const HEIGHT: u8 = 8;
const HASH: usize = 32;
const HASHES: u64 = TILE_HASHES as u64;

/// Which tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 holds leaves; each level above holds the roots of the full tiles below.
    pub level: u8,
    /// From the left.
    pub index: u64,
}

/// Some tiles of a tree, as bytes: their hashes one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles(BTreeMap<TileId, Vec<u8>>);

impl TileId {
    /// The tiles that are not full in a tree of this size: what it takes to know its root, and to let it grow.
    pub fn growing(size: u64) -> Vec<TileId> {
        let levels = (0..HEIGHT).map(|level| (level, size >> (u32::from(level) * u32::from(HEIGHT))));
        let partial = levels.filter(|(_, hashes)| !hashes.is_multiple_of(HASHES));
        partial.map(|(level, hashes)| TileId { level, index: hashes / HASHES }).collect()
    }

    /// How many hashes it has in a tree of this size.
    pub fn width(self, size: u64) -> usize {
        let hashes = size.checked_shr(u32::from(self.level) * u32::from(HEIGHT)).unwrap_or(0);
        let before = self.index.saturating_mul(HASHES);
        usize::try_from(hashes.saturating_sub(before)).unwrap_or(usize::MAX).min(TILE_HASHES)
    }
}

impl Tiles {
    /// Adds a tile, or replaces it.
    pub fn insert(&mut self, id: TileId, hashes: Vec<u8>) {
        self.0.insert(id, hashes);
    }

    /// All tiles.
    pub fn into_tiles(self) -> impl Iterator<Item = (TileId, Vec<u8>)> {
        self.0.into_iter()
    }

    /// Adds a leaf to a tree of `size` leaves, whose growing tiles are here. What it fills adds a hash to the level above.
    pub fn push(&mut self, size: u64, leaf: Hash) {
        let (mut hash, mut count) = (leaf, size);
        for level in 0.. {
            let id = TileId { level, index: count / HASHES };
            let tile = self.0.entry(id).or_default();
            tile.extend_from_slice(&hash);
            if tile.len() < TILE_HASHES * HASH {
                return;
            }
            hash = combined(tile);
            count /= HASHES;
        }
    }

    /// The tree of this size, from its growing tiles; `None` where one of them is missing or too short.
    pub fn tree(&self, size: u64) -> Option<Tree> {
        let mut subtrees = Vec::new();
        for height in (0..64_u8).rev().filter(|height| size >> height & 1 == 1) {
            // What lies right of the larger ones.
            let index = (size >> height) - 1;
            subtrees.push(self.node(height, index)?);
        }
        Some(Tree::of(size, subtrees))
    }

    /// The hashes of the leaves from `from` on and before `to`, of the tile of the first; `None` where that is missing, or too short.
    pub fn leaves(&self, from: u64, to: u64) -> Option<Vec<Hash>> {
        let index = from / HASHES;
        let to = to.min((index + 1) * HASHES);
        let place = |leaf: u64| usize::try_from(leaf - index * HASHES).ok().map(|place| place * HASH);
        let hashes = self.0.get(&TileId { level: 0, index })?.get(place(from)?..place(to)?)?;
        Some(hashes.as_chunks().0.to_vec())
    }

    /// The hash of the complete subtree of this height, counted from the left; `None` where its tile is missing or too short.
    pub(crate) fn node(&self, height: u8, index: u64) -> Option<Hash> {
        let (id, hashes) = place(height, index);
        let (first, last) = (hashes.start * HASH, hashes.end * HASH);
        self.0.get(&id)?.get(first..last).map(combined)
    }
}

/// Where the hashes stand that a complete subtree is made of.
pub(crate) fn place(height: u8, index: u64) -> (TileId, std::ops::Range<usize>) {
    let (level, within) = (height / HEIGHT, height % HEIGHT);
    let (first, count) = (index << within, 1_usize << within);
    let offset = usize::try_from(first % HASHES).expect("less than the hashes of a tile");
    (TileId { level, index: first / HASHES }, offset..offset + count)
}

/// The root over a power of two of hashes.
fn combined(hashes: &[u8]) -> Hash {
    if hashes.len() == HASH {
        return hashes.try_into().expect("32 bytes");
    }
    let (left, right) = hashes.split_at(hashes.len() / 2);
    node_hash(&combined(left), &combined(right))
}
