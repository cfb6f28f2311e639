//! The port of operations.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::lease::Fence;
use domain::name::{OperationId, OperationName};
use domain::operation::{Entry, ITEMS_OF_CHUNK, ItemOutcome, Operation, OperationQuery, OperationRepository};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use rusqlite::Connection;
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::EmbeddedStore;

mod items;
mod rows;

#[async_trait]
impl OperationRepository for EmbeddedStore {
    async fn insert(
        &self,
        scope: &TenantScope,
        operation: &Operation,
        entries: &[Entry],
        request: Option<&RequestKey>,
    ) -> domain::Result<Committed<Operation>> {
        if operation.name.tenant != *scope.tenant() {
            return Err(Error::Misused("an operation of another tenant").into());
        }
        let (vault, window) = (self.vault(), self.request_window());
        let (operation, request) = (operation.clone(), request.cloned());
        let chunks: Vec<String> = entries.chunks(ITEMS_OF_CHUNK as usize).map(items::encoded).collect();
        let work = move |connection: &Connection| {
            let committed = rows::insert(connection, &operation, request.as_ref(), window)?;
            if committed == Committed::Stored {
                items::add(connection, &vault, &operation.name, &chunks)?;
            }
            Ok(committed)
        };
        Ok(self.write(work).await?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Operation>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        let work = move |connection: &Connection| rows::answer(connection, &tenant, request::find(connection, &tenant, &request, since)?);
        Ok(self.read(work).await?)
    }

    async fn find(&self, scope: &TenantScope, id: &OperationId) -> domain::Result<Found<Operation>> {
        let name = named(scope, id);
        Ok(Found::of(self.read(move |connection| rows::find(connection, &name)).await?))
    }

    async fn list(&self, scope: &TenantScope, query: &OperationQuery, page: &PageRequest) -> domain::Result<Found<Page<Operation>>> {
        let (tenant, query, page, vault) = (scope.tenant().clone(), query.clone(), PageById::new(page, rows::ORDER)?, self.vault());
        Ok(Found::one(self.read(move |connection| rows::list(connection, &vault, &tenant, &query, &page)).await?))
    }

    async fn entries(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> domain::Result<Vec<Entry>> {
        let (name, vault) = (named(scope, id), self.vault());
        Ok(self.read(move |connection| items::entries(connection, &vault, &name, chunk)).await?)
    }

    async fn outcomes(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> domain::Result<Vec<ItemOutcome>> {
        let (name, vault) = (named(scope, id), self.vault());
        Ok(self.read(move |connection| items::outcomes(connection, &vault, &name, chunk)).await?)
    }

    async fn advance(&self, scope: &TenantScope, operation: &Operation, outcomes: &[(u32, Vec<ItemOutcome>)]) -> domain::Result<bool> {
        if operation.name.tenant != *scope.tenant() {
            return Err(Error::Misused("an operation of another tenant").into());
        }
        let (vault, operation, outcomes) = (self.vault(), operation.clone(), outcomes.to_vec());
        let work = move |connection: &Connection| {
            if !rows::advance(connection, &operation)? {
                return Ok(false);
            }
            items::put(connection, &vault, &operation.name, &outcomes)?;
            if operation.has_ended() {
                items::forget_entries(connection, &operation.name)?;
            }
            Ok(true)
        };
        Ok(self.write(work).await?)
    }

    async fn ask_cancel(&self, scope: &TenantScope, id: &OperationId) -> domain::Result<()> {
        let name = named(scope, id);
        Ok(self.write(move |connection: &Connection| rows::ask_cancel(connection, &name)).await?)
    }

    async fn abandoned(&self, now: Timestamp, limit: u32) -> domain::Result<Vec<Operation>> {
        let vault = self.vault();
        Ok(self.read(move |connection| rows::abandoned(connection, &vault, now, limit)).await?)
    }

    async fn take_over(
        &self,
        scope: &TenantScope,
        id: &OperationId,
        from: &Fence,
        to: &Fence,
        now: Timestamp,
    ) -> domain::Result<Option<Operation>> {
        let (name, from, to) = (named(scope, id), from.clone(), to.clone());
        Ok(self.write(move |connection: &Connection| rows::take_over(connection, &name, &from, &to, now)).await?)
    }

    async fn prune(&self, ended_before: Timestamp) -> domain::Result<bool> {
        // Most looks find nothing: those need no writer.
        if !self.read(move |connection| rows::is_any_old(connection, ended_before)).await? {
            return Ok(false);
        }
        Ok(self.write(move |connection: &Connection| rows::prune(connection, ended_before)).await?)
    }
}

fn named(scope: &TenantScope, id: &OperationId) -> OperationName {
    OperationName { tenant: scope.tenant().clone(), operation: id.clone() }
}
