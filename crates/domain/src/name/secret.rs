//! Names of secrets that a tenant keeps.

use std::fmt;
use std::sync::Arc;

use super::TenantId;
use super::tenant::{malformed, slug};
use crate::error::Error;

/// Longest id of a secret in characters.
const MAX_SECRET: usize = 64;

/// Id of a secret within its tenant: lower-case letters, digits and inner hyphens, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(Arc<str>);

/// Full name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub secret: SecretId,
}

impl SecretId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field` and the rule.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match slug(text, MAX_SECRET) {
            Ok(()) => Ok(SecretId(text.into())),
            Err(rule) => Err(Error::invalid(field, "MALFORMED", format!("a secret {rule}"))),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecretName {
    /// Reads `tenants/{tenant}/secrets/{secret}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "secrets", secret] => {
                Ok(SecretName { tenant: TenantId::parse(field, tenant)?, secret: SecretId::parse(field, secret)? })
            }
            _ => Err(malformed(field, "tenants/{tenant}/secrets/{secret}")),
        }
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/secrets/{}", self.tenant, self.secret)
    }
}
