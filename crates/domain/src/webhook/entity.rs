//! A webhook as it is kept. Its secret is kept beside it, sealed.

use crate::access::{Resource, Target};
use crate::error::{Error, Result};
use crate::event::{EventKind, EventSelection};
use crate::name::{PrincipalName, TenantId, TenantName, WebhookName};
use crate::revision::{Etag, Revision};
use crate::time::Timestamp;

/// Most webhooks of one tenant: each gets a copy of what happens.
pub const MAX_WEBHOOKS: usize = 20;

/// Where events of a tenant are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
    pub name: WebhookName,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Which types of events, as they were named; all where none is.
    pub types: Vec<String>,
    /// Whether anything is sent.
    pub state: WebhookState,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Grows with each change.
    pub revision: Revision,
}

/// Whether anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// What happens is sent.
    Active,
    /// Somebody has disabled it.
    Disabled,
    /// The server has disabled it, as nobody took anything any more.
    Failed,
}

/// The refusal of one more than [`MAX_WEBHOOKS`].
pub fn too_many(tenant: &TenantId) -> Error {
    Error::Precondition {
        reason: "TOO_MANY_WEBHOOKS",
        subject: TenantName { tenant: tenant.clone() }.to_string(),
        description: format!("has {MAX_WEBHOOKS} webhooks; delete one first"),
    }
}

// === impls ===

impl WebhookState {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            WebhookState::Active => "active",
            WebhookState::Disabled => "disabled",
            WebhookState::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [WebhookState::Active, WebhookState::Disabled, WebhookState::Failed].into_iter().find(|state| state.as_str() == name)
    }
}

impl Webhook {
    /// The opaque mark of its revision.
    pub fn etag(&self) -> Etag {
        Etag::new(format!("\"w{}\"", self.revision))
    }

    /// Whether events of this kind are sent.
    pub(super) fn wants(&self, kind: EventKind) -> bool {
        EventSelection::from_stored(self.types.clone()).holds(kind)
    }

    /// That a change may be made by whoever saw `etag`.
    pub(super) fn check_etag(&self, etag: &Etag) -> Result<()> {
        if etag.admits(&self.etag()) { Ok(()) } else { Err(Error::Stale { resource: self.name.to_string() }) }
    }
}

impl Resource for Webhook {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => *tenant == self.name.tenant,
            Target::Webhook(name) => *name == self.name,
            _ => false,
        }
    }
}
