//! The port of schedules. What they start is stored together with them: see [`fire`].

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::name::ScheduleId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::schedule::{Due, Schedule, ScheduleChange, ScheduleQuery, ScheduleRepository};
use domain::time::Timestamp;
use rusqlite::Connection;
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::EmbeddedStore;

mod rows;

pub(crate) use rows::{admits, fire};

#[async_trait]
impl ScheduleRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope, id: &ScheduleId) -> domain::Result<Found<Schedule>> {
        let (tenant, id, vault) = (scope.tenant().clone(), id.clone(), self.vault());
        Ok(Found::of(self.read(move |connection| rows::find(connection, &vault, &tenant, &id)).await?))
    }

    async fn list(&self, scope: &TenantScope, query: &ScheduleQuery, page: &PageRequest) -> domain::Result<Found<Page<Schedule>>> {
        let (tenant, query, page, vault) = (scope.tenant().clone(), query.clone(), PageById::new(page, rows::ORDER)?, self.vault());
        Ok(Found::one(self.read(move |connection| rows::list(connection, &vault, &tenant, &query, &page)).await?))
    }

    async fn commit(&self, scope: &TenantScope, change: ScheduleChange) -> domain::Result<Committed<Schedule>> {
        if change.schedule.name.tenant != *scope.tenant() {
            return Err(Error::Misused("a schedule of another tenant").into());
        }
        let (vault, window) = (self.vault(), self.request_window());
        Ok(self.write(move |connection: &Connection| rows::commit(connection, &vault, &change, window)).await?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Schedule>>> {
        let (tenant, request, (_, since), vault) = (scope.tenant().clone(), request.clone(), self.request_window(), self.vault());
        let look = move |connection: &Connection| {
            let remembered = request::find(connection, &tenant, &request, since)?;
            rows::answer(connection, &vault, remembered)
        };
        Ok(self.read(look).await?)
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: u32) -> domain::Result<Vec<Due>> {
        let (after, vault) = (after.cloned(), self.vault());
        Ok(self.read(move |connection| rows::due(connection, &vault, now, after.as_ref(), limit)).await?)
    }
}
