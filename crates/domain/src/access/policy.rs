//! The one place that issues permits.

use std::sync::Arc;

use crate::access::{Action, ActionSpec, Caller, Opened, Permit, Reach, Rules, Target, Targeted as _};
use crate::error::{Error, Result};
use crate::tenant::{Standing, TenantStates, check_home, check_target};

/// Asks the rules, and issues permits. Cheap to clone.
#[derive(Clone)]
pub struct AccessPolicy {
    rules: Arc<dyn Rules>,
    tenants: Arc<dyn TenantStates>,
}

impl AccessPolicy {
    /// A policy with these rules, and with what is said here of the tenants that there are.
    pub fn new(rules: Arc<dyn Rules>, tenants: Arc<dyn TenantStates>) -> Self {
        AccessPolicy { rules, tenants }
    }

    /// Demands that `caller` may do `A` to `target`.
    ///
    /// # Errors
    /// [`Error::Denied`], the same whether the target exists or not; [`Error::Closed`] where a tenant is suspended or deleted, for
    /// those who are of it, and for super administrators.
    pub async fn require<A: Action>(&self, caller: &Caller, target: A::Target) -> Result<Permit<A>> {
        let reach = self.demand(caller, A::SPEC, target.target()).await?;
        Ok(Permit::new(caller.clone(), target, reach))
    }

    /// Demands that `caller` may still do what it once had a permit for, also to what was `opened` under that.
    ///
    /// # Errors
    /// As [`AccessPolicy::require`].
    pub async fn check(&self, caller: &Caller, action: ActionSpec, target: Target<'_>, opened: &Opened) -> Result<()> {
        self.still_reaches_all(caller, action, target, opened).await.map(drop)
    }

    /// As [`AccessPolicy::check`]; says whether it reaches everything of the tenant by now.
    ///
    /// # Errors
    /// As [`AccessPolicy::require`].
    pub async fn still_reaches_all(&self, caller: &Caller, action: ActionSpec, target: Target<'_>, opened: &Opened) -> Result<bool> {
        let reach = self.demand(caller, action, target).await?;
        if opened.is_reached(&caller.principal, &reach) { Ok(reach == Reach::Tenant) } else { Err(denied(action, target)) }
    }

    async fn demand(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Reach> {
        self.decide(caller, action, target).await?.ok_or_else(|| denied(action, target))
    }

    async fn decide(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        if check_home(self.tenants.as_ref(), caller).await? == Standing::Refused {
            return Ok(None);
        }
        let Some(reach) = self.rules.decide(caller, action, target).await? else { return Ok(None) };
        let standing = check_target(self.tenants.as_ref(), caller, action, target).await?;
        Ok((standing == Standing::Stands).then_some(reach))
    }
}

fn denied(action: ActionSpec, target: Target<'_>) -> Error {
    Error::Denied { action: action.name, resource: named(action.resource, target) }
}

/// What a refusal names: what belongs to the installation has no name but its kind.
fn named(kind: &str, target: Target<'_>) -> String {
    match target {
        Target::Installation => kind.to_owned(),
        named => named.to_string(),
    }
}
