//! Revisions of the platform in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Result;
use domain::name::TenantId;
use domain::process::{KEPT_REVISIONS, Outcome, PlatformRepository, PlatformRevision, Standing};
use domain::request::{Committed, RequestKey};
use domain::time::{Clock, Timestamp};

use super::requests::{Known, Requests};
use crate::faults::Faults;

/// The revisions of one platform.
pub struct InMemoryPlatform {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    faults: Faults,
}

#[derive(Default)]
struct State {
    revisions: BTreeMap<u64, PlatformRevision>,
    requests: Requests<u64>,
}

impl InMemoryPlatform {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemoryPlatform { state: Mutex::default(), clock, faults: Faults::default() }
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
        Ok(Committed::Stored)
    }

    async fn settle(&self, revision: u64, outcome: &Outcome, at: Timestamp) -> Result<bool> {
        self.faults.check("settle")?;
        let mut state = self.state();
        let found = state.revisions.get_mut(&revision).filter(|revision| revision.standing.gives_way_to(outcome));
        let is_settled = found.is_some();
        if let Some(revision) = found {
            revision.standing = Standing::Ended(outcome.clone(), at);
        }
        Ok(is_settled)
    }

    async fn find_answer(&self, request: &RequestKey) -> Result<Option<Committed<PlatformRevision>>> {
        Ok(self.state().answer(request, self.clock.now()))
    }
}
