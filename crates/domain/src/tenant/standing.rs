//! What a suspended or deleted tenant closes, and for whom: everything for who is of it; for super administrators everything but what they
//! read, and what they need to administer it still. Others are told what they are told of every tenant that is not theirs.

use crate::access::{ActionSpec, Caller, Operation, Target};
use crate::error::{Error, Result};
use crate::identity::Role;
use crate::name::{TenantId, TenantName};
use crate::tenant::{TenantState, TenantStates};

/// What super administrators change of a closed tenant: who is of it, what they may do, its code policy, its secrets, its logs, where they
/// are sent to, and the tenant itself.
/// Whatever is not here, they only read.
const ADMINISTERED: [&str; 12] =
    ["api_key", "audit", "credential", "event", "grant", "policy", "secret", "service_account", "share", TENANT, "user", "webhook"];
/// The resource of what is done to tenants themselves, whatever their state.
const TENANT: &str = "tenant";

/// How a decision about a target goes on once the rules have allowed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It stands.
    Stands,
    /// Refused in the usual words.
    Refused,
}

/// That who calls is of a tenant of which something may happen. Who has proven nothing is told nothing.
///
/// # Errors
/// [`Error::Closed`] for who is of a tenant that is suspended or deleted.
pub(crate) async fn check_home(states: &dyn TenantStates, caller: &Caller) -> Result<Standing> {
    let home = caller.principal.tenant();
    match states.state(home).await? {
        Some(TenantState::Active) => Ok(Standing::Stands),
        Some(state) if caller.role.is_some() => Err(closed(home, state)),
        Some(_) | None => Ok(Standing::Refused),
    }
}

/// That what the rules allow about a target may be done in the tenant that it belongs to.
///
/// # Errors
/// [`Error::Closed`] and [`Error::NotFound`] for super administrators, from whom no tenant is hidden.
pub(crate) async fn check_target(states: &dyn TenantStates, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Standing> {
    let Some(tenant) = target.tenant().filter(|tenant| *tenant != caller.principal.tenant()) else { return Ok(Standing::Stands) };
    let sees_all = caller.role == Some(Role::SuperAdmin);
    match states.state(tenant).await? {
        Some(TenantState::Active) => Ok(Standing::Stands),
        _ if !sees_all => Ok(Standing::Refused),
        Some(state) if action.operation != Operation::Read && !ADMINISTERED.contains(&action.resource) => Err(closed(tenant, state)),
        // The use cases of tenants say themselves what there is not.
        None if action.resource != TENANT => Err(Error::NotFound { resource: TenantName { tenant: tenant.clone() }.to_string() }),
        Some(_) | None => Ok(Standing::Stands),
    }
}

/// That something of a tenant may happen, for those who have proven that they are of it.
///
/// # Errors
/// [`Error::Closed`]; [`Error::Unauthenticated`] where there is no such tenant.
pub(crate) async fn require_active(states: &dyn TenantStates, tenant: &TenantId) -> Result<()> {
    match states.state(tenant).await? {
        Some(TenantState::Active) => Ok(()),
        Some(state) => Err(closed(tenant, state)),
        None => Err(Error::Unauthenticated),
    }
}

fn closed(tenant: &TenantId, state: TenantState) -> Error {
    let reason = match state {
        TenantState::Deleted => "TENANT_DELETED",
        TenantState::Active | TenantState::Suspended => "TENANT_SUSPENDED",
    };
    let subject = TenantName { tenant: tenant.clone() }.to_string();
    let description = format!("{subject} is {}; a super administrator can resume it", state.as_str());
    Error::Closed { reason, subject, description }
}
