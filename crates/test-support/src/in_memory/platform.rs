//! Revisions of the platform in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Result;
use domain::event::Happened;
use domain::name::TenantId;
use domain::process::{KEPT_REVISIONS, Outcome, PlatformRepository, PlatformRevision, Sighting, Standing};
use domain::request::{Committed, RequestKey};
use domain::time::{Clock, Timestamp};

use super::events::InMemoryEvents;
use super::requests::{Known, Requests};
use crate::faults::Faults;

/// The revisions of one platform.
pub struct InMemoryPlatform {
    state: Mutex<State>,
    events: Arc<InMemoryEvents>,
    clock: Arc<dyn Clock>,
    faults: Faults,
}

#[derive(Default)]
struct State {
    revisions: BTreeMap<u64, PlatformRevision>,
    requests: Requests<u64>,
    told: BTreeMap<String, Sighting>,
}

impl InMemoryPlatform {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let events = Arc::new(InMemoryEvents::new(clock.clone()));
        InMemoryPlatform { state: Mutex::default(), events, clock, faults: Faults::default() }
    }

    /// Notes what changes mean among these events.
    pub fn noting(self, events: Arc<InMemoryEvents>) -> Self {
        InMemoryPlatform { events, ..self }
    }

    /// What fails, by the names of the port's methods.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reached(&self) -> Option<&PlatformRevision> {
        self.revisions.values().rev().find(|revision| matches!(revision.standing, Standing::Ended(Outcome::Reached, _)))
    }

    fn answer(&self, key: &RequestKey, now: Timestamp) -> Option<Committed<PlatformRevision>> {
        Some(match self.requests.find(&TenantId::system(), key, now)? {
            Known::Reused => Committed::KeyReused,
            Known::Answered(number) => match self.revisions.get(&number) {
                Some(revision) => Committed::Answered(Box::new(revision.clone())),
                None => Committed::Removed { resource: format!("platform revision {number}") },
            },
        })
    }
}

#[async_trait]
impl PlatformRepository for InMemoryPlatform {
    async fn newest(&self) -> Result<Option<PlatformRevision>> {
        self.faults.check("newest")?;
        Ok(self.state().revisions.values().next_back().cloned())
    }

    async fn last(&self) -> Result<u64> {
        self.faults.check("last")?;
        Ok(self.state().revisions.keys().next_back().copied().unwrap_or(0))
    }

    async fn reached(&self) -> Result<Option<PlatformRevision>> {
        Ok(self.state().reached().cloned())
    }

    async fn add(&self, revision: &PlatformRevision, request: Option<&RequestKey>) -> Result<Committed<PlatformRevision>> {
        self.faults.check("add")?;
        let (now, mut state) = (self.clock.now(), self.state());
        if let Some(answered) = request.and_then(|key| state.answer(key, now)) {
            return Ok(answered);
        }
        let (number, last) = (revision.desired.revision, state.revisions.keys().next_back().copied().unwrap_or(0));
        if last + 1 != number {
            return Ok(Committed::Conflict);
        }
        state.revisions.insert(number, revision.clone());
        let kept = state.reached().map(|reached| reached.desired.revision);
        state.revisions.retain(|held, _| *held + KEPT_REVISIONS > number || Some(*held) == kept);
        if let Some(key) = request {
            state.requests.remember(&TenantId::system(), key, now, number);
        }
        self.events.note([Happened::of_platform(number)]);
        Ok(Committed::Stored)
    }

    async fn settle(&self, revision: u64, outcome: &Outcome, at: Timestamp) -> Result<bool> {
        self.faults.check("settle")?;
        let mut state = self.state();
        let found = state.revisions.get_mut(&revision).filter(|revision| revision.standing.gives_way_to(outcome));
        let is_settled = found.is_some();
        if let Some(revision) = found {
            let before = std::mem::replace(&mut revision.standing, Standing::Ended(outcome.clone(), at));
            self.events.note(Happened::of_outcome(revision.desired.revision, &before, outcome));
        }
        Ok(is_settled)
    }

    async fn told(&self) -> Result<Vec<Sighting>> {
        Ok(self.state().told.values().cloned().collect())
    }

    async fn tell(&self, sighting: &Sighting, _at: Timestamp) -> Result<bool> {
        self.faults.check("tell")?;
        let mut state = self.state();
        let before = state.told.get(&sighting.subject).cloned();
        if before.as_ref().is_some_and(|before| sighting.says_the_same_as(before)) || (before.is_none() && sighting.is_removal()) {
            return Ok(false);
        }
        match sighting.is_removal() {
            true => state.told.remove(&sighting.subject),
            false => state.told.insert(sighting.subject.clone(), sighting.clone()),
        };
        self.events.note(Happened::of_sighting(before.as_ref(), sighting));
        Ok(true)
    }

    async fn find_answer(&self, request: &RequestKey) -> Result<Option<Committed<PlatformRevision>>> {
        Ok(self.state().answer(request, self.clock.now()))
    }
}
