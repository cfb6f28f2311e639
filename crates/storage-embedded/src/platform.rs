//! The port of revisions of the platform.

use async_trait::async_trait;
use domain::name::TenantId;
use domain::process::{Outcome, PlatformRepository, PlatformRevision, Sighting};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use rusqlite::Connection;

use crate::request;
use crate::store::EmbeddedStore;

mod rows;
mod sightings;

#[async_trait]
impl PlatformRepository for EmbeddedStore {
    async fn newest(&self) -> domain::Result<Option<PlatformRevision>> {
        let vault = self.vault();
        Ok(self.read(move |connection| rows::newest(connection, &vault)).await?)
    }

    async fn last(&self) -> domain::Result<u64> {
        Ok(self.read(rows::last).await?)
    }

    async fn reached(&self) -> domain::Result<Option<PlatformRevision>> {
        let vault = self.vault();
        Ok(self.read(move |connection| rows::reached(connection, &vault)).await?)
    }

    async fn add(&self, revision: &PlatformRevision, request: Option<&RequestKey>) -> domain::Result<Committed<PlatformRevision>> {
        let (vault, window, revision, request) = (self.vault(), self.request_window(), revision.clone(), request.cloned());
        Ok(self.write(move |connection: &Connection| rows::add(connection, &vault, &revision, request.as_ref(), window)).await?)
    }

    async fn settle(&self, revision: u64, outcome: &Outcome, at: Timestamp) -> domain::Result<bool> {
        let (vault, outcome) = (self.vault(), outcome.clone());
        Ok(self.write(move |connection: &Connection| rows::settle(connection, &vault, revision, &outcome, at)).await?)
    }

    async fn told(&self) -> domain::Result<Vec<Sighting>> {
        Ok(self.read(sightings::told).await?)
    }

    async fn tell(&self, sighting: &Sighting, at: Timestamp) -> domain::Result<bool> {
        let sighting = sighting.clone();
        Ok(self.write(move |connection: &Connection| sightings::tell(connection, &sighting, at)).await?)
    }

    async fn find_answer(&self, request: &RequestKey) -> domain::Result<Option<Committed<PlatformRevision>>> {
        let (vault, request, (_, since)) = (self.vault(), request.clone(), self.request_window());
        let find = move |connection: &Connection| {
            rows::answer(connection, &vault, request::find(connection, &TenantId::system(), &request, since)?)
        };
        Ok(self.read(find).await?)
    }
}
