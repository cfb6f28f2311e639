//! What every part needs.

use std::path::Path;

use crate::arguments::{Arguments, Effort};

/// What every part needs.
#[derive(Debug)]
pub struct Context<'a> {
    /// The command line.
    pub arguments: &'a Arguments,
    /// How long things are measured.
    pub effort: Effort,
    /// A directory for scratch files, on the file system of the data directory.
    pub scratch: &'a Path,
}
