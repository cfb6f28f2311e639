//! Names of webhooks.

use std::fmt;
use std::sync::Arc;

use super::TenantId;
use super::tenant::{malformed, slug};
use crate::error::Error;

/// Longest id of a webhook in characters.
const MAX_WEBHOOK: usize = 64;

/// Id of a webhook within its tenant: lower-case letters, digits and inner hyphens, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId(Arc<str>);

/// Full name of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookName {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub webhook: WebhookId,
}

impl WebhookId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field` and the rule.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match slug(text, MAX_WEBHOOK) {
            Ok(()) => Ok(WebhookId(text.into())),
            Err(rule) => Err(Error::invalid(field, "MALFORMED", format!("a webhook {rule}"))),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WebhookName {
    /// Reads `tenants/{tenant}/webhooks/{webhook}`.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "webhooks", webhook] => {
                Ok(WebhookName { tenant: TenantId::parse(field, tenant)?, webhook: WebhookId::parse(field, webhook)? })
            }
            _ => Err(malformed(field, "tenants/{tenant}/webhooks/{webhook}")),
        }
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/webhooks/{}", self.tenant, self.webhook)
    }
}
