//! The port of events, and what the writes of others add to them.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::event::{Event, EventRepository, EventSpan};
use domain::news::News;
use domain::page::Page;
use domain::time::Timestamp;

use crate::added::Log;
use crate::store::EmbeddedStore;

mod prune;
mod rows;
mod write;

pub(crate) use rows::told;
pub(crate) use write::note;

#[async_trait]
impl EventRepository for EmbeddedStore {
    async fn span(&self, scope: &TenantScope) -> domain::Result<EventSpan> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| rows::span(connection, &tenant)).await?)
    }

    async fn behind(&self, scope: &TenantScope, sequence: u64) -> domain::Result<Found<Page<Event>>> {
        let (tenant, vault) = (scope.tenant().clone(), self.vault());
        let items = self.read(move |connection| rows::behind(connection, &vault, &tenant, sequence)).await?;
        Ok(Found::one(Page { items, next: None }))
    }

    fn news(&self, scope: &TenantScope) -> News {
        self.added().listen(Log::Events, scope.tenant())
    }

    async fn prune(&self, before: Timestamp, most: u64) -> domain::Result<u64> {
        let mut removed = 0;
        for tenant in self.read(rows::tenants).await? {
            loop {
                let of = tenant.clone();
                let step = self.write(move |connection| prune::step(connection, &of, before, most)).await?;
                removed += step;
                if step < prune::STEP {
                    break;
                }
            }
        }
        Ok(removed)
    }
}
