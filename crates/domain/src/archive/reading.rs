//! Executions whose events are read from the archive where the store does not have them any more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::access::{Found, TenantScope};
use crate::archive::object::ObjectId;
use crate::archive::ports::{ArchiveRepository, Objects};
use crate::audit::Entry;
use crate::error::{Error, Result};
use crate::execution::{Bounds, Event, Execution, ExecutionQuery, ExecutionRepository, Pruned};
use crate::lease::{Fence, InstanceId};
use crate::name::{ExecutionId, ExecutionName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey};
use crate::schedule::Firing;
use crate::time::Timestamp;

/// Pieces that stay open in memory: a reader takes one in several pages, and few read at the same time.
const OPEN_PIECES: usize = 8;

/// A repository of executions in front of the archive.
pub struct ArchivedExecutions {
    inner: Arc<dyn ExecutionRepository>,
    archive: Arc<dyn ArchiveRepository>,
    objects: Arc<dyn Objects>,
    open: Mutex<VecDeque<(ObjectId, Arc<Vec<Event>>)>>,
}

impl ArchivedExecutions {
    /// The repository, its archive, and who keeps the objects of that.
    pub fn new(inner: Arc<dyn ExecutionRepository>, archive: Arc<dyn ArchiveRepository>, objects: Arc<dyn Objects>) -> Self {
        ArchivedExecutions { inner, archive, objects, open: Mutex::default() }
    }

    /// As [`ExecutionRepository::events_after`], from the archive; `None` where there is nothing of it.
    async fn archived_after(&self, name: &ExecutionName, scope: &TenantScope, after: u64, most: usize) -> Result<Option<Vec<Event>>> {
        // The store is asked each time, so that what it has forgotten is read by nobody, even where it is open here.
        let Some(piece) = self.archive.piece_after(scope, &name.execution, after).await? else { return Ok(None) };
        let events = match self.opened(&piece.object) {
            Some(events) => events,
            None => {
                let events = Arc::new(match self.objects.get(name, &piece).await {
                    Ok(events) => events,
                    // Retention may have removed it between the two.
                    Err(Error::NotFound { .. }) if self.archive.piece_after(scope, &name.execution, after).await?.is_none() => {
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                });
                self.keep(piece.object, &events);
                events
            }
        };
        Ok(Some(page(&events, after, most)))
    }

    /// What is open of an object: what is read most lately stays longest.
    fn opened(&self, object: &ObjectId) -> Option<Arc<Vec<Event>>> {
        let mut open = self.open();
        let place = open.iter().position(|(known, _)| known == object)?;
        let (object, events) = open.remove(place)?;
        open.push_front((object, Arc::clone(&events)));
        Some(events)
    }

    fn keep(&self, object: ObjectId, events: &Arc<Vec<Event>>) {
        let mut open = self.open();
        // Another reader may have opened it meanwhile.
        open.retain(|(known, _)| *known != object);
        open.truncate(OPEN_PIECES - 1);
        open.push_front((object, Arc::clone(events)));
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<(ObjectId, Arc<Vec<Event>>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events after a number, of about so many bytes, at least one if there is one.
fn page(events: &[Event], after: u64, most: usize) -> Vec<Event> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for event in events.iter().filter(|event| event.sequence > after) {
        bytes += event.weight();
        if !page.is_empty() && bytes > most {
            break;
        }
        page.push(event.clone());
    }
    page
}

#[async_trait]
impl ExecutionRepository for ArchivedExecutions {
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
        self.inner.save(scope, execution, events).await
    }

    async fn append(&self, scope: &TenantScope, id: &ExecutionId, fence: &Fence, events: &[Event]) -> Result<()> {
        self.inner.append(scope, id, fence, events).await
    }

    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> Result<Found<Execution>> {
        self.inner.find(scope, id).await
    }

    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, page: &PageRequest) -> Result<Found<Page<Execution>>> {
        self.inner.list(scope, query, page).await
    }

    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>> {
        let found = self.inner.events_after(scope, id, sequence, max_bytes).await?;
        // What is archived leaves nothing, or a gap.
        if found.first().is_some_and(|first| first.sequence == sequence.saturating_add(1)) {
            return Ok(found);
        }
        let name = ExecutionName { tenant: scope.tenant().clone(), execution: id.clone() };
        Ok(self.archived_after(&name, scope, sequence, max_bytes).await?.unwrap_or(found))
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
