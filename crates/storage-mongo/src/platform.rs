//! The port of revisions of the platform.

use async_trait::async_trait;
use domain::name::TenantId;
use domain::process::{Outcome, PlatformRepository, PlatformRevision, Sighting};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;

use crate::request;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod rows;
mod sightings;

#[async_trait]
impl PlatformRepository for MongoStore {
    async fn newest(&self) -> domain::Result<Option<PlatformRevision>> {
        Ok(read!(self, "reading the newest revision of the platform", |session| rows::newest(session).await)?)
    }

    async fn last(&self) -> domain::Result<u64> {
        Ok(read!(self, "reading the newest revision of the platform", |session| rows::last_number(session).await)?)
    }

    async fn reached(&self) -> domain::Result<Option<PlatformRevision>> {
        Ok(read!(self, "reading the revision of the platform that was reached", |session| rows::reached(session).await)?)
    }

    async fn add(&self, revision: &PlatformRevision, request: Option<&RequestKey>) -> domain::Result<Committed<PlatformRevision>> {
        let (system, window) = (TenantId::system(), self.request_window());
        let stored = transact!(self, "storing a revision of the platform", &system, |session| {
            rows::add(session, revision, request, window).await
        });
        Ok(stored?)
    }

    async fn settle(&self, revision: u64, outcome: &Outcome, at: Timestamp) -> domain::Result<bool> {
        let system = TenantId::system();
        let settled = transact!(self, "settling a revision of the platform", &system, |session| {
            rows::settle(session, revision, outcome, at).await
        });
        Ok(settled?)
    }

    async fn told(&self) -> domain::Result<Vec<Sighting>> {
        Ok(read!(self, "reading what was told of the platform", |session| sightings::told(session).await)?)
    }

    async fn tell(&self, sighting: &Sighting, at: Timestamp) -> domain::Result<bool> {
        let system = TenantId::system();
        let told = transact!(self, "telling of the platform", &system, |session| sightings::tell(session, sighting, at).await);
        Ok(told?)
    }

    async fn find_answer(&self, request: &RequestKey) -> domain::Result<Option<Committed<PlatformRevision>>> {
        let (system, (_, since)) = (TenantId::system(), self.request_window());
        let found = read!(self, "reading an answered request", |session| {
            let remembered = request::find(session, &system, request, since).await?;
            rows::answer(session, remembered).await
        });
        Ok(found?)
    }
}
