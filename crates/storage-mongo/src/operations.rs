//! The port of operations.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::lease::Fence;
use domain::name::{OperationId, OperationName};
use domain::operation::{Entry, ItemOutcome, Operation, OperationQuery, OperationRepository};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod items;
mod rows;

#[async_trait]
impl OperationRepository for MongoStore {
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
        let window = self.request_window();
        let committed = transact!(self, "storing an operation", scope.tenant(), |session| {
            let committed = rows::insert(session, operation, request, window).await?;
            if committed == Committed::Stored {
                items::add(session, &operation.name, entries).await?;
            }
            Ok(committed)
        });
        Ok(committed?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Operation>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let look = read!(self, "reading an answered request", |session| {
            let remembered = request::find(session, tenant, request, since).await?;
            rows::answer(session, tenant, remembered).await
        });
        Ok(look?)
    }

    async fn find(&self, scope: &TenantScope, id: &OperationId) -> domain::Result<Found<Operation>> {
        let name = named(scope, id);
        Ok(Found::of(read!(self, "reading an operation", |session| rows::find(session, &name).await)?))
    }

    async fn list(&self, scope: &TenantScope, query: &OperationQuery, page: &PageRequest) -> domain::Result<Found<Page<Operation>>> {
        let page = PageById::new(page, rows::ORDER)?;
        Ok(Found::one(read!(self, "listing operations", |session| rows::list(session, scope.tenant(), query, &page).await)?))
    }

    async fn entries(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> domain::Result<Vec<Entry>> {
        let name = named(scope, id);
        Ok(read!(self, "reading items of an operation", |session| items::entries(session, &name, chunk).await)?)
    }

    async fn outcomes(&self, scope: &TenantScope, id: &OperationId, chunk: u32) -> domain::Result<Vec<ItemOutcome>> {
        let name = named(scope, id);
        Ok(read!(self, "reading what became of items", |session| items::outcomes(session, &name, chunk).await)?)
    }

    async fn advance(&self, scope: &TenantScope, operation: &Operation, outcomes: &[(u32, Vec<ItemOutcome>)]) -> domain::Result<bool> {
        if operation.name.tenant != *scope.tenant() {
            return Err(Error::Misused("an operation of another tenant").into());
        }
        let advanced = transact!(self, "storing how far an operation is", scope.tenant(), |session| {
            if !rows::advance(session, operation).await? {
                return Ok(false);
            }
            items::put(session, &operation.name, outcomes).await?;
            if operation.has_ended() {
                items::forget_entries(session, &operation.name).await?;
            }
            Ok(true)
        });
        Ok(advanced?)
    }

    async fn ask_cancel(&self, scope: &TenantScope, id: &OperationId) -> domain::Result<()> {
        let name = named(scope, id);
        // One statement that may be done twice: it needs no transaction.
        Ok(read!(self, "asking an operation to stop", |session| rows::ask_cancel(session, &name).await)?)
    }

    async fn abandoned(&self, now: Timestamp, limit: u32) -> domain::Result<Vec<Operation>> {
        let limit = limit as usize;
        Ok(read!(self, "looking for operations that nobody does", |session| rows::abandoned(session, now, limit).await)?)
    }

    async fn take_over(
        &self,
        scope: &TenantScope,
        id: &OperationId,
        from: &Fence,
        to: &Fence,
        now: Timestamp,
    ) -> domain::Result<Option<Operation>> {
        let name = named(scope, id);
        let taken =
            transact!(self, "taking over an operation", scope.tenant(), |session| { rows::take_over(session, &name, from, to, now).await });
        Ok(taken?)
    }

    async fn prune(&self, ended_before: Timestamp) -> domain::Result<bool> {
        let found = read!(self, "looking for old operations", |session| rows::old(session, ended_before).await)?;
        let more = found.len() == rows::STEP;
        for name in found {
            let removed = transact!(self, "removing old operations", &name.tenant, |session| rows::remove(session, &name).await);
            removed?;
        }
        Ok(more)
    }
}

fn named(scope: &TenantScope, id: &OperationId) -> OperationName {
    OperationName { tenant: scope.tenant().clone(), operation: id.clone() }
}
