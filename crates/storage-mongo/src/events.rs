//! The port of events, and what the writes of others add to them.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::event::{Event, EventRepository, EventSpan};
use domain::news::News;
use domain::page::Page;
use domain::time::Timestamp;

use crate::news::Log;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod names;
mod prune;
mod rows;
mod write;

pub(crate) use rows::told;
pub(crate) use write::note;

#[async_trait]
impl EventRepository for MongoStore {
    async fn span(&self, scope: &TenantScope) -> domain::Result<EventSpan> {
        Ok(read!(self, "looking which events there are", |session| rows::span(session, scope.tenant()).await)?)
    }

    async fn behind(&self, scope: &TenantScope, sequence: u64) -> domain::Result<Found<Page<Event>>> {
        let items = read!(self, "reading events", |session| rows::behind(session, scope.tenant(), sequence).await)?;
        Ok(Found::one(Page { items, next: None }))
    }

    fn news(&self, scope: &TenantScope) -> News {
        self.shared.hearers.listen(Log::Events, scope.tenant())
    }

    async fn prune(&self, before: Timestamp, most: u64) -> domain::Result<u64> {
        let mut removed = 0;
        for tenant in read!(self, "looking whose events there are", |session| rows::tenants(session).await)? {
            loop {
                let step = transact!(self, "removing old events", &tenant, |session| prune::step(session, &tenant, before, most).await)?;
                removed += step;
                if step < prune::STEP as u64 {
                    break;
                }
            }
        }
        Ok(removed)
    }
}
