//! Users and service accounts.

use crate::access::{Resource, Target};
use crate::identity::{PasswordHash, Role};
use crate::name::PrincipalName;
use crate::revision::{Etag, Revision};
use crate::time::Timestamp;

/// A user or a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its name.
    pub name: PrincipalName,
    /// How people call it.
    pub display_name: String,
    /// How much it may do.
    pub role: Role,
    /// Whether it may do anything at all.
    pub state: PrincipalState,
    /// A user's password; service accounts, and users of outside issuers, have none.
    pub password: Option<PasswordHash>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Grows with each change.
    pub revision: Revision,
    /// What was issued before is void. Never the same twice: what is issued carries it, and is void once it is another one.
    pub valid_after: Timestamp,
}

/// Whether a principal may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalState {
    /// It may.
    Active,
    /// Whatever it shows is refused.
    Disabled,
}

impl Principal {
    /// The opaque mark of its revision.
    pub fn etag(&self) -> Etag {
        Etag::new(self.revision.to_string())
    }

    /// Whether it may do anything.
    pub fn is_active(&self) -> bool {
        self.state == PrincipalState::Active
    }
}

impl Resource for Principal {
    /// Whoever it is: a principal reaches itself.
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.name)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => tenant == self.name.tenant(),
            Target::Principal(name) => *name == self.name,
            _ => false,
        }
    }
}
