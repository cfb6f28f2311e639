//! Where C2SP tlog-tiles has its files, and how long what they are made from may be.

use crate::tile::{TILE_HASHES, TileId};

/// Longest record in bytes: its length fits into the two bytes that bundles of entries give it.
pub const MAX_ENTRY: usize = 65_535;

/// The path of a tile that has `width` hashes.
pub fn tile_path(tile: TileId, width: usize) -> String {
    format!("tile/{}/{}", tile.level, numbered(tile.index, width))
}

/// `x001/x234/067`, and `.p/17` behind it where it is not full.
fn numbered(index: u64, width: usize) -> String {
    let mut path = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    if width < TILE_HASHES { format!("{path}.p/{width}") } else { path }
}
