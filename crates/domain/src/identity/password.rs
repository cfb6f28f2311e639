//! Passwords as a port: hashing is slow on purpose, and bounded by whoever implements it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::identity::Secret;

/// A hashed password in the text form of its algorithm, parameters and salt included. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

/// What a password is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// It is the right one.
    Right,
    /// It is the right one, hashed with parameters that are too weak by now: hash it anew.
    RightButOutdated,
    /// It is another one.
    Wrong,
}

/// Port: hashes and checks passwords. Each call takes time and memory, so few run at once and the others wait.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when too many wait.
    async fn hash(&self, password: &Secret) -> Result<PasswordHash>;
    /// Checks a password. Without a hash it is wrong, and takes as long as with one.
    ///
    /// # Errors
    /// As [`PasswordHasher::hash`].
    async fn verify(&self, password: &Secret, hash: Option<&PasswordHash>) -> Result<PasswordVerdict>;
}

impl PasswordHash {
    /// A hash as its algorithm writes it.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        PasswordHash(text.into())
    }

    /// The text, for the algorithm and the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}
