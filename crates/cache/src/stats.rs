//! What a cache, or a part of it, did and holds.

/// What a cache did and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Reads that were answered from memory.
    pub hits: u64,
    /// Reads that were passed on.
    pub misses: u64,
    /// Things that are kept. Lags behind a little.
    pub entries: u64,
    /// Memory that they take, by estimate. Lags behind a little.
    pub bytes: u64,
}
