//! How often a tenant may call, as a port. Calls count by what they do; those that say who calls are limited elsewhere.

use std::time::Duration;

use async_trait::async_trait;

use crate::access::{ActionSpec, Operation};
use crate::error::{Error, Result};
use crate::name::TenantId;

/// What calls have in common that count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallClass {
    /// Nothing changes.
    Read,
    /// Something changes.
    Write,
    /// Code is executed.
    Execute,
}

impl CallClass {
    /// The class of what an action does.
    pub const fn of(action: ActionSpec) -> Self {
        match action.operation {
            Operation::Read => CallClass::Read,
            Operation::Execute => CallClass::Execute,
            Operation::Create | Operation::Update | Operation::Delete | Operation::Administer => CallClass::Write,
        }
    }

    /// What people read, such as in "at most 10 reads a second".
    pub const fn as_str(self) -> &'static str {
        match self {
            CallClass::Read => "reads",
            CallClass::Write => "changes",
            CallClass::Execute => "executions",
        }
    }
}

/// What is answered to a call too many.
pub fn refusal(tenant: &TenantId, class: CallClass, wait: Duration) -> Error {
    Error::Exhausted {
        reason: "RATE_LIMITED",
        subject: format!("tenants/{tenant}"),
        description: format!("the tenant calls too often: more {} have come lately than it may make", class.as_str()),
        retry_after: wait,
    }
}

/// Port: how often tenants may call.
#[async_trait]
pub trait CallLimits: Send + Sync {
    /// Counts a call of somebody of this tenant. Bounds its own time.
    ///
    /// # Errors
    /// [`crate::Error::Exhausted`] with the reason `RATE_LIMITED`: too many came lately.
    async fn admit(&self, tenant: &TenantId, class: CallClass) -> Result<()>;
}
