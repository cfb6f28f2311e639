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
use rusqlite::Connection;
use storage_documents::frame::{Frame, NotAscending};

use crate::audit;
use crate::error::Error;
use crate::store::EmbeddedStore;

mod archive;
mod events;
mod fences;
mod list;
pub(crate) mod prune;
mod queue;
mod rows;
mod write;

use rows::{Met, name_of};

#[async_trait]
impl ExecutionRepository for EmbeddedStore {
    async fn insert(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
    ) -> domain::Result<Committed<Execution>> {
        let row = write::Row::new(scope.tenant(), execution)?;
        let (request, intents, (now, since)) = (request.cloned(), intents.to_vec(), self.request_window());
        let (vault, firing) = (self.vault(), firing.cloned());
        let insert = move |connection: &Connection| {
            audit::add_all(connection, &vault, intents.iter())?;
            write::starting(
                connection,
                firing.as_ref(),
                || row.insert(connection, &vault, request.as_ref(), now, since),
                Committed::Conflict,
            )
        };
        Ok(self.write(insert).await?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Execution>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        let vault = self.vault();
        Ok(self.read(move |connection| write::answer(connection, &vault, &tenant, &request, since)).await?)
    }

    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> domain::Result<()> {
        let row = write::Row::new(scope.tenant(), execution)?;
        let (frames, (now, _)) = (frames(events)?, self.request_window());
        let vault = self.vault();
        own(&execution.name, self.write(move |connection| row.save(connection, &vault, frames, now)).await?)
    }

    async fn append(&self, scope: &TenantScope, id: &ExecutionId, fence: &Fence, events: &[Event]) -> domain::Result<()> {
        let name = name_of(scope, id);
        let (frames, key, fence) = (frames(events)?, name.clone(), fence.clone());
        let vault = self.vault();
        own(&name, self.write(move |connection| write::append_to(connection, &vault, &key, &fence, frames)).await?)
    }

    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> domain::Result<Found<Execution>> {
        let (tenant, id, vault) = (scope.tenant().clone(), id.clone(), self.vault());
        Ok(Found::of(self.read(move |connection| rows::find(connection, &vault, &tenant, &id)).await?))
    }

    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, page: &PageRequest) -> domain::Result<Found<Page<Execution>>> {
        let (list, vault) = (list::List::new(scope.tenant().clone(), query.clone(), page)?, self.vault());
        Ok(Found::one(self.read(move |connection| list.page(connection, &vault)).await?))
    }

    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> domain::Result<Vec<Event>> {
        let (tenant, id, vault) = (scope.tenant().clone(), id.clone(), self.vault());
        Ok(self.read(move |connection| events::after(connection, &vault, (&tenant, &id), sequence, max_bytes)).await?)
    }

    async fn abandoned(&self, now: Timestamp, limit: u32) -> domain::Result<Vec<Execution>> {
        let vault = self.vault();
        Ok(self.read(move |connection| fences::abandoned(connection, &vault, now, limit)).await?)
    }

    async fn take_over(
        &self,
        scope: &TenantScope,
        id: &ExecutionId,
        from: &Fence,
        to: &Fence,
        now: Timestamp,
    ) -> domain::Result<Option<Execution>> {
        let (name, from, to, vault) = (name_of(scope, id), from.clone(), to.clone(), self.vault());
        Ok(self.write(move |connection| fences::take_over(connection, &vault, &name, &from, &to, now)).await?)
    }

    async fn ask_stop(&self, scope: &TenantScope, id: &ExecutionId) -> domain::Result<()> {
        let (name, key) = (name_of(scope, id), name_of(scope, id));
        let exists = self.write(move |connection| fences::ask_stop(connection, &key)).await?;
        if exists { Ok(()) } else { Err(domain::Error::NotFound { resource: name.to_string() }) }
    }

    async fn stops_asked(&self, holder: &InstanceId) -> domain::Result<Vec<ExecutionName>> {
        let holder = holder.clone();
        Ok(self.read(move |connection| fences::stops_asked(connection, &holder)).await?)
    }

    async fn is_prunable(&self, bounds: &Bounds) -> domain::Result<bool> {
        let limits = limits(bounds);
        Ok(self.read(move |connection| prune::is_due(connection, &limits)).await?)
    }

    async fn prune(&self, bounds: &Bounds) -> domain::Result<Pruned> {
        let limits = limits(bounds);
        Ok(self.write(move |connection| prune::step(connection, &limits)).await?)
    }
}

fn limits(bounds: &Bounds) -> prune::Limits {
    let except: Vec<&str> = bounds.except.iter().map(TenantId::as_str).collect();
    let except = serde_json::to_string(&except).expect("texts are JSON");
    prune::Limits { ended_before: bounds.ended_before, max_output_bytes: bounds.max_output_bytes, except }
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
