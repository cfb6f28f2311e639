//! The port of executions and their events.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::audit::Entry;
use domain::execution::{Bounds, Event, Execution, ExecutionQuery, ExecutionRepository, Pruned};
use domain::lease::{Fence, InstanceId};
use domain::name::{ExecutionId, ExecutionName, TenantId};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::schedule::Firing;
use domain::time::Timestamp;
use storage_documents::frame::{Frame, NotAscending};

use crate::audit;
use crate::error::{Error, Result};
use crate::schedules;
use crate::session::Session;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod archive;
mod events;
mod fences;
mod list;
mod names;
mod parts;
pub(crate) mod prune;
mod queue;
mod rows;
mod write;

use rows::{Met, name_of};

#[async_trait]
impl ExecutionRepository for MongoStore {
    async fn insert(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
    ) -> domain::Result<Committed<Execution>> {
        let row = write::Written::new(scope.tenant(), execution)?;
        let window = self.request_window();
        let stored = transact!(self, "storing an execution", scope.tenant(), |session| {
            audit::add_all(session, intents).await?;
            if !admits(session, firing).await? {
                Ok(Committed::Conflict)
            } else {
                let committed = row.insert(session, request, window).await?;
                if committed == Committed::Stored {
                    fire(session, firing).await?;
                }
                Ok(committed)
            }
        });
        Ok(stored?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Execution>>> {
        let (_, since) = self.request_window();
        let found = read!(self, "reading an answered request", |session| { write::answer(session, scope.tenant(), request, since).await });
        Ok(found?)
    }

    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> domain::Result<()> {
        let row = write::Written::new(scope.tenant(), execution)?;
        let (frames, (now, _)) = (frames(events)?, self.request_window());
        let met = transact!(self, "saving an execution", scope.tenant(), |session| row.save(session, &frames, now).await);
        own(&execution.name, met?)
    }

    async fn append(&self, scope: &TenantScope, id: &ExecutionId, fence: &Fence, events: &[Event]) -> domain::Result<()> {
        let (name, frames) = (name_of(scope, id), frames(events)?);
        let met = transact!(self, "appending events", scope.tenant(), |session| { write::append_to(session, &name, fence, &frames).await });
        own(&name, met?)
    }

    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> domain::Result<Found<Execution>> {
        Ok(Found::of(read!(self, "reading an execution", |session| rows::find(session, scope.tenant(), id).await)?))
    }

    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, page: &PageRequest) -> domain::Result<Found<Page<Execution>>> {
        let list = list::List::new(scope.tenant().clone(), query.clone(), page)?;
        Ok(Found::one(read!(self, "listing executions", |session| list.page(session.for_lists()).await)?))
    }

    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> domain::Result<Vec<Event>> {
        let found = read!(self, "reading events of an execution", |session| {
            events::after(session, scope.tenant(), id, sequence, max_bytes).await
        });
        Ok(found?)
    }

    async fn abandoned(&self, now: Timestamp, limit: u32) -> domain::Result<Vec<Execution>> {
        Ok(read!(self, "reading unfinished executions", |session| fences::abandoned(session, now, limit as usize).await)?)
    }

    async fn take_over(
        &self,
        scope: &TenantScope,
        id: &ExecutionId,
        from: &Fence,
        to: &Fence,
        now: Timestamp,
    ) -> domain::Result<Option<Execution>> {
        let name = name_of(scope, id);
        let taken = transact!(self, "taking an execution over", scope.tenant(), |session| {
            fences::take_over(session, &name, from, to, now).await
        });
        Ok(taken?)
    }

    async fn ask_stop(&self, scope: &TenantScope, id: &ExecutionId) -> domain::Result<()> {
        let name = name_of(scope, id);
        let exists = transact!(self, "asking an execution to stop", scope.tenant(), |session| fences::ask_stop(session, &name).await)?;
        if exists { Ok(()) } else { Err(domain::Error::NotFound { resource: name.to_string() }) }
    }

    async fn stops_asked(&self, holder: &InstanceId) -> domain::Result<Vec<ExecutionName>> {
        Ok(read!(self, "reading wishes to stop", |session| fences::stops_asked(session, holder).await)?)
    }

    async fn is_prunable(&self, bounds: &Bounds) -> domain::Result<bool> {
        let limits = prune::Limits::new(bounds);
        Ok(read!(self, "looking for old executions", |session| prune::is_due(session, &limits).await)?)
    }

    async fn prune(&self, bounds: &Bounds) -> domain::Result<Pruned> {
        let limits = prune::Limits::new(bounds);
        let removed = transact!(self, "removing old executions", &TenantId::system(), |session| prune::step(session, &limits).await);
        Ok(removed?)
    }
}

/// Whether what a schedule starts may be stored; whatever no schedule starts may.
async fn admits(session: &mut Session, firing: Option<&Firing>) -> Result<bool> {
    match firing {
        Some(firing) => schedules::admits(session, firing).await,
        None => Ok(true),
    }
}

/// Stores that the schedule has started something, where one has.
async fn fire(session: &mut Session, firing: Option<&Firing>) -> Result<()> {
    match firing {
        Some(firing) => schedules::fire(session, firing).await,
        None => Ok(()),
    }
}

fn own(name: &ExecutionName, met: Met) -> domain::Result<()> {
    match met {
        Met::Own => Ok(()),
        Met::Anothers => Err(domain::Error::StaleFence { resource: name.to_string() }),
        Met::Nothing => Err(domain::Error::NotFound { resource: name.to_string() }),
    }
}

fn frames(events: &[Event]) -> domain::Result<Vec<Frame>> {
    let misused = |_: NotAscending| Error::Misused("events whose numbers do not ascend from 1");
    Ok(storage_documents::frame::frames(events).map_err(misused)?)
}
