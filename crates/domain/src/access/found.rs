//! What a store has found, sealed: only a permit opens it, so that nobody forgets to ask how far the permit reaches.

use std::fmt;

use crate::access::Target;
use crate::name::{PrincipalName, UtilityId};

/// What was found under a name, or that there is nothing. Callers' work opens it with [`crate::access::Permit::open`]; the
/// server's own work says so by [`Found::open_for_system`].
#[must_use = "what was found is sealed until a permit opens it"]
#[derive(Clone, PartialEq, Eq)]
pub struct Found<T>(Option<T>);

/// A thing that permits open.
pub trait Resource {
    /// Whose it is; `None` where it is the whole tenant's.
    fn owner(&self) -> Option<&PrincipalName>;

    /// Whether it is what a permit for `target` is about, or a part of that.
    fn lies_in(&self, target: Target<'_>) -> bool;

    /// The utility whose grants open it, too; `None` where only its owner's reach counts.
    fn granted_with(&self) -> Option<&UtilityId> {
        None
    }
}

/// A thing that is reached with the whole that it belongs to, as a version is with its utility.
pub trait Part {
    /// What it belongs to.
    type Whole: Resource;

    /// Whether it is what a permit for `target` is about, or a part of that, where it belongs to `whole`.
    fn lies_in(&self, whole: &Self::Whole, target: Target<'_>) -> bool;
}

impl<T> Found<T> {
    /// Seals what a store has found.
    pub fn of(found: Option<T>) -> Self {
        Found(found)
    }

    /// Seals what is in hand already.
    pub fn one(found: T) -> Self {
        Found(Some(found))
    }

    /// What stands in its place where nothing was found.
    pub fn or_else(self, instead: impl FnOnce() -> T) -> Self {
        Found(self.0.or_else(|| Some(instead())))
    }

    /// Whether there is anything: no secret to whoever administers it.
    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Opens it without a permit: for work that the server does for itself (recovery, retention, judging code), for adapters
    /// that hand it on sealed, and for adapters' tests. Never for what a caller gets to see.
    pub fn open_for_system(self) -> Option<T> {
        self.0
    }
}

impl<T> fmt::Debug for Found<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Found(sealed)" } else { "Found(nothing)" })
    }
}
