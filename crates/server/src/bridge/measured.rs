//! The repository of executions with its writes measured, and ended executions counted: each is saved once in its final state.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::audit::Entry;
use domain::execution::{Bounds, Event, Execution, ExecutionQuery, ExecutionRepository, Pruned};
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::schedule::Firing;
use domain::time::Timestamp;
use telemetry::Metrics;
use tracing::Instrument as _;

use super::timeline;

pub(crate) struct MeasuredExecutions {
    inner: Arc<dyn ExecutionRepository>,
    metrics: Arc<Metrics>,
}

impl MeasuredExecutions {
    pub(crate) fn new(inner: Arc<dyn ExecutionRepository>, metrics: Arc<Metrics>) -> Self {
        MeasuredExecutions { inner, metrics }
    }

    /// Awaits a write in a span of its own, and counts it.
    async fn measure<T>(&self, operation: &'static str, write: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let result = write.instrument(tracing::info_span!("store", otel.name = format!("store.{operation}"), operation)).await;
        self.metrics.commit_finished(operation, result.is_ok(), begun.elapsed());
        result
    }

    fn count_end(&self, execution: &Execution) {
        if let Some(ended) = execution.ended {
            let reason = execution.failure.as_ref().map_or("", |failure| failure.reason.as_str());
            self.metrics.execution_finished(execution.state.as_str(), reason, ended.since(execution.created));
            tracing::debug!(execution = %execution.name, state = execution.state.as_str(), reason, "an execution ended");
        }
    }
}

#[async_trait]
impl ExecutionRepository for MeasuredExecutions {
    async fn insert(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
    ) -> Result<Committed<Execution>> {
        timeline::mark("storing");
        let stored = self.measure("insert", self.inner.insert(scope, execution, request, intents, firing)).await;
        timeline::mark("stored");
        stored
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Execution>>> {
        self.inner.find_answer(scope, request).await
    }

    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> Result<()> {
        self.measure("save", self.inner.save(scope, execution, events)).await?;
        if execution.state.is_terminal() {
            timeline::mark("end stored");
            self.count_end(execution);
        }
        Ok(())
    }

    async fn append(&self, scope: &TenantScope, id: &ExecutionId, fence: &Fence, events: &[Event]) -> Result<()> {
        self.measure("append", self.inner.append(scope, id, fence, events)).await
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
        self.inner.watched_after(scope, id, sequence, max_bytes).await
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
        self.measure("take_over", self.inner.take_over(scope, id, from, to, now)).await
    }

    async fn ask_stop(&self, scope: &TenantScope, id: &ExecutionId) -> Result<()> {
        self.measure("ask_stop", self.inner.ask_stop(scope, id)).await
    }

    async fn stops_asked(&self, holder: &InstanceId) -> Result<Vec<ExecutionName>> {
        self.inner.stops_asked(holder).await
    }

    async fn is_prunable(&self, bounds: &Bounds) -> Result<bool> {
        self.measure("is_prunable", self.inner.is_prunable(bounds)).await
    }

    async fn prune(&self, bounds: &Bounds) -> Result<Pruned> {
        self.measure("prune", self.inner.prune(bounds)).await
    }
}
