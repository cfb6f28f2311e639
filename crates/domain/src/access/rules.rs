//! The port to the rules, and the rules while there is no identity.

use async_trait::async_trait;

use crate::access::{ActionSpec, Caller, Granted, Resource, Target, Who};
use crate::error::Result;
use crate::name::{PrincipalName, TenantId};

/// How far a permit reaches inside of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Only what the caller owns.
    Own,
    /// What the caller owns, and these utilities with their versions.
    OwnAnd(Granted),
    /// Everything of the tenant.
    Tenant,
}

/// Port: the rules.
#[async_trait]
pub trait Rules: Send + Sync {
    /// How far `caller` may do `action` to `target`; `None` is a refusal.
    async fn decide(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>>;
}

/// Rules while there is no identity: the loopback caller may do everything in one tenant, and in the installation where it is
/// of that tenant, but make or stop tenants: for that, who calls must be known. Nobody else may do anything.
pub struct LocalRules {
    tenant: TenantId,
}

impl Reach {
    /// Whether it holds a thing for `principal`.
    pub(super) fn holds(&self, principal: &PrincipalName, thing: &impl Resource) -> bool {
        let own = || thing.owner().is_none_or(|owner| owner == principal);
        match self {
            Reach::Tenant => true,
            Reach::Own => own(),
            Reach::OwnAnd(granted) => own() || thing.granted_with().is_some_and(|utility| granted.contains(utility)),
        }
    }
}

impl LocalRules {
    /// Rules for the loopback caller in `tenant`.
    pub fn new(tenant: TenantId) -> Self {
        LocalRules { tenant }
    }
}

#[async_trait]
impl Rules for LocalRules {
    async fn decide(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        if action.resource == "tenant" && action.who == Who::All {
            return Ok(None);
        }
        let own = match target.tenant() {
            Some(tenant) => *tenant == self.tenant,
            None => *caller.principal.tenant() == self.tenant,
        };
        Ok((caller.local() && own).then_some(Reach::Tenant))
    }
}
