//! A tenant as it is kept.

use std::fmt;
use std::time::Duration;

use crate::access::{Resource, Target};
use crate::error::{Error, Result};
use crate::name::{PrincipalName, TenantId, TenantName};
use crate::revision::{Etag, Revision};
use crate::tenant::{Settings, TenantState};
use crate::time::Timestamp;

/// How long the data of a deleted tenant is kept.
pub const PURGED_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The number of a tenant: given by the store when the tenant is made, never changed, and never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantNumber(i32);

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its code, by which everything of it is named.
    pub code: TenantId,
    /// Its number, by which other systems know it.
    pub number: TenantNumber,
    /// How people call it; never empty.
    pub display_name: String,
    /// Whether anything of it may happen.
    pub state: TenantState,
    /// Its database in another system.
    pub database: Database,
    /// What was settled for it.
    pub settings: Settings,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Since when it is suspended or deleted; `None` while it is active.
    pub closed: Option<Timestamp>,
    /// When the removal of what it had began, after which it is not resumed; `None` while all of that is there.
    pub purged: Option<Timestamp>,
    /// Grows with each change.
    pub revision: Revision,
}

/// How the tenant's database in another system is reached. Zona keeps it for others and connects to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Database {
    /// Host, perhaps with a port.
    pub host: String,
    /// Who connects.
    pub username: String,
    /// Its name there.
    pub name: String,
}

impl TenantNumber {
    /// A number that a store has given.
    pub const fn from_stored(number: i32) -> Self {
        TenantNumber(number)
    }

    /// The number.
    pub const fn as_i32(self) -> i32 {
        self.0
    }
}

impl fmt::Display for TenantNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Database {
    /// Whether another system could connect by it.
    pub fn is_named(&self) -> bool {
        !self.host.is_empty()
    }
}

impl Tenant {
    /// A tenant as it is made; the store gives the number.
    pub fn new(code: TenantId, now: Timestamp) -> Self {
        Tenant {
            number: TenantNumber(0),
            display_name: code.to_string(),
            code,
            state: TenantState::Active,
            database: Database::default(),
            settings: Settings::default(),
            created: now,
            updated: now,
            closed: None,
            purged: None,
            revision: Revision::FIRST,
        }
    }

    /// Its full name.
    pub fn name(&self) -> TenantName {
        TenantName { tenant: self.code.clone() }
    }

    /// Whether its data goes: it was deleted long enough ago, or its keys were destroyed.
    pub fn is_to_be_purged(&self, now: Timestamp) -> bool {
        let is_due = self.purged.is_some() || self.closed.is_some_and(|closed| now >= closed.plus(PURGED_AFTER));
        self.state == TenantState::Deleted && is_due
    }

    /// The same once its data begins to go; `None` where that has begun before.
    pub fn begin_purge(&self, now: Timestamp) -> Option<Self> {
        let begun = || Tenant { purged: Some(now), updated: now, revision: self.revision.next(), ..self.clone() };
        self.purged.is_none().then(begun)
    }

    /// That its keys may be destroyed: nobody needs them any more.
    pub(super) fn check_shreddable(&self) -> Result<()> {
        let refused = |reason, description: &str| {
            Err(Error::Precondition { reason, subject: self.name().to_string(), description: description.to_owned() })
        };
        if self.state != TenantState::Deleted {
            return refused("TENANT_NOT_DELETED", "is not deleted, and its keys are in use: delete it first");
        }
        if self.settings.legal_hold {
            return refused("LEGAL_HOLD", "is on legal hold, which keeps everything of it readable: take the hold back first");
        }
        Ok(())
    }

    /// That it may be resumed: nothing of what it had has gone.
    pub(super) fn check_whole(&self) -> Result<()> {
        if self.purged.is_none() {
            return Ok(());
        }
        Err(Error::Precondition {
            reason: "TENANT_PURGED",
            subject: self.name().to_string(),
            description: "was deleted so long ago that its data goes, or has gone; make a tenant with another code".to_owned(),
        })
    }

    /// The opaque mark of its revision.
    pub fn etag(&self) -> Etag {
        Etag::new(format!("\"t{}\"", self.revision))
    }

    /// That a change may be made by whoever saw `etag`.
    pub(super) fn check_etag(&self, etag: &Etag) -> Result<()> {
        if etag.admits(&self.etag()) { Ok(()) } else { Err(Error::Stale { resource: self.name().to_string() }) }
    }

    /// The same in another state.
    #[must_use]
    pub(super) fn in_state(&self, state: TenantState, now: Timestamp) -> Self {
        let closed = (state != TenantState::Active).then_some(now);
        Tenant { state, closed, updated: now, revision: self.revision.next(), ..self.clone() }
    }
}

impl Resource for Tenant {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Installation => true,
            Target::Tenant(tenant) => *tenant == self.code,
            _ => false,
        }
    }
}

/// That what the keys of a deleted tenant have sealed opens nowhere any more.
pub fn keys_destroyed(tenant: &TenantId) -> Error {
    Error::Precondition {
        reason: "TENANT_PURGED",
        subject: TenantName { tenant: tenant.clone() }.to_string(),
        description: "was deleted, and its keys are destroyed: what they have sealed opens nowhere any more".to_owned(),
    }
}
