//! The port of webhooks and of what is on its way to them.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::name::{WebhookId, WebhookName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use domain::webhook::{DeadLetter, Delivery, Failed, Queued, Webhook, WebhookChange, WebhookProgress, WebhookRepository, WebhookSecrets};
use rusqlite::Connection;
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::EmbeddedStore;

mod deliveries;
mod prune;
mod rows;
mod secrets;

#[async_trait]
impl WebhookRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope, id: &WebhookId) -> domain::Result<Found<Webhook>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(Found::of(self.read(move |connection| rows::find(connection, &tenant, &id)).await?))
    }

    async fn list(&self, scope: &TenantScope, page: &PageRequest) -> domain::Result<Found<Page<Webhook>>> {
        let (tenant, page, vault) = (scope.tenant().clone(), PageById::new(page, rows::ORDER)?, self.vault());
        Ok(Found::one(self.read(move |connection| rows::list(connection, &vault, &tenant, &page)).await?))
    }

    async fn commit(&self, scope: &TenantScope, change: WebhookChange) -> domain::Result<Committed<Webhook>> {
        if change.webhook.name.tenant != *scope.tenant() {
            return Err(Error::Misused("a webhook of another tenant").into());
        }
        let (vault, window) = (self.vault(), self.request_window());
        Ok(self.write(move |connection: &Connection| rows::commit(connection, &vault, &change, window)).await?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Webhook>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        Ok(self.read(move |connection| rows::answer(request::find(connection, &tenant, &request, since)?)).await?)
    }

    async fn progress(&self, scope: &TenantScope, id: &WebhookId) -> domain::Result<Option<WebhookProgress>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(self.read(move |connection| deliveries::progress(connection, &tenant, &id)).await?)
    }

    async fn dead_letters(&self, scope: &TenantScope, id: &WebhookId, page: &PageRequest) -> domain::Result<Found<Page<DeadLetter>>> {
        let (letters, vault) = (deliveries::DeadLetters::new(scope.tenant().clone(), id.clone(), page)?, self.vault());
        Ok(Found::one(self.read(move |connection| letters.page(connection, &vault)).await?))
    }

    async fn pending(&self, now: Timestamp, after: Option<&WebhookName>) -> domain::Result<Vec<Webhook>> {
        let (vault, after) = (self.vault(), after.cloned());
        Ok(self.read(move |connection| rows::pending(connection, &vault, now, after.as_ref())).await?)
    }

    async fn secrets(&self, scope: &TenantScope, id: &WebhookId) -> domain::Result<Option<WebhookSecrets>> {
        let (name, vault, (now, _)) =
            (WebhookName { tenant: scope.tenant().clone(), webhook: id.clone() }, self.vault(), self.request_window());
        Ok(self.read(move |connection| secrets::find(connection, &vault, &name, now)).await?)
    }

    async fn reached(&self, scope: &TenantScope, id: &WebhookId, most: u64) -> domain::Result<Option<u64>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(self.read(move |connection| deliveries::reached(connection, &tenant, &id, most)).await?)
    }

    async fn queue(&self, scope: &TenantScope, id: &WebhookId, queued: Queued) -> domain::Result<bool> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(self.write(move |connection: &Connection| deliveries::queue(connection, &tenant, &id, &queued)).await?)
    }

    async fn due(&self, scope: &TenantScope, webhook: &Webhook, now: Timestamp, limit: u32) -> domain::Result<Vec<Delivery>> {
        if webhook.name.tenant != *scope.tenant() {
            return Err(Error::Misused("a webhook of another tenant").into());
        }
        let (name, revision, vault) = (webhook.name.clone(), webhook.revision, self.vault());
        Ok(self.read(move |connection| deliveries::due(connection, &vault, (&name, revision), now, limit)).await?)
    }

    async fn awaits(&self, scope: &TenantScope, delivery: &Delivery) -> domain::Result<bool> {
        let (tenant, id) = (scope.tenant().clone(), delivery.webhook.webhook.clone());
        let (sequence, attempts) = (delivery.event.sequence, delivery.attempts);
        Ok(self.read(move |connection| deliveries::awaits(connection, (&tenant, &id), sequence, attempts)).await?)
    }

    async fn taken(&self, scope: &TenantScope, id: &WebhookId, sequence: u64) -> domain::Result<()> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(self.write(move |connection: &Connection| deliveries::taken(connection, &tenant, &id, sequence)).await?)
    }

    async fn failed(&self, scope: &TenantScope, id: &WebhookId, failed: Failed) -> domain::Result<bool> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(self.write(move |connection: &Connection| deliveries::failed(connection, &tenant, &id, &failed)).await?)
    }

    async fn has_old_letters(&self, before: Timestamp) -> domain::Result<bool> {
        Ok(self.read(move |connection| prune::has_old(connection, before)).await?)
    }

    async fn prune_letters(&self, before: Timestamp) -> domain::Result<u64> {
        Ok(self.write(move |connection: &Connection| prune::step(connection, before)).await?)
    }
}
