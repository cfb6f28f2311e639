//! Resource names: who and what a request is about. Parsing is strict, so a name in hand is always valid.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Error;
use crate::name::tenant::{is_uuid, malformed, slug};

mod item;
mod operation;
mod principal;
mod schedule;
mod secret;
mod tenant;
mod webhook;

pub use operation::{OperationId, OperationName};
pub use principal::{ApiKeyId, ApiKeyName, CredentialName, MAX_PRINCIPAL, PrincipalKind, PrincipalName, SessionId, SessionName};
pub use schedule::{ScheduleId, ScheduleName};
pub use secret::{SecretId, SecretName};
pub use tenant::{MAX_TENANT, TenantId};
pub use webhook::{WebhookId, WebhookName};

/// Longest runtime name in characters.
pub const MAX_RUNTIME: usize = 64;
/// Longest utility id in characters.
pub const MAX_UTILITY: usize = 63;

/// A utility's id inside its tenant, e.g. `extract-iocs`; same alphabet as a tenant's code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtilityId(Arc<str>);

/// An execution's id: a UUID version 7 in lower-case canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(Arc<str>);

/// A runtime as utilities name it, e.g. `python`. A server need not have a runtime of this name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeId(Arc<str>);

/// `tenants/{tenant}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantName {
    /// The tenant.
    pub tenant: TenantId,
}

/// `tenants/{tenant}/utilities/{utility}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtilityName {
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// Its id there.
    pub utility: UtilityId,
}

/// `tenants/{tenant}/utilities/{utility}/versions/{number}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionName {
    /// The utility.
    pub utility: UtilityName,
    /// From 1.
    pub number: u32,
}

/// `tenants/{tenant}/codePolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CodePolicyName {
    /// Whose policy it is.
    pub tenant: TenantId,
}

/// `tenants/{tenant}/runtimes/{runtime}`: a runtime as a tenant sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuntimeName {
    /// The tenant that looks.
    pub tenant: TenantId,
    /// The runtime, as utilities name it.
    pub runtime: RuntimeId,
}

/// `tenants/{tenant}/executions/{uuid}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecutionName {
    /// The tenant it ran for.
    pub tenant: TenantId,
    /// Its id.
    pub execution: ExecutionId,
}

// === impls ===

macro_rules! text_id {
    ($type:ident, $what:literal, $check:expr) => {
        impl $type {
            /// Reads an id.
            ///
            /// # Errors
            /// [`Error::Invalid`] that names `field` and the rule.
            pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
                let check: fn(&str) -> Result<(), String> = $check;
                match check(text) {
                    Ok(()) => Ok($type(text.into())),
                    Err(rule) => Err(Error::invalid(field, "MALFORMED", format!(concat!($what, " {}"), rule))),
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(UtilityId, "a utility id", |text| slug(text, MAX_UTILITY));
text_id!(ExecutionId, "an execution id", |text| if is_uuid(text) {
    Ok(())
} else {
    Err("is a UUID in lower-case canonical form".to_owned())
});
impl TenantName {
    /// Reads `tenants/{tenant}`; `field` is the request's field.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant] => Ok(TenantName { tenant: TenantId::parse(field, tenant)? }),
            _ => Err(malformed(field, "tenants/{tenant}")),
        }
    }
}

impl UtilityName {
    /// Reads `tenants/{tenant}/utilities/{utility}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "utilities", utility] => {
                Ok(UtilityName { tenant: TenantId::parse(field, tenant)?, utility: UtilityId::parse(field, utility)? })
            }
            _ => Err(malformed(field, "tenants/{tenant}/utilities/{utility}")),
        }
    }

    /// The name of one of its versions.
    pub fn version(&self, number: u32) -> VersionName {
        VersionName { utility: self.clone(), number }
    }
}

impl VersionName {
    /// Reads `tenants/{tenant}/utilities/{utility}/versions/{number}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "utilities", utility, "versions", number] => {
                let utility = UtilityName { tenant: TenantId::parse(field, tenant)?, utility: UtilityId::parse(field, utility)? };
                let canonical = !number.starts_with(['0', '+']);
                match u32::from_str(number) {
                    Ok(number) if canonical => Ok(VersionName { utility, number }),
                    _ => Err(malformed(field, "tenants/{tenant}/utilities/{utility}/versions/{number}, number from 1")),
                }
            }
            _ => Err(malformed(field, "tenants/{tenant}/utilities/{utility}/versions/{number}")),
        }
    }
}

impl CodePolicyName {
    /// Reads `tenants/{tenant}/codePolicy`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "codePolicy"] => Ok(CodePolicyName { tenant: TenantId::parse(field, tenant)? }),
            _ => Err(malformed(field, "tenants/{tenant}/codePolicy")),
        }
    }
}

impl RuntimeId {
    /// The runtime of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        RuntimeId(name.into())
    }
}

impl Default for RuntimeId {
    /// The runtime of a utility that names none.
    fn default() -> Self {
        RuntimeId::new("python")
    }
}

impl Deref for RuntimeId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuntimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RuntimeName {
    /// Reads `tenants/{tenant}/runtimes/{runtime}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "runtimes", runtime] if !runtime.is_empty() && runtime.chars().count() <= MAX_RUNTIME => {
                Ok(RuntimeName { tenant: TenantId::parse(field, tenant)?, runtime: RuntimeId::new(*runtime) })
            }
            _ => Err(malformed(field, "tenants/{tenant}/runtimes/{runtime}")),
        }
    }
}

impl ExecutionName {
    /// Reads `tenants/{tenant}/executions/{uuid}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is anything else.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "executions", execution] => {
                Ok(ExecutionName { tenant: TenantId::parse(field, tenant)?, execution: ExecutionId::parse(field, execution)? })
            }
            _ => Err(malformed(field, "tenants/{tenant}/executions/{execution}")),
        }
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}", self.tenant)
    }
}

impl fmt::Display for UtilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/utilities/{}", self.tenant, self.utility)
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/versions/{}", self.utility, self.number)
    }
}

impl fmt::Display for CodePolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/codePolicy", self.tenant)
    }
}

impl fmt::Display for RuntimeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/runtimes/{}", self.tenant, self.runtime)
    }
}

impl fmt::Display for ExecutionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/executions/{}", self.tenant, self.execution)
    }
}

#[cfg(test)]
mod tests;
