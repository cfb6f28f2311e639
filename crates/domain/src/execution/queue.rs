//! The port to executions that wait in the store for a server that has room for them.
//!
//! Whether one waits is part of the execution: its fence is nobody's. What is kept beside it is how many of a tenant wait, so that
//! nothing is counted by looking at all of them.

use async_trait::async_trait;

use crate::Result;
use crate::access::TenantScope;
use crate::audit;
use crate::execution::Execution;
use crate::lease::Fence;
use crate::name::{ExecutionId, TenantId};
use crate::request::{Committed, RequestKey};
use crate::schedule::Firing;

/// How many executions may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of the tenant.
    pub of_tenant: u32,
    /// Of all tenants together. What several servers store at the same moment may go beyond it by as many.
    pub in_all: u32,
}

/// What became of an execution that was to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// As of any other that is stored.
    Committed(Committed<Execution>),
    /// So many of the tenant wait already: it is not stored.
    TenantFull,
    /// So many of all tenants wait already: it is not stored.
    Full,
}

/// An execution that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Under the fence of who claimed it.
    pub execution: Execution,
    /// Whether somebody wished meanwhile that it stops.
    pub stop_asked: bool,
}

/// Port: executions that wait. They lie in the same store as all others, which [`crate::execution::ExecutionRepository`] reads, and each
/// method is one commit.
#[async_trait]
pub trait ExecutionQueue: Send + Sync {
    /// Stores a new execution that waits, durably, as [`crate::execution::ExecutionRepository::insert`] stores others. A repeated request
    /// answers with the first execution, whether or not there is room; `intents` are stored whatever is answered.
    async fn enqueue(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[audit::Entry],
        firing: Option<&Firing>,
        room: Room,
    ) -> Result<Enqueued>;
    /// At most `limit` tenants of which something waits, in the order of their ids, behind `after`.
    async fn tenants_waiting(&self, after: Option<&TenantId>, limit: u32) -> Result<Vec<TenantId>>;
    /// At most `limit` executions of a tenant that wait, the oldest first, behind `after`.
    async fn waiting(&self, scope: &TenantScope, after: Option<&ExecutionId>, limit: u32) -> Result<Vec<ExecutionId>>;
    /// Puts an execution that waits under the fence `to`; `None` when it does not wait: somebody else has claimed it, or it has ended.
    /// Of several who claim it at the same time, one is given it.
    async fn claim(&self, scope: &TenantScope, id: &ExecutionId, to: &Fence) -> Result<Option<Claimed>>;
    /// Has an execution that is stored under the fence `from` wait, as it is now; says whether it was under that fence and had not ended.
    /// There is room for it whatever else waits.
    async fn put_back(&self, execution: &Execution, from: &Fence) -> Result<bool>;
}
