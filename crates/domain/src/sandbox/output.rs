//! The streams that a program prints to.

/// Most bytes in one output event.
pub const MAX_CHUNK: usize = 64 * 1024;

/// An output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
