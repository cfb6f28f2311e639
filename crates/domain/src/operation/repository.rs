//! The port to where operations and their items are stored.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::lease::Fence;
use crate::name::{OperationId, PrincipalName};
use crate::operation::batch::{Entry, ItemOutcome};
use crate::operation::entity::Operation;
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey};
use crate::time::Timestamp;

/// Which operations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperationQuery {
    /// Only asked for by this principal.
    pub creator: Option<PrincipalName>,
}

/// Port: operations, what is asked of their items, and what became of these. Each method is one commit.
#[async_trait]
pub trait OperationRepository: Send + Sync {
    /// Stores a new operation durably, with its items in chunks of [`crate::operation::ITEMS_OF_CHUNK`]; a repeated request answers with
    /// the first operation as it is by now.
    ///
    /// # Errors
    /// [`crate::operation::too_many`] where [`crate::operation::MAX_OPEN`] of the tenant have not ended: then nothing is stored.
    async fn insert(
        &self,
        scope: &TenantScope,
        operation: &Operation,
        entries: &[Entry],
        request: Option<&RequestKey>,
    ) -> Result<Committed<Operation>>;
    /// The operation that a request began, as it is by now.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Operation>>>;
    /// One operation.
    async fn find(&self, scope: &TenantScope, id: &OperationId) -> Result<Found<Operation>>;
    /// A page of operations, the newest first.
    async fn list(&self, scope: &TenantScope, query: &OperationQuery, page: &PageRequest) -> Result<Found<Page<Operation>>>;
    /// What is asked of the items of a chunk; empty once the operation has ended.
    async fn entries(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> Result<Vec<Entry>>;
    /// What became of the items of a chunk that were begun, in order.
    async fn outcomes(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> Result<Vec<ItemOutcome>>;
    /// Stores how far it is, under its fence, with what became of the items of some chunks. Says whether the stored one has this fence and
    /// has not ended: otherwise nothing is stored. Whether somebody wished that it stops, it leaves as it is. With its end, what is asked
    /// of its items goes.
    async fn advance(&self, scope: &TenantScope, operation: &Operation, outcomes: &[(u32, Vec<ItemOutcome>)]) -> Result<bool>;
    /// Stores the wish that it stops; does nothing once it has ended.
    async fn ask_cancel(&self, scope: &TenantScope, id: &OperationId) -> Result<()>;
    /// At most `limit` operations of any tenant that have not ended and whose fence is not that of a lease in force at `now`. Those that
    /// cannot be read do not count, and hide no others.
    async fn abandoned(&self, now: Timestamp, limit: u32) -> Result<Vec<Operation>>;
    /// Puts an abandoned operation under the fence `to`, and returns it; `None` where it is not abandoned, has ended, is gone, or has
    /// another fence than `from`. What has the fence `to` already is answered again.
    async fn take_over(&self, scope: &TenantScope, id: &OperationId, from: &Fence, to: &Fence, now: Timestamp)
    -> Result<Option<Operation>>;
    /// Removes some operations that ended before, but those of tenants on legal hold; says whether there may be more.
    async fn prune(&self, ended_before: Timestamp) -> Result<bool>;
}
