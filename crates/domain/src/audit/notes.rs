//! What work has to say for the record of its call, beside what was known before it began; the intent of the call, where the work is to
//! store it; and the intent in the log of another tenant, where only the work finds out which that is. Of a call that anybody may make, the
//! whole record, where the work stores that with what it does.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::auditor::Auditor;
use crate::audit::carried::CarriedIntent;
use crate::audit::other::Other;
use crate::audit::record::{Actor, Entry, FieldChange};
use crate::error::Result;
use crate::name::{ApiKeyId, PrincipalName, SessionId, TenantId};

/// Notes for one record. Cheap to clone: clones hold the same.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    noted: Noted,
    intent: Option<CarriedIntent>,
    /// The intent of the call, by which another tenant is told before anything happens.
    begun: Option<Begun>,
    /// The record of a call that has no intent.
    record: Option<Begun>,
}

/// What is known of a call before its work, and who records it.
#[derive(Clone)]
struct Begun {
    auditor: Auditor,
    entry: Entry,
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

    /// Notes that it concerns another tenant, too, whose log is to tell what became of it; returns once the intent is durable there, too.
    /// Only for a tenant that is known to be there.
    ///
    /// # Errors
    /// [`crate::Error::Unaudited`]: then nothing may happen.
    pub async fn also_in(&self, tenant: &TenantId) -> Result<()> {
        self.tell(Other::new(tenant)).await
    }

    /// As [`Notes::also_in`], for a tenant for which it is about a version of something of its own.
    ///
    /// # Errors
    /// As [`Notes::also_in`].
    pub async fn also_in_about_version(&self, tenant: &TenantId, resource: &(dyn fmt::Display + Sync), version: u32) -> Result<()> {
        self.tell(Other::about(tenant, resource.to_string(), Some(version))).await
    }

    async fn tell(&self, other: Other) -> Result<()> {
        let begun = {
            let mut held = self.held();
            // Before it is stored: whatever becomes of that, the outcome closes it.
            held.noted.other = Some(other);
            held.begun.clone().map(|begun| (begun.auditor, held.noted.clone().applied_to(begun.entry)))
        };
        let Some((auditor, entry)) = begun else { return Ok(()) };
        let told = self.held().noted.other.as_ref().map(|other| other.told(&entry));
        auditor.store_intents(told.into_iter().collect()).await
    }

    /// Notes before the call begins that it concerns another tenant, too, for which it is about something else.
    pub fn also_in_about(&self, tenant: &TenantId, resource: &impl fmt::Display) {
        self.held().noted.other = Some(Other::about(tenant, resource.to_string(), None));
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

    /// Lets the work store the record of its call, in the commit of what it does: [`Notes::take_record`] gives it away.
    pub fn offer_record(&self, auditor: &Auditor, entry: &Entry) {
        self.held().record = Some(Begun { auditor: auditor.clone(), entry: entry.clone() });
    }

    /// Takes the record of the call, of what was noted so far, to store it in the one commit of what is done; `None` where it is recorded
    /// otherwise.
    pub fn take_record(&self) -> Option<Entry> {
        let mut held = self.held();
        let Begun { auditor, entry } = held.record.take()?;
        Some(held.noted.clone().applied_to(auditor.allowed(entry)))
    }

    /// Whether the work has taken the record that it was offered.
    pub fn has_taken_record(&self) -> bool {
        self.held().record.is_none()
    }

    /// The intents of a call of which this is noted so far: its own, and that in the log of another tenant.
    pub(super) fn begin(&self, auditor: &Auditor, entry: &Entry) -> Vec<Entry> {
        let mut held = self.held();
        held.begun = Some(Begun { auditor: auditor.clone(), entry: entry.clone() });
        let other = held.noted.other.as_ref().map(|other| other.told(entry));
        [entry.clone()].into_iter().chain(other).collect()
    }

    pub(super) fn offer_intent(&self, intent: CarriedIntent) {
        self.held().intent = Some(intent);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("call", &self.entry.call).finish_non_exhaustive()
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
