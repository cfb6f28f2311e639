//! The repository of executions of a server that shares its store with others: who watches an execution of another server is answered by what
//! that one has told through Redis, as far as it goes. Everything else is the store's.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::audit::Entry;
use domain::execution::{Bounds, Event, Execution, ExecutionQuery, ExecutionRepository, Mode, Pruned};
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::schedule::Firing;
use domain::time::Timestamp;

use crate::live::LiveEvents;

/// A repository of executions with what servers tell each other of them.
pub struct SharedExecutionRepository {
    inner: Arc<dyn ExecutionRepository>,
    live: Arc<LiveEvents>,
}

impl SharedExecutionRepository {
    /// Puts `live` before `inner`.
    pub fn new(inner: Arc<dyn ExecutionRepository>, live: Arc<LiveEvents>) -> Self {
        SharedExecutionRepository { inner, live }
    }
}

#[async_trait]
impl ExecutionRepository for SharedExecutionRepository {
    async fn insert(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
    ) -> Result<Committed<Execution>> {
        self.inner.insert(scope, execution, request, intents, firing).await
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Execution>>> {
        self.inner.find_answer(scope, request).await
    }

    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> Result<()> {
        self.inner.save(scope, execution, events).await?;
        // Whoever calls Transform is answered by the call.
        self.live.tell(scope.tenant(), &execution.name.execution, events, execution.mode == Mode::Run);
        Ok(())
    }

    async fn append(&self, scope: &TenantScope, id: &ExecutionId, fence: &Fence, events: &[Event]) -> Result<()> {
        self.inner.append(scope, id, fence, events).await?;
        self.live.tell(scope.tenant(), id, events, true);
        Ok(())
    }

    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> Result<Found<Execution>> {
        self.inner.find(scope, id).await
    }

    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, page: &PageRequest) -> Result<Found<Page<Execution>>> {
        self.inner.list(scope, query, page).await
    }

    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>> {
        self.inner.events_after(scope, id, sequence, max_bytes).await
    }

    async fn watched_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>> {
        match self.live.after(scope.tenant(), id, sequence, max_bytes).await {
            Some(events) => Ok(events),
            None => self.inner.events_after(scope, id, sequence, max_bytes).await,
        }
    }

    async fn abandoned(&self, now: Timestamp, limit: u32) -> Result<Vec<Execution>> {
        self.inner.abandoned(now, limit).await
    }

    async fn take_over(
        &self,
        scope: &TenantScope,
        id: &ExecutionId,
        from: &Fence,
        to: &Fence,
        now: Timestamp,
    ) -> Result<Option<Execution>> {
        self.inner.take_over(scope, id, from, to, now).await
    }

    async fn ask_stop(&self, scope: &TenantScope, id: &ExecutionId) -> Result<()> {
        self.inner.ask_stop(scope, id).await
    }

    async fn stops_asked(&self, holder: &InstanceId) -> Result<Vec<ExecutionName>> {
        self.inner.stops_asked(holder).await
    }

    async fn is_prunable(&self, bounds: &Bounds) -> Result<bool> {
        self.inner.is_prunable(bounds).await
    }

    async fn prune(&self, bounds: &Bounds) -> Result<Pruned> {
        self.inner.prune(bounds).await
    }
}
