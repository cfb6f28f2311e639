//! Use cases of events: following them, and removing what is old. What makes them stands in [`crate::event::Happened`].

use std::sync::Arc;
use std::time::Duration;

use crate::access::Permit;
use crate::audit::{Auditor, FieldChange, Notes};
use crate::error::{Error, Result};
use crate::event::subscription::{Subscribed, expired, subscribe};
use crate::event::{EventRepository, EventSelection, Subscription, actions};
use crate::name::TenantId;
use crate::time::Clock;

/// What records call the removal of old events, and what that is done to: events of every tenant.
const PRUNE: &str = "event.prune";
const RESOURCE: &str = "event";

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    ports: EventPorts,
}

/// What events need from outside. Cheap to clone.
#[derive(Clone)]
pub struct EventPorts {
    /// The events.
    pub repository: Arc<dyn EventRepository>,
    /// Records what the server removes.
    pub auditor: Auditor,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl EventLog {
    /// Wires the use cases to their ports.
    pub fn new(ports: EventPorts) -> Self {
        EventLog { ports }
    }

    /// Every event behind the place `after` that is wanted, and what happens from then on; `None` is the end of the log.
    ///
    /// # Errors
    /// [`Error::Expired`] where the next event is no longer kept; [`Error::OutOfRange`] where there is no such place yet.
    pub async fn subscribe(
        &self,
        permit: Permit<actions::SubscribeEvents>,
        selection: EventSelection,
        after: Option<u64>,
    ) -> Result<Subscription> {
        let EventPorts { repository, clock, .. } = self.ports.clone();
        let span = repository.span(&permit.scope()).await?;
        let after = after.unwrap_or(span.newest);
        if after > span.newest {
            let description = format!("the last event so far is {}; subscribe behind that, or behind an earlier one", span.newest);
            return Err(Error::OutOfRange { reason: "NOT_HAPPENED", description });
        }
        if after + 1 < span.oldest {
            return Err(expired(span.oldest));
        }
        Ok(subscribe(Subscribed { repository, clock, permit, selection }, after))
    }

    /// Removes what is older than `keep`, and of each tenant the oldest beyond `most`. Says how many.
    ///
    /// # Errors
    /// Those of the store; [`Error::Unaudited`].
    pub async fn prune(&self, keep: Duration, most: u64) -> Result<u64> {
        let EventPorts { repository, auditor, clock } = &self.ports;
        let notes = Notes::default();
        let entry = auditor.own_entry(TenantId::system(), PRUNE, &RESOURCE);
        let work = async {
            let pruned = repository.prune(clock.now().minus(keep), most).await?;
            let said = (pruned > 0).then(|| FieldChange::named("events", Some(&pruned.to_string()), None));
            notes.changes(said.flatten().into_iter().collect());
            Ok(pruned)
        };
        auditor.own_work(entry, notes.clone(), work).await
    }
}
