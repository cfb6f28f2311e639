//! Schedules in memory: beside executions, with which they are stored in one commit.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::name::{ScheduleId, ScheduleName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::schedule::{Due, Schedule, ScheduleChange, ScheduleQuery, ScheduleRepository};
use domain::time::Timestamp;
use domain::{Error, Result};

use super::executions::InMemoryExecutionRepository;
use super::pages::page;
use super::schedule_rows::without_params;

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
