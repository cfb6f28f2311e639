//! Revisions of what is stored, and the opaque marks by which callers name them.

use std::fmt;

/// How often something was changed: grows by one with each stored change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

/// The opaque mark of a revision, as a caller hands it in. Empty stands for any revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Etag(String);

impl Revision {
    /// Of what was never stored.
    pub const NONE: Revision = Revision(0);
    /// Of what was stored once.
    pub const FIRST: Revision = Revision(1);

    /// A revision as it was stored.
    pub const fn from_stored(number: u64) -> Self {
        Revision(number)
    }

    /// The number, for stores.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Revision(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Etag {
    /// A mark in these words.
    pub fn new(text: impl Into<String>) -> Self {
        Etag(text.into())
    }

    /// The words of the mark.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a change that names this mark may be made to what has the mark `present`.
    pub fn admits(&self, present: &Etag) -> bool {
        self.0.is_empty() || self == present
    }
}
