//! The port of schedules. What they start is stored together with them: see [`fire`].

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::name::{ScheduleId, ScheduleName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::schedule::{Due, Schedule, ScheduleChange, ScheduleQuery, ScheduleRepository};
use domain::time::Timestamp;
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod rows;

pub(crate) use rows::{admits, fire};

#[async_trait]
impl ScheduleRepository for MongoStore {
    async fn find(&self, scope: &TenantScope, id: &ScheduleId) -> domain::Result<Found<Schedule>> {
        let name = ScheduleName { tenant: scope.tenant().clone(), schedule: id.clone() };
        Ok(Found::of(read!(self, "reading a schedule", |session| rows::find(session, &name).await)?))
    }

    async fn list(&self, scope: &TenantScope, query: &ScheduleQuery, page: &PageRequest) -> domain::Result<Found<Page<Schedule>>> {
        let page = PageById::new(page, rows::ORDER)?;
        Ok(Found::one(read!(self, "listing schedules", |session| rows::list(session, scope.tenant(), query, &page).await)?))
    }

    async fn commit(&self, scope: &TenantScope, change: ScheduleChange) -> domain::Result<Committed<Schedule>> {
        if change.schedule.name.tenant != *scope.tenant() {
            return Err(Error::Misused("a schedule of another tenant").into());
        }
        let window = self.request_window();
        Ok(transact!(self, "storing a schedule", scope.tenant(), |session| rows::commit(session, &change, window).await)?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Schedule>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let look = read!(self, "reading an answered request", |session| {
            let remembered = request::find(session, tenant, request, since).await?;
            rows::answer(session, remembered).await
        });
        Ok(look?)
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: u32) -> domain::Result<Vec<Due>> {
        Ok(read!(self, "looking for schedules that are due", |session| rows::due(session, now, after, limit).await)?)
    }
}
