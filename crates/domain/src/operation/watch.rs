//! Following an operation: as it is, and then whenever that has changed, to its end. Who follows too slowly hears the newest only.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;

use crate::access::Permit;
use crate::error::Result;
use crate::operation::actions::WatchOperation;
use crate::operation::entity::Operation;
use crate::operation::repository::OperationRepository;
use crate::time::{Clock, Timestamp};

/// How often it is looked whether it has changed: rounds are as long apart where little happens.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Who was told nothing for so long hears that the stream lives.
const SILENCE: Duration = Duration::from_secs(15);

/// What a watcher hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchedOperation {
    /// The operation as it is by now.
    Changed(Box<Operation>),
    /// Nothing has changed.
    Heartbeat,
}

/// A watch, to the end of the operation.
pub type OperationWatch = Pin<Box<dyn Stream<Item = Result<WatchedOperation>> + Send>>;

struct Watcher {
    repository: Arc<dyn OperationRepository>,
    clock: Arc<dyn Clock>,
    permit: Permit<WatchOperation>,
    /// The first look, before it is told.
    found: Option<Operation>,
    /// What the watcher has: its revision, and whether it was to stop.
    seen: (u64, bool),
    told: Timestamp,
    ended: bool,
}

/// Follows `found` from the revision `after`.
pub(super) fn watch(
    repository: Arc<dyn OperationRepository>,
    clock: Arc<dyn Clock>,
    permit: Permit<WatchOperation>,
    found: Operation,
    after: u64,
) -> OperationWatch {
    let (seen, told) = ((after, false), clock.now());
    let watcher = Watcher { repository, clock, permit, found: Some(found), seen, told, ended: false };
    Box::pin(unfold(watcher, |mut watcher| async move {
        let item = watcher.next().await?;
        watcher.ended |= item.is_err();
        watcher.told = watcher.clock.now();
        Some((item, watcher))
    }))
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<WatchedOperation>> {
        while !self.ended {
            let found = match self.found.take() {
                Some(found) => found,
                None => match self.look().await {
                    Ok(found) => found,
                    Err(error) => return Some(Err(error)),
                },
            };
            let (shown, now) = ((found.revision.as_u64(), found.cancel_asked), self.clock.now());
            self.ended = found.has_ended();
            // The end is told in any case: with it, the stream ends.
            if shown != self.seen || self.ended {
                self.seen = shown;
                return Some(Ok(WatchedOperation::Changed(Box::new(found))));
            }
            if now.since(self.told) >= SILENCE {
                return Some(Ok(WatchedOperation::Heartbeat));
            }
        }
        None
    }

    async fn look(&self) -> Result<Operation> {
        self.clock.sleep(LOOK_EVERY).await;
        let name = self.permit.target();
        self.permit.open(self.repository.find(&self.permit.scope(), &name.operation).await?, name)
    }
}
