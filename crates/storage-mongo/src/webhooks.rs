//! The port of webhooks and of what is on its way to them.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::name::{TenantId, WebhookId, WebhookName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use domain::webhook::{DeadLetter, Delivery, Failed, Queued, Webhook, WebhookChange, WebhookProgress, WebhookRepository, WebhookSecrets};
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod deliveries;
mod names;
mod pending;
mod prune;
mod rows;
mod secrets;

#[async_trait]
impl WebhookRepository for MongoStore {
    async fn find(&self, scope: &TenantScope, id: &WebhookId) -> domain::Result<Found<Webhook>> {
        let name = named(scope, id);
        Ok(Found::of(read!(self, "reading a webhook", |session| rows::find(session, &name).await)?))
    }

    async fn list(&self, scope: &TenantScope, page: &PageRequest) -> domain::Result<Found<Page<Webhook>>> {
        let page = PageById::new(page, rows::ORDER)?;
        Ok(Found::one(read!(self, "listing webhooks", |session| rows::list(session, scope.tenant(), &page).await)?))
    }

    async fn commit(&self, scope: &TenantScope, change: WebhookChange) -> domain::Result<Committed<Webhook>> {
        check_tenant(scope, &change.webhook.name)?;
        let window = self.request_window();
        Ok(transact!(self, "storing a webhook", scope.tenant(), |session| rows::commit(session, &change, window).await)?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Webhook>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let look =
            read!(self, "reading an answered request", |session| { rows::answer(request::find(session, tenant, request, since).await?) });
        Ok(look?)
    }

    async fn progress(&self, scope: &TenantScope, id: &WebhookId) -> domain::Result<Option<WebhookProgress>> {
        let name = named(scope, id);
        Ok(read!(self, "looking how far deliveries have come", |session| deliveries::progress(session, &name).await)?)
    }

    async fn dead_letters(&self, scope: &TenantScope, id: &WebhookId, page: &PageRequest) -> domain::Result<Found<Page<DeadLetter>>> {
        let letters = deliveries::DeadLetters::new(named(scope, id), page)?;
        Ok(Found::one(read!(self, "reading dead letters", |session| letters.page(session).await)?))
    }

    async fn pending(&self, now: Timestamp, after: Option<&WebhookName>) -> domain::Result<Vec<Webhook>> {
        Ok(read!(self, "looking for webhooks with something to do", |session| pending::find(session, now, after).await)?)
    }

    async fn secrets(&self, scope: &TenantScope, id: &WebhookId) -> domain::Result<Option<WebhookSecrets>> {
        let (name, (now, _)) = (named(scope, id), self.request_window());
        Ok(read!(self, "reading the secret of a webhook", |session| secrets::find(session, &name, now).await)?)
    }

    async fn reached(&self, scope: &TenantScope, id: &WebhookId, most: u64) -> domain::Result<Option<u64>> {
        let name = named(scope, id);
        Ok(read!(self, "looking how far events were looked at", |session| deliveries::reached(session, &name, most).await)?)
    }

    async fn queue(&self, scope: &TenantScope, id: &WebhookId, queued: Queued) -> domain::Result<bool> {
        let name = named(scope, id);
        Ok(transact!(self, "queueing deliveries", scope.tenant(), |session| deliveries::queue(session, &name, &queued).await)?)
    }

    async fn due(&self, scope: &TenantScope, webhook: &Webhook, now: Timestamp, limit: u32) -> domain::Result<Vec<Delivery>> {
        check_tenant(scope, &webhook.name)?;
        Ok(read!(self, "reading deliveries", |session| deliveries::due(session, webhook, now, limit).await)?)
    }

    async fn awaits(&self, scope: &TenantScope, delivery: &Delivery) -> domain::Result<bool> {
        let (name, sequence, attempts) = (named(scope, &delivery.webhook.webhook), delivery.event.sequence, delivery.attempts);
        Ok(read!(self, "looking for a delivery", |session| deliveries::awaits(session, &name, sequence, attempts).await)?)
    }

    async fn taken(&self, scope: &TenantScope, id: &WebhookId, sequence: u64) -> domain::Result<()> {
        let name = named(scope, id);
        Ok(transact!(self, "removing a delivery", scope.tenant(), |session| deliveries::taken(session, &name, sequence).await)?)
    }

    async fn failed(&self, scope: &TenantScope, id: &WebhookId, failed: Failed) -> domain::Result<bool> {
        let name = named(scope, id);
        Ok(transact!(self, "noting a failed delivery", scope.tenant(), |session| deliveries::failed(session, &name, &failed).await)?)
    }

    async fn has_old_letters(&self, before: Timestamp) -> domain::Result<bool> {
        Ok(read!(self, "looking for old dead letters", |session| prune::has_old(session, before).await)?)
    }

    async fn prune_letters(&self, before: Timestamp) -> domain::Result<u64> {
        // Of all tenants: the turn is the installation's.
        let turn = TenantId::system();
        Ok(transact!(self, "removing old dead letters", &turn, |session| prune::step(session, before).await)?)
    }
}

fn named(scope: &TenantScope, id: &WebhookId) -> WebhookName {
    WebhookName { tenant: scope.tenant().clone(), webhook: id.clone() }
}

fn check_tenant(scope: &TenantScope, name: &WebhookName) -> Result<(), Error> {
    if name.tenant == *scope.tenant() { Ok(()) } else { Err(Error::Misused("a webhook of another tenant")) }
}
