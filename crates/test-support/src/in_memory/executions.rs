//! Executions and their events in memory, with the leases of those who run them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::archive::{INLINE_OUTPUT, Piece};
use domain::audit::Entry;
use domain::event::Happened;
use domain::execution::{Body, Bounds, Event, Execution, ExecutionQuery, ExecutionRepository, Pruned};
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName, TenantId, UtilityName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::schedule::Firing;
use domain::time::{Clock, Timestamp};
use domain::{Error, Result};

use super::audit::Logs;
use super::events::InMemoryEvents;
use super::leases::Leases;
use super::operation_rows::Operations;
use super::pages::page;
use super::requests::{Known, Requests};
use super::schedule_rows::Schedules;
use crate::{FakeClock, Faults};

/// The executions of all tenants, and the leases of the instances that run them: what servers share.
pub struct InMemoryExecutionRepository {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    events: Arc<InMemoryEvents>,
    faults: Faults,
}

/// Where an execution is kept.
pub(super) type Key = (TenantId, ExecutionId);

/// What of an execution is archived.
pub(super) struct Archived {
    pub(super) pieces: Vec<Piece>,
    output_bytes: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) leases: Leases,
    pub(super) audit: Logs,
    pub(super) operations: Operations,
    pub(super) stops_asked: BTreeSet<Key>,
    pub(super) executions: BTreeMap<Key, (Execution, Vec<Event>)>,
    pub(super) requests: Requests<ExecutionId>,
    pub(super) archived: BTreeMap<Key, Archived>,
    pub(super) schedules: Schedules,
}

impl State {
    /// What has ended of tenants that are not excepted, the oldest first, and how much output all of theirs is.
    fn done(&self, bounds: &Bounds) -> (Vec<(Timestamp, Key)>, u64) {
        let counted = self.executions.iter().filter(|(_, (execution, _))| !bounds.except.contains(&execution.name.tenant));
        let total = counted.clone().map(|(key, (_, events))| output_bytes(events) + self.archived_bytes(key)).sum();
        let done = counted.filter(|(_, (execution, _))| execution.state.is_terminal());
        let mut done: Vec<_> = done.filter_map(|(key, (execution, _))| Some((execution.ended?, key.clone()))).collect();
        done.sort();
        (done, total)
    }

    fn archived_bytes(&self, key: &Key) -> u64 {
        self.archived.get(key).map_or(0, |archived| archived.output_bytes)
    }

    /// What has ended with more output than is to stay here.
    pub(super) fn archivable(&self) -> impl Iterator<Item = &Key> {
        let large = self.executions.iter().filter(|(key, (execution, events))| {
            execution.state.is_terminal() && !self.archived.contains_key(key) && output_bytes(events) > INLINE_OUTPUT
        });
        large.map(|(key, _)| key)
    }

    /// Notes pieces, and removes what they hold.
    pub(super) fn archive(&mut self, key: Key, pieces: &[Piece]) {
        let (Some(last), Some((_, events))) = (pieces.last(), self.executions.get_mut(&key)) else { return };
        let kept = events.split_off(events.partition_point(|event| event.sequence <= last.last));
        let archived = Archived { pieces: pieces.to_vec(), output_bytes: output_bytes(events) };
        *events = kept;
        self.archived.insert(key, archived);
    }

    pub(super) fn answer(&self, scope: &TenantScope, request: &RequestKey, now: Timestamp) -> Option<Committed<Execution>> {
        let first = match self.requests.find(scope.tenant(), request, now)? {
            Known::Reused => return Some(Committed::KeyReused),
            Known::Answered(first) => ExecutionName { tenant: scope.tenant().clone(), execution: first },
        };
        Some(match self.executions.get(&(first.tenant.clone(), first.execution.clone())) {
            Some((first, _)) => Committed::Answered(Box::new(first.clone())),
            None => Committed::Removed { resource: first.to_string() },
        })
    }
}

impl InMemoryExecutionRepository {
    /// An empty repository; the clock serves to forget answered requests.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemoryExecutionRepository { state: Mutex::default(), clock, events: Arc::default(), faults: Faults::default() }
    }

    /// The repository, adding to `events` what each change means.
    #[must_use]
    pub fn noting(self, events: Arc<InMemoryEvents>) -> Self {
        InMemoryExecutionRepository { events, ..self }
    }

    /// What fails, by the names of the port's methods; `find` of a lease is `find_lease`.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn check(&self, method: &'static str) -> Result<()> {
        self.faults.check(method)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for InMemoryExecutionRepository {
    fn default() -> Self {
        Self::new(Arc::new(FakeClock::default()))
    }
}

#[async_trait]
impl ExecutionRepository for InMemoryExecutionRepository {
    async fn insert(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
    ) -> Result<Committed<Execution>> {
        self.faults.check("insert")?;
        if !intents.is_empty() {
            self.faults.check("append_audit")?;
        }
        let key = key(scope, execution)?;
        let now = self.clock.now();
        let mut state = self.state();
        intents.iter().for_each(|intent| state.audit.add(intent.clone()));
        if let Some(answered) = request.and_then(|request| state.answer(scope, request, now)) {
            return Ok(answered);
        }
        if state.executions.contains_key(&key) || firing.is_some_and(|firing| !state.schedules.admits(firing)) {
            return Ok(Committed::Conflict);
        }
        firing.into_iter().for_each(|firing| state.schedules.fire(firing));
        if let Some(request) = request {
            state.requests.remember(scope.tenant(), request, now, key.1.clone());
        }
        state.executions.insert(key, (execution.clone(), Vec::new()));
        self.events.note(Happened::of_execution(execution));
        Ok(Committed::Stored)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Execution>>> {
        self.faults.check("find_answer")?;
        Ok(self.state().answer(scope, request, self.clock.now()))
    }

    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> Result<()> {
        self.faults.check("save")?;
        check_ascending(events)?;
        let key = key(scope, execution)?;
        let mut state = self.state();
        let Some((held, stored)) = state.executions.get_mut(&key) else {
            return Err(Error::NotFound { resource: execution.name.to_string() });
        };
        check_fence(held, &execution.fence)?;
        let ends = !held.state.is_terminal();
        *held = execution.clone();
        append(stored, events);
        self.events.note(Happened::of_execution(execution).filter(|_| ends));
        Ok(())
    }

    async fn append(&self, scope: &TenantScope, id: &ExecutionId, fence: &Fence, events: &[Event]) -> Result<()> {
        self.faults.check("append")?;
        check_ascending(events)?;
        let name = ExecutionName { tenant: scope.tenant().clone(), execution: id.clone() };
        let mut state = self.state();
        let held = state.executions.get_mut(&(name.tenant.clone(), id.clone()));
        let (held, stored) = held.ok_or_else(|| Error::NotFound { resource: name.to_string() })?;
        check_fence(held, fence)?;
        append(stored, events);
        Ok(())
    }

    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> Result<Found<Execution>> {
        self.faults.check_of("find", id.as_str())?;
        let state = self.state();
        Ok(Found::of(state.executions.get(&(scope.tenant().clone(), id.clone())).map(|(execution, _)| execution.clone())))
    }

    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, request: &PageRequest) -> Result<Found<Page<Execution>>> {
        self.faults.check("list")?;
        let state = self.state();
        let all = state.executions.values().map(|(execution, _)| execution);
        let mut found: Vec<Execution> = all.filter(|execution| matches(execution, scope, query)).cloned().collect();
        let key = |execution: &Execution| (execution.created.as_millis(), execution.name.execution.to_string());
        found.sort_by_key(key);
        if !query.oldest_first {
            found.reverse();
        }
        let order = if query.oldest_first { "oldest" } else { "newest" };
        page(found, request, order, key, |a, b| if query.oldest_first { a > b } else { a < b }).map(Found::one)
    }

    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>> {
        self.faults.check("events_after")?;
        let state = self.state();
        let Some((execution, stored)) = state.executions.get(&(scope.tenant().clone(), id.clone())) else { return Ok(Vec::new()) };
        let (mut events, mut bytes) = (Vec::new(), 0);
        for event in stored.iter().filter(|event| event.sequence > sequence) {
            let mut event = event.clone();
            if let Body::Finished(stored) = &mut event.body {
                **stored = execution.clone();
            }
            bytes += event.weight();
            if !events.is_empty() && bytes > max_bytes {
                break;
            }
            events.push(event);
        }
        Ok(events)
    }

    async fn abandoned(&self, now: Timestamp, limit: u32) -> Result<Vec<Execution>> {
        self.faults.check("abandoned")?;
        let state = self.state();
        let unfinished = state.executions.values().map(|(execution, _)| execution).filter(|execution| !execution.state.is_terminal());
        let held = unfinished.filter(|execution| !execution.is_waiting());
        let abandoned = held.filter(|execution| !state.leases.protect(&execution.fence, now));
        Ok(abandoned.take(limit as usize).cloned().collect())
    }

    async fn take_over(
        &self,
        scope: &TenantScope,
        id: &ExecutionId,
        from: &Fence,
        to: &Fence,
        now: Timestamp,
    ) -> Result<Option<Execution>> {
        self.faults.check("take_over")?;
        let state = &mut *self.state();
        let Some((held, _)) = state.executions.get_mut(&(scope.tenant().clone(), id.clone())) else { return Ok(None) };
        let is_abandoned = held.fence == *from && !state.leases.protect(from, now);
        if held.state.is_terminal() || held.is_waiting() || !(is_abandoned || held.fence == *to) {
            return Ok(None);
        }
        held.fence = to.clone();
        Ok(Some(held.clone()))
    }

    async fn ask_stop(&self, scope: &TenantScope, id: &ExecutionId) -> Result<()> {
        self.faults.check("ask_stop")?;
        let name = ExecutionName { tenant: scope.tenant().clone(), execution: id.clone() };
        let key = (name.tenant.clone(), id.clone());
        let mut state = self.state();
        if !state.executions.contains_key(&key) {
            return Err(Error::NotFound { resource: name.to_string() });
        }
        state.stops_asked.insert(key);
        Ok(())
    }

    async fn stops_asked(&self, holder: &InstanceId) -> Result<Vec<ExecutionName>> {
        self.faults.check("stops_asked")?;
        let state = self.state();
        let asked = state.stops_asked.iter().filter_map(|key| state.executions.get(key)).map(|(execution, _)| execution);
        let waiting = asked.filter(|execution| !execution.state.is_terminal() && execution.fence.holder == *holder);
        Ok(waiting.map(|execution| execution.name.clone()).collect())
    }

    async fn is_prunable(&self, bounds: &Bounds) -> Result<bool> {
        self.faults.check("is_prunable")?;
        let state = self.state();
        let (done, total) = state.done(bounds);
        Ok(done.first().is_some_and(|(ended, _)| *ended < bounds.ended_before || total > bounds.max_output_bytes))
    }

    async fn prune(&self, bounds: &Bounds) -> Result<Pruned> {
        self.faults.check("prune")?;
        let mut state = self.state();
        let (done, mut total) = state.done(bounds);
        let mut pruned = Pruned::default();
        for (ended, key) in done {
            if ended >= bounds.ended_before && total <= bounds.max_output_bytes {
                break;
            }
            if let Some((_, events)) = state.executions.remove(&key) {
                let bytes = output_bytes(&events) + state.archived_bytes(&key);
                state.archived.remove(&key);
                total -= bytes;
                pruned.executions += 1;
                pruned.output_bytes += bytes;
            }
        }
        Ok(pruned)
    }
}

pub(super) fn key(scope: &TenantScope, execution: &Execution) -> Result<(TenantId, ExecutionId)> {
    if execution.name.tenant != *scope.tenant() {
        return Err(Error::Internal { context: "an execution of another tenant", source: None });
    }
    Ok((execution.name.tenant.clone(), execution.name.execution.clone()))
}

fn check_fence(held: &Execution, fence: &Fence) -> Result<()> {
    if held.fence == *fence { Ok(()) } else { Err(Error::StaleFence { resource: held.name.to_string() }) }
}

fn check_ascending(events: &[Event]) -> Result<()> {
    match events.first().is_none_or(|first| first.sequence > 0) && events.is_sorted_by(|a, b| a.sequence < b.sequence) {
        true => Ok(()),
        false => Err(Error::Internal { context: "events whose numbers do not ascend from 1", source: None }),
    }
}

fn append(stored: &mut Vec<Event>, events: &[Event]) {
    let last = stored.last().map_or(0, |event| event.sequence);
    stored.extend(events.iter().filter(|event| event.sequence > last).cloned());
}

fn output_bytes(events: &[Event]) -> u64 {
    let bytes = |event: &Event| match &event.body {
        Body::Output(output) => output.data.len() as u64,
        Body::Queued { .. } | Body::Started(_) | Body::Finished(_) => 0,
    };
    events.iter().map(bytes).sum()
}

fn matches(execution: &Execution, scope: &TenantScope, query: &ExecutionQuery) -> bool {
    execution.name.tenant == *scope.tenant()
        && query.utility.as_ref().is_none_or(|utility| {
            execution.version.utility == UtilityName { tenant: execution.name.tenant.clone(), utility: utility.clone() }
        })
        && (query.states.is_empty() || query.states.contains(&execution.state))
        && query.created_from.is_none_or(|from| execution.created >= from)
        && query.created_before.is_none_or(|before| execution.created < before)
        && query.caller.as_ref().is_none_or(|caller| execution.caller == *caller)
}
