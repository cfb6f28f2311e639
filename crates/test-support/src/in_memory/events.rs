//! Events in memory. The fakes of what they are about add to them in the moment of each change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::event::{Event, EventRepository, EventSpan, Happened, MAX_EVENTS_AT_ONCE};
use domain::name::TenantId;
use domain::news::{Bells, News};
use domain::page::Page;
use domain::time::{Clock, Timestamp};

use crate::FakeClock;

/// The events of all tenants.
pub struct InMemoryEvents {
    logs: Mutex<BTreeMap<TenantId, Log>>,
    bells: Bells<TenantId>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Log {
    newest: u64,
    events: Vec<Event>,
}

impl InMemoryEvents {
    /// Nothing has happened yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemoryEvents { logs: Mutex::default(), bells: Bells::default(), clock }
    }

    /// Adds what one change means.
    pub fn note(&self, happened: impl IntoIterator<Item = Happened>) {
        let (mut logs, time) = (self.logs(), self.clock.now());
        let mut same: Option<(String, String)> = None;
        for Happened { tenant, kind, subject, details } in happened {
            let log = logs.entry(tenant.clone()).or_default();
            log.newest += 1;
            let what = format!("{} {subject}", kind.as_str());
            let id = match same.take() {
                Some((before, id)) if before == what => id,
                _ => format!("{tenant}-{}", log.newest),
            };
            self.bells.ring(&tenant);
            log.events.push(Event { tenant, sequence: log.newest, id: id.clone(), time, kind, subject, details });
            same = Some((what, id));
        }
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<TenantId, Log>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for InMemoryEvents {
    fn default() -> Self {
        Self::new(Arc::new(FakeClock::default()))
    }
}

#[async_trait]
impl EventRepository for InMemoryEvents {
    async fn span(&self, scope: &TenantScope) -> Result<EventSpan> {
        let logs = self.logs();
        let Some(log) = logs.get(scope.tenant()) else { return Ok(EventSpan { oldest: 1, newest: 0 }) };
        let oldest = log.events.first().map_or(log.newest + 1, |event| event.sequence);
        Ok(EventSpan { oldest, newest: log.newest })
    }

    async fn behind(&self, scope: &TenantScope, sequence: u64) -> Result<Found<Page<Event>>> {
        let logs = self.logs();
        let events = logs.get(scope.tenant()).into_iter().flat_map(|log| &log.events);
        let items = events.filter(|event| event.sequence > sequence).take(MAX_EVENTS_AT_ONCE as usize).cloned().collect();
        Ok(Found::one(Page { items, next: None }))
    }

    fn news(&self, scope: &TenantScope) -> News {
        self.bells.listen(scope.tenant().clone())
    }

    async fn prune(&self, before: Timestamp, most: u64) -> Result<u64> {
        let mut removed = 0;
        for log in self.logs().values_mut() {
            let newest = log.newest;
            let goes = |event: &Event| event.time < before || event.sequence + most <= newest;
            let count = log.events.iter().take_while(|event| goes(event)).count();
            log.events.drain(..count);
            removed += count as u64;
        }
        Ok(removed)
    }
}
