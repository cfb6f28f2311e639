//! The port to what protects the files of wrapping keys where the disk alone is not trusted: a key management service, which is asked when a
//! server starts, when a key is made, and when a key is met that another server has made.

use std::fmt;

use zeroize::Zeroizing;

/// Why something that protects keys did not do what it was asked for. It names no key material.
pub type GuardError = Box<dyn std::error::Error + Send + Sync>;

/// Port: protects wrapping keys by a key of its own that it hands out to nobody. Its calls block, and have a deadline.
pub trait KeyGuard: fmt::Debug + Send + Sync {
    /// What it is, as key files say and people read it, such as `aws-kms`: letters, digits and hyphens.
    fn name(&self) -> &str;
    /// Protects a key of this id; what comes of it is text without blanks, of at most 3,000 bytes.
    ///
    /// # Errors
    /// It cannot be asked, or refuses.
    fn protect(&self, id: &str, key: &[u8; 32]) -> Result<String, GuardError>;
    /// The bytes that were protected, under the id that they were protected for.
    ///
    /// # Errors
    /// It cannot be asked, or refuses: also for another id.
    fn open(&self, id: &str, protected: &str) -> Result<Zeroizing<Vec<u8>>, GuardError>;
}
