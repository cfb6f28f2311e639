//! The rules of callers who have proven who they are: the matrix of their role, and on top of it grants. Who shows nothing is left to
//! the rules of the loopback interface.

use std::sync::Arc;

use async_trait::async_trait;

use crate::access::matrix::{Because, Cell, Column, Extent, cell, judge};
use crate::access::{Access, ActionSpec, Caller, GrantRepository, Granted, Grantee, LocalRules, Reach, Rules, Target, TenantScope};
use crate::error::Result;
use crate::identity::Role;
use crate::name::{PrincipalName, UtilityName};
use crate::time::Clock;

/// The rules. Cheap to clone.
#[derive(Clone)]
pub struct MatrixRules {
    local: Arc<LocalRules>,
    grants: Arc<dyn GrantRepository>,
    clock: Arc<dyn Clock>,
}

/// What the rules say, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How far the principal reaches; `None` is a refusal.
    pub reach: Option<Reach>,
    /// The rule that decided.
    pub because: Because,
    /// Whose grant reaches the one utility that was asked about, where one does; a principal's own comes before that of its role, and
    /// that before its tenant's.
    pub granted_to: Option<Grantee>,
}

impl MatrixRules {
    /// Rules with the grants that `grants` holds; who shows nothing is left to `local`.
    pub fn new(local: LocalRules, grants: Arc<dyn GrantRepository>, clock: Arc<dyn Clock>) -> Self {
        MatrixRules { local: Arc::new(local), grants, clock }
    }

    /// Decides for a principal with a role.
    ///
    /// # Errors
    /// Those of the store of grants.
    pub async fn decide_for(&self, principal: &PrincipalName, role: Role, action: ActionSpec, target: Target<'_>) -> Result<Decision> {
        let (extent, because) = judge(role, principal.tenant(), action, target);
        let (reach, granted_to) = match extent {
            Extent::Nothing if because == Because::OtherTenant => self.shared(principal, role, action, target).await?,
            Extent::Nothing => (None, None),
            Extent::Tenant => (Some(Reach::Tenant), None),
            Extent::Own => {
                let (reach, granted_to) = self.own(principal, role, action, target).await?;
                (Some(reach), granted_to)
            }
        };
        Ok(Decision { reach, because, granted_to })
    }

    /// What the principal owns, and what it was granted of the target, with the grantee of the first grant of one utility.
    async fn own(&self, principal: &PrincipalName, role: Role, action: ActionSpec, target: Target<'_>) -> Result<(Reach, Option<Grantee>)> {
        let Some(needed) = Access::needed_for(action) else { return Ok((Reach::Own, None)) };
        let one = match (utility_of(target), target) {
            (Some(utility), _) => Some(utility),
            (None, Target::Tenant(_)) => None,
            (None, _) => return Ok((Reach::Own, None)),
        };
        let (scope, now) = (TenantScope::for_system(principal.tenant().clone()), self.clock.now());
        let (mut granted, mut granted_to) = (Vec::new(), None);
        for grantee in Grantee::all_of(principal, role) {
            let held = self.grants.held_by(&scope, &grantee).await?;
            match one {
                Some(utility) if held.give(utility, needed, now) => {
                    granted.push(utility.utility.clone());
                    granted_to = granted_to.or(Some(grantee));
                }
                Some(_) => {}
                None => granted.extend(held.giving(scope.tenant(), needed, now).cloned()),
            }
        }
        let reach = if granted.is_empty() { Reach::Own } else { Reach::OwnAnd(granted.into_iter().collect::<Granted>()) };
        Ok((reach, granted_to))
    }

    /// What another tenant shares with the principal's: one utility, to read it or to run it. Whether it is there, and whether there is
    /// another, is not looked at: only what the principal's own tenant holds.
    async fn shared(
        &self,
        principal: &PrincipalName,
        role: Role,
        action: ActionSpec,
        target: Target<'_>,
    ) -> Result<(Option<Reach>, Option<Grantee>)> {
        let needed = Access::needed_for(action).filter(|needed| *needed < Access::Manage && cell(role, Column::of(action)) != Cell::No);
        let (Some(needed), Some(utility)) = (needed, utility_of(target)) else { return Ok((None, None)) };
        let grantee = Grantee::Tenant(principal.tenant().clone());
        let held = self.grants.held_by(&TenantScope::for_system(principal.tenant().clone()), &grantee).await?;
        Ok(match held.give(utility, needed, self.clock.now()) {
            true => (Some(Reach::OwnAnd([utility.utility.clone()].into_iter().collect())), Some(grantee)),
            false => (None, None),
        })
    }
}

/// The utility that a target is, or is a version of.
fn utility_of(target: Target<'_>) -> Option<&UtilityName> {
    match target {
        Target::Utility(name) => Some(name),
        Target::Version(name) => Some(&name.utility),
        _ => None,
    }
}

#[async_trait]
impl Rules for MatrixRules {
    async fn decide(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        match (caller.credential(), caller.role) {
            (None, _) => self.local.decide(caller, action, target).await,
            (Some(_), Some(role)) => Ok(self.decide_for(&caller.principal, role, action, target).await?.reach),
            (Some(_), None) => Ok(None),
        }
    }
}
