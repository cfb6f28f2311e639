//! Users and service accounts.

use std::time::Duration;

use crate::access::{Resource, Target};
use crate::error::{Error, Result};
use crate::identity::{PasswordHash, Role};
use crate::name::{PrincipalKind, PrincipalName};
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

/// Times in tokens of outside issuers are cut to this.
const TOKEN_TICK: Duration = Duration::from_secs(1);

impl Principal {
    /// The opaque mark of its revision.
    pub fn etag(&self) -> Etag {
        Etag::new(self.revision.to_string())
    }

    /// That a change may be made by whoever saw `etag`.
    pub(super) fn check_etag(&self, etag: &Etag) -> Result<()> {
        if etag.admits(&self.etag()) { Ok(()) } else { Err(Error::Stale { resource: self.name.to_string() }) }
    }

    /// Whether it may do anything.
    pub fn is_active(&self) -> bool {
        self.state == PrincipalState::Active
    }

    /// Whether it is a person who may do everything everywhere.
    pub fn is_ruling(&self) -> bool {
        self.role == Role::SuperAdmin && self.is_active() && self.name.kind() == PrincipalKind::User
    }

    /// Whether a token of an outside issuer counts, by the time at which it was issued, cut to a second.
    pub(super) fn accepts(&self, issued: Timestamp) -> bool {
        self.is_active() && is_after(issued, self.valid_after)
    }

    /// The [`Principal::valid_after`] that makes void all that was issued until `now`.
    pub(super) fn voided(&self, now: Timestamp) -> Timestamp {
        now.max(Timestamp::from_millis(self.valid_after.as_millis() + 1))
    }

    /// The principal as an answer may be remembered: without the hash of the password, and still with the word that there is one.
    #[must_use]
    pub fn without_secret(&self) -> Self {
        Principal { password: self.password.as_ref().map(|_| PasswordHash::new("")), ..self.clone() }
    }
}

/// Whether a token of an outside issuer was issued after a time, as far as one can tell.
pub(super) fn is_after(issued: Timestamp, valid_after: Timestamp) -> bool {
    issued.plus(TOKEN_TICK) > valid_after
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
