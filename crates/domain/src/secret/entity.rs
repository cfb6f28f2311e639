//! A secret as it is kept, without its value, which is kept beside it, sealed.

use std::collections::BTreeMap;

use crate::access::{Resource, Target};
use crate::error::{Error, Result};
use crate::name::{PrincipalName, SecretName, TenantId, TenantName, UtilityName};
use crate::revision::{Etag, Revision};
use crate::time::Timestamp;

/// Most secrets of one tenant.
pub const MAX_SECRETS: usize = 500;
/// Longest value in bytes: a key with its chain of certificates.
pub const MAX_VALUE: usize = 64 * 1024;
/// Most utilities that one secret is released to.
pub const MAX_RELEASES: usize = 100;

/// What is known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSecret {
    /// Its name.
    pub name: SecretName,
    /// What it is for.
    pub description: String,
    /// Utilities that it is released to, and since when: whoever may run one of them may have it handed this secret. A utility that was
    /// made later under one of these names is not meant.
    pub utilities: BTreeMap<UtilityName, Timestamp>,
    /// Counts its values, from 1.
    pub version: u32,
    /// Who gave it the value that it has.
    pub set_by: PrincipalName,
    /// When it got it.
    pub set: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// When an execution was handed it last, to the minute.
    pub last_used: Option<Timestamp>,
    /// Grows with each change, and begins with the time at which it was made: one of the same name before has none of these.
    pub revision: Revision,
}

/// The refusal of one more than [`MAX_SECRETS`].
pub fn too_many(tenant: &TenantId) -> Error {
    Error::Precondition {
        reason: "TOO_MANY_SECRETS",
        subject: TenantName { tenant: tenant.clone() }.to_string(),
        description: format!("has {MAX_SECRETS} secrets; delete one first"),
    }
}

impl NamedSecret {
    /// The opaque mark of its revision.
    pub fn etag(&self) -> Etag {
        Etag::new(format!("\"s{}\"", self.revision))
    }

    /// Whether it is released to a utility that was made at `created`.
    pub(super) fn is_released_to(&self, utility: &UtilityName, created: Timestamp) -> bool {
        self.utilities.get(utility).is_some_and(|since| created <= *since)
    }

    /// That a change may be made by whoever saw `etag`.
    pub(super) fn check_etag(&self, etag: &Etag) -> Result<()> {
        if etag.admits(&self.etag()) { Ok(()) } else { Err(Error::Stale { resource: self.name.to_string() }) }
    }
}

impl Resource for NamedSecret {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    /// A permit to run a utility is about the secrets that are released to it, too.
    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => *tenant == self.name.tenant,
            Target::Secret(name) => *name == self.name,
            Target::Utility(name) => self.utilities.contains_key(name),
            _ => false,
        }
    }
}
