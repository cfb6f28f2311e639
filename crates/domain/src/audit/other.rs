//! What the log of another tenant is told of something that concerns it, too, and what it is not.

use crate::audit::record::{Actor, Entry};
use crate::name::TenantId;

/// Another tenant that something concerns, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    tenant: TenantId,
    /// What it is about for that tenant; `None` for the same as for the first.
    about: Option<About>,
}

/// What something is about for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct About {
    resource: String,
    version: Option<u32>,
}

impl Other {
    /// One whom it concerns in the same way.
    pub(super) fn new(tenant: &TenantId) -> Self {
        Other { tenant: tenant.clone(), about: None }
    }

    /// One for whom it is about something else.
    pub(super) fn about(tenant: &TenantId, resource: String, version: Option<u32>) -> Self {
        Other { tenant: tenant.clone(), about: Some(About { resource, version }) }
    }

    /// The record for that tenant's log: of who did it, it says the name alone, and nothing of whence and what for. Where it is about
    /// something else there, it says of that nothing but what became of it: why it failed would tell of the other tenant's quotas, policy
    /// or state.
    pub(super) fn told(&self, entry: &Entry) -> Entry {
        let mut told = Entry {
            tenant: self.tenant.clone(),
            // An intent is closed by its call, and each log has its own.
            call: format!("{}/{}", entry.call, self.tenant),
            actor: Actor { principal: entry.actor.principal.clone(), ..Actor::default() },
            purpose: String::new(),
            request_id: String::new(),
            trace_id: String::new(),
            ..entry.clone()
        };
        if let Some(About { resource, version }) = &self.about {
            (told.resource, told.version, told.changes) = (resource.clone(), *version, Vec::new());
            told.reason = String::new();
        }
        told
    }
}
