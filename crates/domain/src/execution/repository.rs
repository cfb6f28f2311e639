//! The port to where executions and their events are stored.

use async_trait::async_trait;

use crate::Result;
use crate::access::TenantScope;
use crate::execution::{Event, Execution, State};
use crate::name::{ExecutionId, PrincipalName, UtilityId};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey};
use crate::time::Timestamp;

/// Which executions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionQuery {
    /// Only of this utility.
    pub utility: Option<UtilityId>,
    /// Only in one of these states; empty allows all.
    pub states: Vec<State>,
    /// Only created at or after.
    pub created_from: Option<Timestamp>,
    /// Only created before.
    pub created_before: Option<Timestamp>,
    /// Only asked for by this principal.
    pub caller: Option<PrincipalName>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
}

/// What retention removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Executions with all they had.
    pub executions: u64,
    /// Bytes of output.
    pub output_bytes: u64,
}

/// Port: executions and their events.
#[async_trait]
pub trait ExecutionRepository: Send + Sync {
    /// Stores a new execution durably; a repeated request answers with the first execution.
    async fn insert(&self, scope: &TenantScope, execution: &Execution, request: Option<&RequestKey>) -> Result<Committed<Execution>>;
    /// Stores the execution's present state and appends events, in one commit. Returns once it is durable.
    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> Result<()>;
    /// Appends events only.
    async fn append(&self, scope: &TenantScope, id: &ExecutionId, events: &[Event]) -> Result<()>;
    /// One execution.
    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> Result<Option<Execution>>;
    /// A page of executions.
    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, page: &PageRequest) -> Result<Page<Execution>>;
    /// Stored events after `sequence`, in order, of about `max_bytes` in all (at least one, when there is one).
    /// A [`crate::execution::Body::Finished`] event carries the stored execution.
    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>>;
    /// Executions of any tenant that have not ended and belong to an instance other than `alive`; for recovery.
    async fn unfinished(&self, alive: &str) -> Result<Vec<Execution>>;
    /// Removes executions that ended before `ended_before`, then the oldest until at most `max_output_bytes` of output are kept.
    async fn prune(&self, ended_before: Timestamp, max_output_bytes: u64) -> Result<Pruned>;
}
