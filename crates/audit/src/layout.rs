//! Where C2SP tlog-tiles has its files, and how entries lie in them.

use crate::tile::TileId;

/// Entries in a full bundle.
pub const ENTRIES: usize = 256;
/// Longest entry of a bundle in bytes.
pub const MAX_ENTRY: usize = 65_535;

/// The path of a tile that has `width` hashes.
pub fn tile_path(tile: TileId, width: usize) -> String {
    format!("tile/{}/{}", tile.level, numbered(tile.index, width))
}

/// The path of a bundle that has `width` entries.
pub fn bundle_path(index: u64, width: usize) -> String {
    format!("tile/entries/{}", numbered(index, width))
}

/// Entries as a bundle: each behind its length in two bytes, most significant first.
///
/// # Panics
/// When an entry is longer than [`MAX_ENTRY`]: no record is.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).expect("no record is longer");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    bytes
}

/// `x001/x234/067`, and `.p/17` behind it where it is not full.
fn numbered(index: u64, width: usize) -> String {
    let mut path = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    if width < ENTRIES { format!("{path}.p/{width}") } else { path }
}
