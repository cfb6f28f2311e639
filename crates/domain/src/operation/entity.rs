//! An operation as it is stored and shown: small, whatever it works on.

use std::time::Duration;

use crate::access::{Caller, Origin, Resource, Target};
use crate::error::Error;
use crate::identity::Role;
use crate::lease::Fence;
use crate::name::{OperationName, PrincipalName, TenantId};
use crate::operation::batch::Batch;
use crate::revision::Revision;
use crate::time::Timestamp;

/// Operations of a tenant that have not ended. What is asked of each may be as large as a request, and is stored until it has ended.
pub const MAX_OPEN: usize = 20;
/// When one is refused for that, how long it is worth waiting.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Long work, how far it is, and who does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub name: OperationName,
    /// Who asked for it, in whose right it is done.
    pub creator: Creator,
    /// Where it stands.
    pub state: OperationState,
    /// Whether somebody wished that it stops. Kept beside the rest: anybody may wish it, under no fence.
    pub cancel_asked: bool,
    /// The work.
    pub batch: Batch,
    /// Why it failed, where it did.
    pub failure: Option<Failure>,
    /// The client's id of the request, where it gave one.
    pub request_id: String,
    /// When it was accepted.
    pub created: Timestamp,
    /// When its progress was stored last.
    pub updated: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Which server does it, and under which of its leases: only under this fence its progress can be stored.
    pub fence: Fence,
    /// Grows by one with each stored progress.
    pub revision: Revision,
}

/// Who asked for an operation, by what they were known: asked again before each step that is taken in their right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    /// The principal.
    pub principal: PrincipalName,
    /// What they were known by; no secret.
    pub origin: Origin,
    /// The role that they had.
    pub role: Option<Role>,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// It goes on.
    Running,
    /// It has done all that it was to do; what became of each part, its report says.
    Succeeded,
    /// It could not go on.
    Failed,
    /// It was stopped.
    Cancelled,
}

/// Why an operation could not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable reason.
    pub reason: String,
    /// What is wrong.
    pub message: String,
}

impl Operation {
    /// Ends it.
    pub(super) fn end(&mut self, state: OperationState, failure: Option<Failure>, now: Timestamp) {
        (self.state, self.failure, self.ended) = (state, failure, Some(now));
    }

    /// Whether nothing more happens to it.
    pub fn has_ended(&self) -> bool {
        self.state != OperationState::Running
    }
}

impl Creator {
    /// Who calls.
    pub fn of(caller: &Caller) -> Self {
        Creator { principal: caller.principal.clone(), origin: caller.origin.clone(), role: caller.role }
    }

    /// The same as a caller, who comes from nowhere.
    pub fn caller(&self) -> Caller {
        Caller { principal: self.principal.clone(), origin: self.origin.clone(), role: self.role, address: None }
    }
}

impl OperationState {
    /// Every state.
    pub const ALL: [OperationState; 4] =
        [OperationState::Running, OperationState::Succeeded, OperationState::Failed, OperationState::Cancelled];

    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            OperationState::Running => "RUNNING",
            OperationState::Succeeded => "SUCCEEDED",
            OperationState::Failed => "FAILED",
            OperationState::Cancelled => "CANCELLED",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl Resource for Operation {
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.creator.principal)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => self.name.tenant == *tenant,
            Target::Operation(name) => self.name == *name,
            _ => false,
        }
    }
}

/// The refusal of one more where so many of a tenant have not ended.
pub fn too_many(tenant: &TenantId) -> Error {
    Error::Exhausted {
        reason: "TOO_MANY_OPERATIONS",
        subject: format!("tenants/{tenant}"),
        description: format!("{MAX_OPEN} operations of the tenant have not ended; wait for one, or cancel it"),
        retry_after: RETRY_AFTER,
    }
}
