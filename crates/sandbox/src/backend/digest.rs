//! The digest that runtimes, layouts and the battery are named by.

use sha2::{Digest as _, Sha256};

/// SHA-256 over parts, each preceded by its length, as `sha256:<hex>`.
pub(crate) fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold("sha256:".to_owned(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}
