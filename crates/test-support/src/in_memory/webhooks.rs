//! Webhooks in memory, with what is on its way to each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::event::EventRepository as _;
use domain::identity::Secret;
use domain::name::{WebhookId, WebhookName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, Expected, RequestKey};
use domain::time::{Clock, Timestamp};
use domain::webhook::{
    DeadLetter, Delivery, Failed, MAX_WEBHOOKS, Queued, Verdict, Webhook, WebhookChange, WebhookProgress, WebhookRepository,
    WebhookSecrets, WebhookState, too_many,
};
use domain::{Error, Result};

use super::events::InMemoryEvents;
use super::pages::page;
use super::requests::{Known, Requests};

/// The webhooks of all tenants.
pub struct InMemoryWebhooks {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    events: Arc<InMemoryEvents>,
}

#[derive(Default)]
struct State {
    webhooks: BTreeMap<WebhookName, Held>,
    requests: Requests<Webhook>,
}

struct Held {
    webhook: Webhook,
    secrets: WebhookSecrets,
    /// Whether its secrets cannot be read.
    damaged: bool,
    progress: WebhookProgress,
    deliveries: BTreeMap<u64, Kept>,
}

struct Kept {
    letter: DeadLetter,
    due: Timestamp,
    given_up: bool,
}

impl InMemoryWebhooks {
    /// None yet; a new one begins behind what `events` holds.
    pub fn new(clock: Arc<dyn Clock>, events: Arc<InMemoryEvents>) -> Self {
        InMemoryWebhooks { state: Mutex::default(), clock, events }
    }

    /// The secrets of a webhook cannot be read any more, until it has others.
    pub fn damage_secrets(&self, name: &WebhookName) {
        if let Some(held) = self.state().webhooks.get_mut(name) {
            held.damaged = true;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held<T>(&self, scope: &TenantScope, id: &WebhookId, work: impl FnOnce(&mut Held) -> T) -> Option<T> {
        let name = WebhookName { tenant: scope.tenant().clone(), webhook: id.clone() };
        self.state().webhooks.get_mut(&name).map(work)
    }

    fn store(&self, change: WebhookChange, newest: u64) -> Result<Committed<Webhook>> {
        let (now, mut state) = (self.clock.now(), self.state());
        let name = change.webhook.name.clone();
        if let Some(known) = change.request.as_ref().and_then(|key| state.requests.find(&name.tenant, key, now)) {
            return Ok(told(known));
        }
        let WebhookChange { expected, webhook, deletes, secrets, replays, request } = change;
        let stored = state.webhooks.get(&name).map(|held| held.webhook.revision);
        match (expected, stored) {
            (Expected::Absent, None) if state.webhooks.keys().filter(|held| held.tenant == name.tenant).count() >= MAX_WEBHOOKS => {
                return Err(too_many(&name.tenant));
            }
            (Expected::Absent, None) => {
                let progress = WebhookProgress { reached: newest, ..WebhookProgress::default() };
                let secrets = secrets.expect("a new webhook has a secret");
                let held = Held { webhook: webhook.clone(), secrets, damaged: false, progress, deliveries: BTreeMap::new() };
                state.webhooks.insert(name.clone(), held);
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored && deletes => {
                state.webhooks.remove(&name);
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored => {
                let held = state.webhooks.get_mut(&name).expect("it was just found");
                held.change(webhook.clone(), secrets, replays);
            }
            _ => return Ok(Committed::Conflict),
        }
        if let Some(key) = &request {
            state.requests.remember(&name.tenant, key, now, webhook);
        }
        Ok(Committed::Stored)
    }
}

impl Held {
    fn change(&mut self, webhook: Webhook, secrets: Option<WebhookSecrets>, replays: Option<(Vec<u64>, Timestamp)>) {
        if webhook.state == WebhookState::Active && self.webhook.state != WebhookState::Active {
            self.progress.given_up = 0;
        }
        self.webhook = webhook;
        if let Some(secrets) = secrets {
            (self.secrets, self.damaged) = (secrets, false);
        }
        if let Some((places, due)) = replays {
            self.replay(&places, due);
        }
    }

    fn replay(&mut self, places: &[u64], due: Timestamp) {
        let wanted = |sequence: &u64| places.is_empty() || places.contains(sequence);
        for (_, kept) in self.deliveries.iter_mut().filter(|(sequence, kept)| kept.given_up && wanted(sequence)) {
            kept.given_up = false;
            kept.letter.delivery.attempts = 0;
            kept.due = due;
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.deliveries.values().any(|kept| !kept.given_up && kept.due <= now)
    }

    fn count(&self, given_up: bool) -> u64 {
        self.deliveries.values().filter(|kept| kept.given_up == given_up).count() as u64
    }
}

impl Kept {
    fn is_older(&self, before: Timestamp) -> bool {
        self.given_up && self.letter.given_up < before
    }
}

fn told(known: Known<Webhook>) -> Committed<Webhook> {
    match known {
        Known::Answered(webhook) => Committed::Answered(Box::new(webhook)),
        Known::Reused => Committed::KeyReused,
    }
}

fn copied(secret: &Secret) -> Secret {
    Secret::new(secret.expose())
}

#[async_trait]
impl WebhookRepository for InMemoryWebhooks {
    async fn find(&self, scope: &TenantScope, id: &WebhookId) -> Result<Found<Webhook>> {
        Ok(Found::of(self.held(scope, id, |held| held.webhook.clone())))
    }

    async fn list(&self, scope: &TenantScope, request: &PageRequest) -> Result<Found<Page<Webhook>>> {
        let state = self.state();
        let own = state.webhooks.values().filter(|held| held.webhook.name.tenant == *scope.tenant());
        let items = own.map(|held| held.webhook.clone()).collect();
        page(items, request, "webhook", |one: &Webhook| (0, one.name.webhook.to_string()), |a, b| a.1 > b.1).map(Found::one)
    }

    async fn commit(&self, scope: &TenantScope, change: WebhookChange) -> Result<Committed<Webhook>> {
        if change.webhook.name.tenant != *scope.tenant() {
            return Err(Error::Internal { context: "a webhook of another tenant", source: None });
        }
        let newest = self.events.span(scope).await?.newest;
        self.store(change, newest)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Webhook>>> {
        Ok(self.state().requests.find(scope.tenant(), request, self.clock.now()).map(told))
    }

    async fn progress(&self, scope: &TenantScope, id: &WebhookId) -> Result<Option<WebhookProgress>> {
        let progress = |held: &mut Held| WebhookProgress { waiting: held.count(false), dead_letters: held.count(true), ..held.progress };
        Ok(self.held(scope, id, progress))
    }

    async fn dead_letters(&self, scope: &TenantScope, id: &WebhookId, request: &PageRequest) -> Result<Found<Page<DeadLetter>>> {
        let letters = |held: &mut Held| held.deliveries.values().filter(|kept| kept.given_up).map(|kept| kept.letter.clone()).collect();
        let items: Vec<DeadLetter> = self.held(scope, id, letters).unwrap_or_default();
        let key = |letter: &DeadLetter| (letter.delivery.event.sequence, String::new());
        page(items, request, "dead_letter", key, |a, b| a.0 > b.0).map(Found::one)
    }

    async fn pending(&self, now: Timestamp, after: Option<&WebhookName>) -> Result<Vec<Webhook>> {
        let mut pending = Vec::new();
        let active = |held: &&Held| held.webhook.state == WebhookState::Active;
        let work = |held: &Held| (held.webhook.clone(), held.progress.reached, held.is_due(now));
        let all: Vec<_> = self.state().webhooks.values().filter(active).map(work).collect();
        for (webhook, reached, is_due) in all {
            let scope = TenantScope::for_system(webhook.name.tenant.clone());
            if is_due || reached < self.events.span(&scope).await?.newest {
                pending.push(webhook);
            }
        }
        let first = pending.partition_point(|webhook| Some(&webhook.name) <= after);
        pending.rotate_left(first);
        Ok(pending)
    }

    async fn secrets(&self, scope: &TenantScope, id: &WebhookId) -> Result<Option<WebhookSecrets>> {
        let read = |held: &mut Held| match held.damaged {
            true => Err(Error::Internal { context: "a test has damaged it", source: None }),
            false => Ok(WebhookSecrets {
                current: copied(&held.secrets.current),
                previous: held.secrets.previous.iter().map(|(secret, until)| (copied(secret), *until)).collect(),
            }),
        };
        self.held(scope, id, read).transpose()
    }

    async fn reached(&self, scope: &TenantScope, id: &WebhookId, most: u64) -> Result<Option<u64>> {
        Ok(self.held(scope, id, |held| Some(held.progress.reached).filter(|_| held.count(false) < most)).flatten())
    }

    async fn queue(&self, scope: &TenantScope, id: &WebhookId, queued: Queued) -> Result<bool> {
        let queue = |held: &mut Held| {
            if held.progress.reached != queued.from || held.webhook.revision != queued.revision {
                return false;
            }
            held.progress.reached = queued.to;
            held.progress.missed += queued.missed;
            for event in queued.events {
                let (sequence, webhook) = (event.sequence, held.webhook.name.clone());
                let delivery = Delivery { webhook, event, attempts: 0 };
                let letter = DeadLetter { delivery, given_up: Timestamp::default(), failure: String::new() };
                held.deliveries.insert(sequence, Kept { letter, due: queued.due, given_up: false });
            }
            true
        };
        Ok(self.held(scope, id, queue).unwrap_or(false))
    }

    async fn due(&self, scope: &TenantScope, webhook: &Webhook, now: Timestamp, limit: u32) -> Result<Vec<Delivery>> {
        let due = |held: &mut Held| {
            if held.webhook.revision != webhook.revision || held.webhook.state != WebhookState::Active {
                return Vec::new();
            }
            let mut due: Vec<_> = held.deliveries.values().filter(|kept| !kept.given_up && kept.due <= now).collect();
            due.sort_by_key(|kept| (kept.due, kept.letter.delivery.event.sequence));
            due.into_iter().take(limit as usize).map(|kept| kept.letter.delivery.clone()).collect()
        };
        Ok(self.held(scope, &webhook.name.webhook, due).unwrap_or_default())
    }

    async fn awaits(&self, scope: &TenantScope, delivery: &Delivery) -> Result<bool> {
        let awaits = |held: &mut Held| {
            let kept = held.deliveries.get(&delivery.event.sequence);
            kept.is_some_and(|kept| !kept.given_up && kept.letter.delivery.attempts == delivery.attempts)
        };
        Ok(self.held(scope, &delivery.webhook.webhook, awaits).unwrap_or(false))
    }

    async fn taken(&self, scope: &TenantScope, id: &WebhookId, sequence: u64) -> Result<()> {
        self.held(scope, id, |held| {
            held.progress.given_up = 0;
            held.deliveries.remove(&sequence);
        });
        Ok(())
    }

    async fn failed(&self, scope: &TenantScope, id: &WebhookId, failed: Failed) -> Result<bool> {
        let note = |held: &mut Held| {
            let Some(kept) = held.deliveries.get_mut(&failed.sequence) else { return false };
            if kept.given_up || kept.letter.delivery.attempts + 1 != failed.attempts {
                return false;
            }
            kept.letter.delivery.attempts = failed.attempts;
            kept.letter.failure = failed.failure;
            match failed.verdict {
                Verdict::Again(due) => kept.due = due,
                Verdict::GivenUp(at) => {
                    (kept.given_up, kept.letter.given_up) = (true, at);
                    held.progress.given_up += 1;
                }
            }
            true
        };
        Ok(self.held(scope, id, note).unwrap_or(false))
    }

    async fn has_old_letters(&self, before: Timestamp) -> Result<bool> {
        Ok(self.state().webhooks.values().flat_map(|held| held.deliveries.values()).any(|kept| kept.is_older(before)))
    }

    async fn prune_letters(&self, before: Timestamp) -> Result<u64> {
        let mut pruned = 0;
        for held in self.state().webhooks.values_mut() {
            let all = held.deliveries.len();
            held.deliveries.retain(|_, kept| !kept.is_older(before));
            pruned += (all - held.deliveries.len()) as u64;
        }
        Ok(pruned)
    }
}
