//! The port to where webhooks are kept, with what is on its way to each.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::event::Event;
use crate::identity::Secret;
use crate::name::{WebhookId, WebhookName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey};
use crate::revision::Revision;
use crate::time::Timestamp;
use crate::webhook::{DeadLetter, Delivery, Failed, Webhook};

/// One change of a webhook, stored whole or not at all.
#[derive(Debug)]
pub struct WebhookChange {
    /// What the store must hold for the change to apply.
    pub expected: Expected,
    /// The webhook after the change; the last it was, where it is deleted.
    pub webhook: Webhook,
    /// Whether it is deleted, with everything that is on its way to it.
    pub deletes: bool,
    /// Other secrets.
    pub secrets: Option<WebhookSecrets>,
    /// Dead letters that are due at this time again, by the places of their events; all where none is named.
    pub replays: Option<(Vec<u64>, Timestamp)>,
    /// The request to remember with its answer, which never holds the secret.
    pub request: Option<RequestKey>,
}

/// What a webhook's deliveries are signed with.
#[derive(Debug)]
pub struct WebhookSecrets {
    /// The secret.
    pub current: Secret,
    /// Those before, the newest first, each with the time until which it holds.
    pub previous: Vec<(Secret, Timestamp)>,
}

/// How far the deliveries of a webhook have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WebhookProgress {
    /// The last event that was looked at.
    pub reached: u64,
    /// Deliveries that wait or are tried.
    pub waiting: u64,
    /// Dead letters that are kept.
    pub dead_letters: u64,
    /// Deliveries in a row that were given up, since the last that was taken.
    pub given_up: u64,
    /// Events that were removed before they could be looked at.
    pub missed: u64,
}

/// Events that were looked at, and those of them that are to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// By which revision of the webhook it was judged what is to be sent.
    pub revision: Revision,
    /// The last one that was looked at before.
    pub from: u64,
    /// The last one that was looked at now.
    pub to: u64,
    /// Those that were no longer there.
    pub missed: u64,
    /// Those that are to be sent.
    pub events: Vec<Event>,
    /// From when on.
    pub due: Timestamp,
}

/// Port: webhooks.
#[async_trait]
pub trait WebhookRepository: Send + Sync {
    /// The webhook of this id.
    async fn find(&self, scope: &TenantScope, id: &WebhookId) -> Result<Found<Webhook>>;
    /// A page of webhooks, by id.
    async fn list(&self, scope: &TenantScope, page: &PageRequest) -> Result<Found<Page<Webhook>>>;
    /// Stores a change, whole or not at all. A new one begins with what happens from then on; beyond
    /// [`MAX_WEBHOOKS`](crate::webhook::MAX_WEBHOOKS) of a tenant it is refused with [`too_many`](crate::webhook::too_many).
    async fn commit(&self, scope: &TenantScope, change: WebhookChange) -> Result<Committed<Webhook>>;
    /// What a request was answered with, if it was.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Webhook>>>;
    /// How far deliveries have come; `None` without the webhook.
    async fn progress(&self, scope: &TenantScope, id: &WebhookId) -> Result<Option<WebhookProgress>>;
    /// A page of dead letters, oldest event first.
    async fn dead_letters(&self, scope: &TenantScope, id: &WebhookId, page: &PageRequest) -> Result<Found<Page<DeadLetter>>>;
    /// Some of the active webhooks of every tenant for which there is something to do: events that were not looked at, or deliveries that
    /// are due. In the order of their names, from behind `after` to the last one and then from the first one on. One that cannot be read
    /// is left out, and those of a tenant that is not active may be.
    async fn pending(&self, now: Timestamp, after: Option<&WebhookName>) -> Result<Vec<Webhook>>;
    /// What deliveries are signed with; `None` without the webhook. Of those before, what cannot be read any more is left out.
    async fn secrets(&self, scope: &TenantScope, id: &WebhookId) -> Result<Option<WebhookSecrets>>;
    /// The last event that was looked at; `None` without the webhook, and where so many deliveries or more wait.
    async fn reached(&self, scope: &TenantScope, id: &WebhookId, most: u64) -> Result<Option<u64>>;
    /// Queues events, unless others were looked at since, or the webhook was changed. Says whether it has.
    async fn queue(&self, scope: &TenantScope, id: &WebhookId, queued: Queued) -> Result<bool>;
    /// Deliveries that are due, oldest event first, at most `limit`; none where the webhook is not active, or not as it is given any more.
    async fn due(&self, scope: &TenantScope, webhook: &Webhook, now: Timestamp, limit: u32) -> Result<Vec<Delivery>>;
    /// Whether a delivery still waits for what becomes of the attempt behind as many failed ones: it is there, nobody has noted another
    /// result of it, and it was not given up.
    async fn awaits(&self, scope: &TenantScope, delivery: &Delivery) -> Result<bool>;
    /// Removes a delivery that was taken.
    async fn taken(&self, scope: &TenantScope, id: &WebhookId, sequence: u64) -> Result<()>;
    /// Notes that an attempt has failed, unless another one was noted since or the delivery was given up. Says whether it has.
    async fn failed(&self, scope: &TenantScope, id: &WebhookId, failed: Failed) -> Result<bool>;
    /// Whether there are dead letters that were given up before, but those of tenants on legal hold.
    async fn has_old_letters(&self, before: Timestamp) -> Result<bool>;
    /// Removes some of them, in one short write. Says how many.
    async fn prune_letters(&self, before: Timestamp) -> Result<u64>;
}
