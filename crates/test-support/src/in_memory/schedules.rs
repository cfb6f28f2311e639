//! Schedules in memory: beside executions, with which they are stored in one commit.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::name::{ScheduleId, ScheduleName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, Expected, RequestKey};
use domain::schedule::{Due, Firing, MAX_SCHEDULES, Program, Schedule, ScheduleChange, ScheduleQuery, ScheduleRepository, too_many};
use domain::time::Timestamp;
use domain::{Error, Result};

use super::executions::InMemoryExecutionRepository;
use super::pages::page;
use super::requests::{Known, Requests};

/// The schedules of all tenants.
#[derive(Default)]
pub(super) struct Schedules {
    all: BTreeMap<ScheduleName, Schedule>,
    /// What a request was about, and whether it has deleted that.
    requests: Requests<(Schedule, bool)>,
}

impl Schedules {
    /// Whether a firing may be stored.
    pub(super) fn admits(&self, firing: &Firing) -> bool {
        self.all.get(&firing.schedule.name).is_some_and(|held| held.revision == firing.expected)
    }

    /// Stores one that may be.
    pub(super) fn fire(&mut self, firing: &Firing) {
        self.all.insert(firing.schedule.name.clone(), firing.schedule.clone());
    }

    fn told(&self, known: Known<(Schedule, bool)>) -> Committed<Schedule> {
        match known {
            Known::Reused => Committed::KeyReused,
            Known::Answered((first, deleted)) => match self.all.get(&first.name) {
                Some(held) if !deleted => Committed::Answered(Box::new(held.clone())),
                None if !deleted => Committed::Removed { resource: first.name.to_string() },
                Some(_) | None => Committed::Answered(Box::new(without_params(&first))),
            },
        }
    }

    fn store(&mut self, change: ScheduleChange, now: Timestamp) -> Result<Committed<Schedule>> {
        let ScheduleChange { expected, schedule, deletes, request } = change;
        let name = schedule.name.clone();
        if let Some(known) = request.as_ref().and_then(|key| self.requests.find(&name.tenant, key, now)) {
            return Ok(self.told(known));
        }
        match (expected, self.all.get(&name).map(|held| held.revision)) {
            (Expected::Absent, None) if self.all.keys().filter(|held| held.tenant == name.tenant).count() >= MAX_SCHEDULES => {
                return Err(too_many(&name.tenant));
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored && deletes => {
                self.all.remove(&name);
            }
            (Expected::Absent, None) => {
                self.all.insert(name.clone(), schedule.clone());
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored => {
                self.all.insert(name.clone(), schedule.clone());
            }
            _ => return Ok(Committed::Conflict),
        }
        if let Some(key) = &request {
            self.requests.remember(&name.tenant, key, now, (schedule, deletes));
        }
        Ok(Committed::Stored)
    }
}

fn without_params(schedule: &Schedule) -> Schedule {
    let program = Program { params_json: String::new(), ..schedule.program.clone() };
    Schedule { program, ..schedule.clone() }
}

#[async_trait]
impl ScheduleRepository for InMemoryExecutionRepository {
    async fn find(&self, scope: &TenantScope, id: &ScheduleId) -> Result<Found<Schedule>> {
        self.check("find_schedule")?;
        let name = ScheduleName { tenant: scope.tenant().clone(), schedule: id.clone() };
        Ok(Found::of(self.state().schedules.all.get(&name).cloned()))
    }

    async fn list(&self, scope: &TenantScope, query: &ScheduleQuery, request: &PageRequest) -> Result<Found<Page<Schedule>>> {
        let state = self.state();
        let is_asked_for =
            |one: &&Schedule| one.name.tenant == *scope.tenant() && query.owner.as_ref().is_none_or(|owner| *owner == one.owner);
        let items = state.schedules.all.values().filter(is_asked_for).map(without_params).collect();
        page(items, request, "schedule", |one: &Schedule| (0, one.name.schedule.to_string()), |a, b| a.1 > b.1).map(Found::one)
    }

    async fn commit(&self, scope: &TenantScope, change: ScheduleChange) -> Result<Committed<Schedule>> {
        self.check("commit_schedule")?;
        if change.schedule.name.tenant != *scope.tenant() {
            return Err(Error::Internal { context: "a schedule of another tenant", source: None });
        }
        let now = self.now();
        self.state().schedules.store(change, now)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Schedule>>> {
        let (now, state) = (self.now(), self.state());
        let known = state.schedules.requests.find(scope.tenant(), request, now);
        Ok(known.map(|known| state.schedules.told(known)))
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: u32) -> Result<Vec<Due>> {
        self.check("due")?;
        let state = self.state();
        let of = |one: &Schedule| Some(Due { next: one.next?, name: one.name.clone() });
        let mut due: Vec<Due> = state.schedules.all.values().filter_map(of).filter(|due| due.next <= now).collect();
        due.sort();
        Ok(due.into_iter().filter(|due| after.is_none_or(|after| due > after)).take(limit as usize).collect())
    }
}
