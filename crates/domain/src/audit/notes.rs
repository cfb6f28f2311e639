//! What work has to say for the record of its call, beside what was known before it began; and the intent of the call, where the work
//! is to store it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::carried::CarriedIntent;
use crate::audit::record::{Actor, Entry, FieldChange};
use crate::name::{ApiKeyId, PrincipalName, SessionId, TenantId};

/// Notes for one record. Cheap to clone: clones hold the same.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    noted: Noted,
    intent: Option<CarriedIntent>,
}

/// What was noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    actor: Option<Actor>,
    resource: Option<String>,
    version: Option<u32>,
    changes: Vec<FieldChange>,
    /// Another tenant whose log tells of it, too.
    other: Option<Other>,
}

/// Another tenant that something concerns, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    tenant: TenantId,
    /// What it is about for that tenant; `None` for the same as for the first.
    resource: Option<String>,
}

impl Other {
    /// The record for that tenant's log. Where it is about something else there, it says of that nothing but that it was done.
    pub(super) fn told(&self, entry: &Entry) -> Entry {
        let entry = Entry { tenant: self.tenant.clone(), ..entry.clone() };
        match &self.resource {
            Some(resource) => Entry { resource: resource.clone(), version: None, changes: Vec::new(), ..entry },
            None => entry,
        }
    }
}

impl Notes {
    /// Notes fields that have changed.
    pub fn changes(&self, changes: Vec<FieldChange>) {
        self.held().noted.changes = changes;
    }

    /// Notes the full name of what it is about, in place of what was known before.
    pub fn resource(&self, name: &impl fmt::Display) {
        self.held().noted.resource = Some(name.to_string());
    }

    /// Notes the version that was made or run.
    pub fn version(&self, number: u32) {
        self.held().noted.version = Some(number);
    }

    /// Notes who calls, where the request itself has proven that: the record then stands in the log of their tenant.
    pub fn actor(&self, principal: &PrincipalName, session: Option<&SessionId>, key: Option<&ApiKeyId>) {
        let (session, key) = (session.map(ToString::to_string), key.map(ToString::to_string));
        self.held().noted.actor = Some(Actor { principal: Some(principal.clone()), session, key, ..Actor::default() });
    }

    /// Notes that it concerns another tenant, too, whose log is to tell what became of it. Only for a tenant that is known to be there.
    pub fn also_in(&self, tenant: &TenantId) {
        self.held().noted.other = Some(Other { tenant: tenant.clone(), resource: None });
    }

    /// As [`Notes::also_in`], where it is about something else for that tenant.
    pub fn also_in_about(&self, tenant: &TenantId, resource: &impl fmt::Display) {
        self.held().noted.other = Some(Other { tenant: tenant.clone(), resource: Some(resource.to_string()) });
    }

    /// Takes what was noted so far.
    pub fn take(&self) -> Noted {
        std::mem::take(&mut self.held().noted)
    }

    /// Takes the intent of the call, to store it in the first commit of what is done; `None` where it is stored already.
    pub fn take_intent(&self) -> Option<CarriedIntent> {
        let offered = self.held().intent.take();
        offered.map(CarriedIntent::taken)
    }

    pub(super) fn offer_intent(&self, intent: CarriedIntent) {
        self.held().intent = Some(intent);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    /// The other tenant whose log tells of it, too.
    pub fn other(&self) -> Option<&Other> {
        self.other.as_ref()
    }

    /// The record with what was noted for it.
    #[must_use]
    pub fn applied_to(self, entry: Entry) -> Entry {
        let Noted { actor, resource, version, changes, other: _ } = self;
        let tenant = actor.as_ref().and_then(|actor| actor.principal.as_ref()).map(|principal| principal.tenant().clone());
        let address = entry.actor.address;
        Entry {
            tenant: tenant.unwrap_or(entry.tenant),
            actor: actor.map_or(entry.actor, |actor| Actor { address, ..actor }),
            resource: resource.unwrap_or(entry.resource),
            version: version.or(entry.version),
            changes,
            ..entry
        }
    }
}
