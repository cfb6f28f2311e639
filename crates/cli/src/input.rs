//! Bytes that a command line names: a file, or standard input for `-`.

use std::io::Read as _;
use std::path::Path;

use crate::failure::{Failure, Result};

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") { std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes) } else { std::fs::read(path) };
    read.map_err(|error| Failure::file(path, &error))
}
