//! A grant: access to one utility for somebody who does not own it. It makes a utility like one's own for some operations; which
//! columns of the matrix are open to somebody, their role alone decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::access::{ActionSpec, Operation, Resource, Target};
use crate::error::Result;
use crate::identity::Role;
use crate::name::{PrincipalName, TenantId, UtilityId, UtilityName};
use crate::time::Timestamp;
use crate::violation::{Violation, longest};

/// Most grants of one grantee in a tenant: what a decision looks through and a list merges is bounded by it.
pub const MAX_GRANTS: usize = 1_000;
/// Most of what one tenant has offered to others or shares with them: it may name tenants that do not exist, so that is bounded, too.
pub const MAX_GIVEN: usize = 5_000;
/// Longest reason in characters.
const MAX_REASON: usize = 500;

/// What a grant gives; each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Seeing the utility, its versions and its code.
    Read,
    /// Running it, too.
    Execute,
    /// Changing it, too, and deleting it where the role may delete at all.
    Manage,
}

/// Who a grant is for: of the tenant that the utility belongs to, or another tenant as a whole, with which it is shared then.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// `tenants/{tenant}`: every principal of the tenant.
    Tenant(TenantId),
    /// `tenants/{tenant}/roles/{role}`: every principal with exactly this role.
    Role(TenantId, Role),
    /// `tenants/{tenant}/users/{user}` or `tenants/{tenant}/serviceAccounts/{account}`.
    Principal(PrincipalName),
}

/// Whether the tenant with which a utility is shared has agreed to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// Nobody is asked: the grantee is of the tenant that the utility belongs to.
    Unneeded,
    /// It was offered, and gives nothing yet.
    Awaited,
    /// It was accepted.
    Given {
        /// Who accepted it.
        by: PrincipalName,
        /// When.
        time: Timestamp,
    },
}

/// Access to one utility for one grantee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is about.
    pub utility: UtilityName,
    /// Whom it is for.
    pub grantee: Grantee,
    /// What it gives.
    pub access: Access,
    /// Why, for auditors.
    pub reason: String,
    /// From when on it gives nothing; `None` for never.
    pub expires: Option<Timestamp>,
    /// Who granted it.
    pub granted_by: PrincipalName,
    /// When it was granted.
    pub created: Timestamp,
    /// Whether another tenant that it is for has agreed.
    pub consent: Consent,
}

/// A grant as asked for.
#[derive(Debug, Clone, Default)]
pub struct GrantDraft {
    /// Whom it is for; `None` where what was given names nobody, which is among the violations.
    pub grantee: Option<Grantee>,
    /// What it gives; `None` where nothing is said.
    pub access: Option<Access>,
    /// Why.
    pub reason: String,
    /// Its end.
    pub expires: Option<Timestamp>,
    /// What is wrong with the request already.
    pub violations: Vec<Violation>,
}

/// What one grantee was granted, by utility: of its tenant, and what others share with that where the grantee is the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldGrants(BTreeMap<UtilityName, (Access, Option<Timestamp>)>);

/// Utilities that a permit reaches by grants, beside the caller's own. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted(Arc<BTreeSet<UtilityId>>);

// === impls ===

impl Access {
    /// What a grant must give for an action; `None` where no grant helps.
    pub fn needed_for(action: ActionSpec) -> Option<Self> {
        if !["utility", "version"].contains(&action.resource) {
            return None;
        }
        match action.operation {
            Operation::Read => Some(Access::Read),
            Operation::Execute => Some(Access::Execute),
            Operation::Update | Operation::Delete => Some(Access::Manage),
            Operation::Create | Operation::Administer => None,
        }
    }

    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Execute => "execute",
            Access::Manage => "manage",
        }
    }

    /// The access of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Access::Read, Access::Execute, Access::Manage].into_iter().find(|access| access.as_str() == name)
    }
}

impl Grantee {
    /// Reads a grantee of `tenant`.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] that names `field`, also for somebody of another tenant.
    pub fn parse(field: &str, tenant: &TenantId, text: &str) -> Result<Self> {
        let grantee = match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", own] => Grantee::Tenant(TenantId::parse(field, own)?),
            ["tenants", own, "roles", role] => match Role::parse(role) {
                Some(role) => Grantee::Role(TenantId::parse(field, own)?, role),
                None => return Err(unknown(field)),
            },
            _ => Grantee::Principal(PrincipalName::parse(field, text).map_err(|_other_form| unknown(field))?),
        };
        if grantee.tenant() == tenant { Ok(grantee) } else { Err(foreign(field)) }
    }

    /// The tenant that it is of, or is.
    pub fn tenant(&self) -> &TenantId {
        match self {
            Grantee::Tenant(tenant) | Grantee::Role(tenant, _) => tenant,
            Grantee::Principal(principal) => principal.tenant(),
        }
    }

    /// Everything by which a principal may hold grants.
    pub(super) fn all_of(principal: &PrincipalName, role: Role) -> [Self; 3] {
        let tenant = principal.tenant();
        [Grantee::Principal(principal.clone()), Grantee::Role(tenant.clone(), role), Grantee::Tenant(tenant.clone())]
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grantee::Tenant(tenant) => write!(f, "tenants/{tenant}"),
            Grantee::Role(tenant, role) => write!(f, "tenants/{tenant}/roles/{}", role.as_str()),
            Grantee::Principal(principal) => principal.fmt(f),
        }
    }
}

impl Grant {
    /// Whether it has ended.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// The other tenant that the utility is shared with; `None` for a grant within its own.
    pub fn shared_with(&self) -> Option<&TenantId> {
        Some(self.grantee.tenant()).filter(|receiver| **receiver != self.utility.tenant)
    }
}

impl Resource for Grant {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    /// What is shared lies in both tenants.
    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Utility(name) => *name == self.utility,
            Target::Tenant(tenant) => self.shared_with().is_some_and(|receiver| receiver == tenant || self.utility.tenant == *tenant),
            _ => false,
        }
    }
}

impl GrantDraft {
    /// The grant, when nothing is wrong with it.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] with every violation.
    pub(super) fn grant(self, utility: UtilityName, granted_by: PrincipalName, now: Timestamp) -> Result<Grant> {
        let mut found = self.violations;
        longest(&mut found, "reason".to_owned(), &self.reason, MAX_REASON);
        if self.expires.is_some_and(|end| end <= now) {
            found.push(Violation::new("expire_time", "OUT_OF_RANGE", "must be in the future"));
        }
        match (self.grantee, self.access) {
            (Some(grantee), Some(access)) if found.is_empty() => {
                let consent = if *grantee.tenant() == utility.tenant { Consent::Unneeded } else { Consent::Awaited };
                Ok(Grant { utility, grantee, access, reason: self.reason, expires: self.expires, granted_by, created: now, consent })
            }
            _ => Err(crate::Error::Invalid(found)),
        }
    }
}

impl HeldGrants {
    /// What these grants give; those that are not accepted give nothing.
    pub fn of(grants: impl IntoIterator<Item = Grant>) -> Self {
        let accepted = grants.into_iter().filter(|grant| grant.consent != Consent::Awaited);
        HeldGrants(accepted.map(|grant| (grant.utility, (grant.access, grant.expires))).collect())
    }

    /// How many there are, expired ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, expired ones included, by utility.
    pub fn iter(&self) -> impl Iterator<Item = (&UtilityName, Access, Option<Timestamp>)> {
        self.0.iter().map(|(utility, (access, expires))| (utility, *access, *expires))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they give `needed` to one utility.
    pub(super) fn give(&self, utility: &UtilityName, needed: Access, now: Timestamp) -> bool {
        self.0.get(utility).is_some_and(|held| gives(held, needed, now))
    }

    /// The utilities of a tenant to which they give `needed`.
    pub(super) fn giving(&self, tenant: &TenantId, needed: Access, now: Timestamp) -> impl Iterator<Item = &UtilityId> {
        let of_tenant = self.0.iter().filter(move |(utility, _)| utility.tenant == *tenant);
        of_tenant.filter(move |(_, held)| gives(held, needed, now)).map(|(utility, _)| &utility.utility)
    }
}

fn gives((access, expires): &(Access, Option<Timestamp>), needed: Access, now: Timestamp) -> bool {
    *access >= needed && expires.is_none_or(|end| end > now)
}

impl Granted {
    /// Whether a utility is among them.
    pub fn contains(&self, utility: &UtilityId) -> bool {
        self.0.contains(utility)
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &UtilityId> {
        self.0.iter()
    }
}

impl FromIterator<UtilityId> for Granted {
    fn from_iter<I: IntoIterator<Item = UtilityId>>(utilities: I) -> Self {
        Granted(Arc::new(utilities.into_iter().collect()))
    }
}

fn unknown(field: &str) -> crate::Error {
    let forms =
        "tenants/{tenant}/users/{user}, tenants/{tenant}/serviceAccounts/{account}, tenants/{tenant}/roles/{role} or tenants/{tenant}";
    crate::Error::invalid(field, "MALFORMED", format!("must name whom access is granted to: {forms}"))
}

fn foreign(field: &str) -> crate::Error {
    crate::Error::invalid(field, "OTHER_TENANT", "must be of the tenant that the utility belongs to")
}

#[cfg(test)]
mod tests;
