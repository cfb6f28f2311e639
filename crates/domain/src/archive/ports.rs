//! The ports of the archive: to the store, which says what is archived, and to whoever keeps the objects.

use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

use crate::Result;
use crate::access::TenantScope;
use crate::archive::object::{ObjectId, Piece, Reference};
use crate::execution::Event;
use crate::name::{ExecutionId, ExecutionName, TenantId};
use crate::time::Timestamp;

/// Port: what a store says of the archive. One store with that of executions: retention that removes output forgets its pieces, too, in the
/// same commit, and pieces count as output.
#[async_trait]
pub trait ArchiveRepository: Send + Sync {
    /// At most `limit` executions of any tenant behind one, in the order of their names, that have ended with more output than
    /// [`INLINE_OUTPUT`](crate::archive::INLINE_OUTPUT) and are not archived.
    async fn archivable(&self, after: Option<&ExecutionName>, limit: u32) -> Result<Vec<ExecutionName>>;
    /// Notes the pieces of an execution, which begin with event 1, and removes from the store what they hold, as far as it can without what
    /// they do not hold; in one commit. Says whether it did: nothing changes where the execution is gone, has not ended, or is archived.
    async fn archive(&self, scope: &TenantScope, id: &ExecutionId, pieces: &[Piece]) -> Result<bool>;
    /// The piece that holds the first event after `sequence`, or the next piece behind it.
    async fn piece_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64) -> Result<Option<Piece>>;
    /// Which of these objects no piece of the tenant names.
    async fn unnamed(&self, scope: &TenantScope, objects: &[ObjectId]) -> Result<Vec<ObjectId>>;
}

/// An object that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which.
    pub object: ObjectId,
    /// When it was stored, by the clock of whoever keeps it.
    pub at: Timestamp,
}

/// Objects, in no order.
pub type StoredObjects = Pin<Box<dyn Stream<Item = Result<Stored>> + Send>>;

/// Port: keeps events as objects, sealed, each under a key of its own and for its execution alone.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Stores events durably, in order and without a gap; no [`Body::Finished`](crate::execution::Body::Finished) among them, which the
    /// execution itself tells. Two calls never make the same object.
    async fn put(&self, execution: &ExecutionName, events: &[Event]) -> Result<(ObjectId, Reference)>;
    /// The events of a piece.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] where the object is not there; others where it does not open, or cannot be asked for.
    async fn get(&self, execution: &ExecutionName, piece: &Piece) -> Result<Vec<Event>>;
    /// Every object of this installation that was there when this was called and is still.
    fn list(&self) -> StoredObjects;
    /// Removes an object; one that is not there is no error.
    async fn remove(&self, tenant: &TenantId, object: &ObjectId) -> Result<()>;
}
