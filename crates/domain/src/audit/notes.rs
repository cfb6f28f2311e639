//! What work has to say for the record of its call, beside what was known before it began.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::record::{Actor, Entry, FieldChange};
use crate::name::{ApiKeyId, PrincipalName, SessionId};

/// Notes for one record. Cheap to clone: clones hold the same.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

/// What was noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    actor: Option<Actor>,
    resource: Option<String>,
    version: Option<u32>,
    changes: Vec<FieldChange>,
}

impl Notes {
    /// Notes fields that have changed.
    pub fn changes(&self, changes: Vec<FieldChange>) {
        self.noted().changes = changes;
    }

    /// Notes the full name of what it is about, in place of what was known before.
    pub fn resource(&self, name: &impl fmt::Display) {
        self.noted().resource = Some(name.to_string());
    }

    /// Notes the version that was made or run.
    pub fn version(&self, number: u32) {
        self.noted().version = Some(number);
    }

    /// Notes who calls, where the request itself has proven that: the record then stands in the log of their tenant.
    pub fn actor(&self, principal: &PrincipalName, session: Option<&SessionId>, key: Option<&ApiKeyId>) {
        let (session, key) = (session.map(ToString::to_string), key.map(ToString::to_string));
        self.noted().actor = Some(Actor { principal: Some(principal.clone()), session, key, address: None });
    }

    /// Takes what was noted so far.
    pub fn take(&self) -> Noted {
        std::mem::take(&mut self.noted())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    /// The record with what was noted for it.
    #[must_use]
    pub fn applied_to(self, entry: Entry) -> Entry {
        let Noted { actor, resource, version, changes } = self;
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
