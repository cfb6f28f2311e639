//! Names of operations.

use std::fmt;
use std::sync::Arc;

use super::TenantId;
use super::tenant::{is_uuid, malformed};
use crate::error::Error;

/// An operation's id: a UUID version 7 in lower-case canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(Arc<str>);

/// `tenants/{tenant}/operations/{uuid}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationName {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub operation: OperationId,
}

impl OperationId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field` and the rule.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match is_uuid(text) {
            true => Ok(OperationId(text.into())),
            false => Err(Error::invalid(field, "MALFORMED", "an operation id is a UUID in lower-case canonical form")),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OperationName {
    /// Reads `tenants/{tenant}/operations/{uuid}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "operations", operation] => {
                Ok(OperationName { tenant: TenantId::parse(field, tenant)?, operation: OperationId::parse(field, operation)? })
            }
            _ => Err(malformed(field, "tenants/{tenant}/operations/{operation}")),
        }
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/operations/{}", self.tenant, self.operation)
    }
}
