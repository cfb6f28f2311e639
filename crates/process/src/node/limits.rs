//! How large a document may be. A document is read by whoever is handed it, so that each bound is held before it costs anything.

/// Bytes of a file: a manifest of a thousand services takes about 400 KiB.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Values within values: a manifest needs about ten levels.
pub const MAX_DEPTH: usize = 48;
/// Values of a document, each counted as often as aliases repeat it: a manifest of a thousand services takes about 50,000.
pub const MAX_NODES: usize = 200_000;
/// Bytes of a document's texts, each counted as often as aliases repeat it, and once more where an anchor keeps it: what a file of the
/// largest size comes to when all of it stands under one anchor and is repeated twice.
pub const MAX_TEXT: usize = 4 * MAX_BYTES;
