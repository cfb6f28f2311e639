//! The port to where executions and their events are stored.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::audit;
use crate::execution::{Event, Execution, State};
use crate::lease::{Fence, InstanceId};
use crate::name::{ExecutionId, ExecutionName, PrincipalName, TenantId, UtilityId};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey};
use crate::schedule::Firing;
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

/// What of all tenants together is kept. What ended at or after the time is, until there is more output than that: then the oldest go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// When it ended at the earliest.
    pub ended_before: Timestamp,
    /// Bytes of output.
    pub max_output_bytes: u64,
    /// Tenants of which nothing is removed, and whose output is not counted.
    pub except: Vec<TenantId>,
}

/// What retention removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Executions with all they had.
    pub executions: u64,
    /// Bytes of output.
    pub output_bytes: u64,
    /// Whether there is more to remove.
    pub more: bool,
}

/// Port: executions and their events. A write is refused with [`crate::Error::StaleFence`] when the stored execution has another
/// fence: whoever wrote no longer owns it, and nothing of the write is stored.
#[async_trait]
pub trait ExecutionRepository: Send + Sync {
    /// Stores a new execution durably, under its fence; a repeated request answers with the first execution.
    ///
    /// A request stays answered when its execution is pruned. `intents` are added to their audit logs in the same commit, whatever is
    /// answered; where there is an error, nothing of it is stored. What a schedule starts is stored together with the `firing` of that, or
    /// not at all: [`Committed::Conflict`] where the schedule is another by now.
    async fn insert(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[audit::Entry],
        firing: Option<&Firing>,
    ) -> Result<Committed<Execution>>;
    /// The execution that a request started, as it is by now: looked for before anything about the request is judged.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Execution>>>;
    /// Stores the execution's present state and appends events, in one commit. Returns once it is durable.
    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> Result<()>;
    /// Appends events only, under the execution's fence.
    async fn append(&self, scope: &TenantScope, id: &ExecutionId, fence: &Fence, events: &[Event]) -> Result<()>;
    /// One execution.
    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> Result<Found<Execution>>;
    /// A page of executions.
    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, page: &PageRequest) -> Result<Found<Page<Execution>>>;
    /// Stored events after `sequence`, in order, of about `max_bytes` in all (at least one, when there is one).
    /// A [`crate::execution::Body::Finished`] event carries the stored execution.
    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>>;
    /// As [`ExecutionRepository::events_after`], for who watches an execution that goes on: what servers tell each other may answer it. What is
    /// answered is stored, and follows `sequence` without a gap. Nothing that is stored next is decided by it.
    async fn watched_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>> {
        self.events_after(scope, id, sequence, max_bytes).await
    }
    /// At most `limit` executions of any tenant that have not ended and whose fence is not that of a lease in force at `now`. Those that
    /// cannot be read do not count, and hide no others.
    async fn abandoned(&self, now: Timestamp, limit: u32) -> Result<Vec<Execution>>;
    /// Puts an abandoned execution under the fence `to`, and returns it; from then on writes under `from` are refused.
    /// `None` when it is not abandoned, has ended, is gone, or has another fence than `from`: somebody else has taken it over.
    /// What has the fence `to` already is taken over again, so that a call that was not answered can be repeated.
    async fn take_over(&self, scope: &TenantScope, id: &ExecutionId, from: &Fence, to: &Fence, now: Timestamp)
    -> Result<Option<Execution>>;
    /// Stores the wish that an execution stops, for its holder to find; does nothing once it has ended. Not a write of the
    /// execution: anybody may wish, under no fence.
    async fn ask_stop(&self, scope: &TenantScope, id: &ExecutionId) -> Result<()>;
    /// Executions under a fence of this holder that have not ended and were asked to stop.
    async fn stops_asked(&self, holder: &InstanceId) -> Result<Vec<ExecutionName>>;
    /// Whether there is something beyond these bounds.
    async fn is_prunable(&self, bounds: &Bounds) -> Result<bool>;
    /// Removes some executions beyond these bounds, the oldest first, in one step that holds up others for a short time only. A store that
    /// keeps tenants, too, excepts those on legal hold of its own accord, in the commit of each step, and from what goes by its age those that
    /// have settled another.
    async fn prune(&self, bounds: &Bounds) -> Result<Pruned>;
}
