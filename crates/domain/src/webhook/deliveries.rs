//! Sending: what happens is queued for each webhook that wants it, tried until it is taken, and given up after a bounded number of
//! attempts. Where everything stands is in the store, so that the next server goes on.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use crate::access::TenantScope;
use crate::audit::{Auditor, FieldChange, Notes};
use crate::error::{Error, Result};
use crate::event::EventRepository;
use crate::incident::{Incident, Incidents};
use crate::name::WebhookName;
use crate::request::{Committed, Expected};
use crate::tenant::{TenantState, TenantStates};
use crate::time::Clock;
use crate::webhook::{
    Delivery, Failed, Queued, Verdict, Webhook, WebhookChange, WebhookConfig, WebhookRepository, WebhookSender, WebhookState,
};

/// How often it is looked for what is to be sent.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Deliveries to one webhook that are tried at once.
const AT_ONCE: usize = 4;
/// Deliveries to all of them.
const ALL_AT_ONCE: usize = 64;
/// Deliveries of one webhook that wait, beyond which no more events are looked at.
const MAX_WAITING: u64 = 1_000;
/// Deliveries that are given up in a row before a webhook is disabled.
const MAX_GIVEN_UP: u64 = 50;
/// What records call it where a webhook is disabled, and where a delivery is given up.
const DISABLE: &str = "webhook.disable";
const GIVE_UP: &str = "webhook.giveUp";

/// What sending needs from outside.
#[derive(Clone)]
pub struct DeliveryPorts {
    /// What happened.
    pub events: Arc<dyn EventRepository>,
    /// Where to.
    pub webhooks: Arc<dyn WebhookRepository>,
    /// Which tenants anything may happen of.
    pub tenants: Arc<dyn TenantStates>,
    /// Who sends.
    pub sender: Arc<dyn WebhookSender>,
    /// Records what is given up.
    pub auditor: Auditor,
    /// Hears what operators must know.
    pub incidents: Arc<dyn Incidents>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Sends events to webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    ports: DeliveryPorts,
    config: WebhookConfig,
}

/// An attempt, which answers what it was about.
type Attempt = Pin<Box<dyn Future<Output = (WebhookName, u64)> + Send>>;

/// Attempts that are under way.
#[derive(Default)]
struct UnderWay {
    attempts: FuturesUnordered<Attempt>,
    places: HashMap<WebhookName, BTreeSet<u64>>,
}

impl Deliveries {
    /// Wires them to their ports.
    pub fn new(ports: DeliveryPorts, config: WebhookConfig) -> Self {
        Deliveries { ports, config }
    }

    /// Sends for as long as the server lives. What is under way when it ends is sent again by the next one.
    pub async fn go_on(&self) {
        let mut under_way = UnderWay::default();
        let mut failing = false;
        loop {
            let done = self.round(&mut under_way).await;
            match done {
                Err(error) if !failing => {
                    self.ports.incidents.report(&Incident::WorkFailed { work: "deliver to webhooks", error: &error });
                    failing = true;
                }
                Ok(()) if failing => {
                    self.ports.incidents.report(&Incident::WorkResumed { work: "deliver to webhooks" });
                    failing = false;
                }
                Ok(()) | Err(_) => {}
            }
            let mut wait = self.ports.clock.sleep(LOOK_EVERY);
            loop {
                match under_way.next(wait).await {
                    Either::Left(()) => break,
                    // Room for the next one at once, where more is due than is tried.
                    Either::Right(rest) => wait = rest,
                }
                if under_way.has_room() {
                    break;
                }
            }
        }
    }

    /// Queues what has happened, and begins to send what is due. What fails for one webhook keeps no other from its own.
    async fn round(&self, under_way: &mut UnderWay) -> Result<()> {
        let mut looked_after = Ok(());
        for webhook in self.ports.webhooks.active().await? {
            let done = self.look_after(&webhook, under_way).await;
            looked_after = looked_after.and(done);
        }
        looked_after
    }

    async fn look_after(&self, webhook: &Webhook, under_way: &mut UnderWay) -> Result<()> {
        if self.ports.tenants.state(&webhook.name.tenant).await? != Some(TenantState::Active) {
            return Ok(());
        }
        let scope = TenantScope::for_system(webhook.name.tenant.clone());
        self.queue(&scope, webhook).await?;
        self.begin(&scope, webhook, under_way).await
    }

    /// Queues events behind the last one that was looked at, in steps, as long as there is room.
    async fn queue(&self, scope: &TenantScope, webhook: &Webhook) -> Result<()> {
        let DeliveryPorts { events, webhooks, clock, .. } = &self.ports;
        loop {
            let Some(progress) = webhooks.progress(scope, &webhook.name.webhook).await? else { return Ok(()) };
            if progress.waiting >= MAX_WAITING {
                return Ok(());
            }
            let found = events.behind(scope, progress.reached).await?.open_for_system().map(|page| page.items).unwrap_or_default();
            let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(()) };
            let (missed, to) = (first.sequence - progress.reached - 1, last.sequence);
            let wanted = found.into_iter().filter(|event| webhook.wants(event.kind)).collect();
            let queued = Queued { from: progress.reached, to, missed, events: wanted, due: clock.now() };
            webhooks.queue(scope, &webhook.name.webhook, queued).await?;
        }
    }

    async fn begin(&self, scope: &TenantScope, webhook: &Webhook, under_way: &mut UnderWay) -> Result<()> {
        let room = under_way.room_for(&webhook.name);
        if room == 0 {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let due = self.ports.webhooks.due(scope, &webhook.name.webhook, now, (AT_ONCE * 2) as u32).await?;
        for delivery in due.into_iter().filter(|delivery| !under_way.has(delivery)).take(room).collect::<Vec<_>>() {
            let (this, scope, webhook) = (self.clone(), scope.clone(), webhook.clone());
            under_way.add(&delivery.clone(), async move { this.attempt(&scope, &webhook, delivery).await });
        }
        Ok(())
    }

    /// Sends one, and stores what becomes of it. What cannot be stored is sent once more, and not at once.
    async fn attempt(&self, scope: &TenantScope, webhook: &Webhook, delivery: Delivery) {
        if let Err(error) = self.send(scope, webhook, &delivery).await {
            self.ports.incidents.report(&Incident::WorkFailed { work: "store what became of a delivery", error: &error });
            self.ports.clock.sleep(LOOK_EVERY).await;
        }
    }

    async fn send(&self, scope: &TenantScope, webhook: &Webhook, delivery: &Delivery) -> Result<()> {
        let DeliveryPorts { webhooks, sender, clock, .. } = &self.ports;
        let (id, sequence) = (&webhook.name.webhook, delivery.event.sequence);
        let Some(secrets) = webhooks.secrets(scope, id).await? else { return Ok(()) };
        let Err(refusal) = sender.send(&webhook.url, &secrets, &delivery.event, clock.now()).await else {
            return webhooks.taken(scope, id, sequence).await;
        };
        let (now, attempts) = (clock.now(), delivery.attempts + 1);
        let lot = sequence.wrapping_mul(2_654_435_761).wrapping_add(now.as_millis());
        let is_last = attempts >= self.config.attempts;
        let verdict = if is_last { Verdict::GivenUp(now) } else { Verdict::Again(now.plus(self.config.pause(attempts, lot))) };
        let failed = Failed { sequence, attempts, failure: refusal.to_string(), verdict };
        if !is_last {
            return webhooks.failed(scope, id, failed).await;
        }
        self.give_up(scope, webhook, failed).await?;
        self.disable_where_nobody_takes_anything(scope, webhook).await
    }

    /// Recorded, as somebody who relies on it may have to act.
    async fn give_up(&self, scope: &TenantScope, webhook: &Webhook, failed: Failed) -> Result<()> {
        let notes = Notes::default();
        let entry = self.ports.auditor.own_entry(scope.tenant().clone(), GIVE_UP, &webhook.name);
        notes.changes(FieldChange::named("event", Some(&failed.sequence.to_string()), None).into_iter().collect());
        let work = self.ports.webhooks.failed(scope, &webhook.name.webhook, failed);
        self.ports.auditor.own_work(entry, notes.clone(), work).await
    }

    async fn disable_where_nobody_takes_anything(&self, scope: &TenantScope, webhook: &Webhook) -> Result<()> {
        let DeliveryPorts { webhooks, auditor, clock, .. } = &self.ports;
        let progress = webhooks.progress(scope, &webhook.name.webhook).await?.unwrap_or_default();
        if progress.given_up < MAX_GIVEN_UP {
            return Ok(());
        }
        let Some(stored) = webhooks.find(scope, &webhook.name.webhook).await?.open_for_system() else { return Ok(()) };
        if stored.state != WebhookState::Active {
            return Ok(());
        }
        let expected = Expected::Revision(stored.revision);
        let revision = stored.revision.next();
        let disabled = Webhook { state: WebhookState::Failed, updated: clock.now(), revision, ..stored };
        let change = WebhookChange { expected, webhook: disabled, deletes: false, secrets: None, replays: None, request: None };
        let entry = auditor.own_entry(scope.tenant().clone(), DISABLE, &webhook.name);
        let work = async {
            match webhooks.commit(scope, change).await? {
                // Where somebody has changed it meanwhile, the next one that is given up decides.
                Committed::Stored | Committed::Conflict => Ok(()),
                _ => Err(Error::Internal { context: "a change without a request was answered before", source: None }),
            }
        };
        auditor.own_work(entry, Notes::default(), work).await
    }
}

impl UnderWay {
    fn has(&self, delivery: &Delivery) -> bool {
        self.places.get(&delivery.webhook).is_some_and(|places| places.contains(&delivery.event.sequence))
    }

    fn has_room(&self) -> bool {
        self.attempts.len() < ALL_AT_ONCE
    }

    fn room_for(&self, name: &WebhookName) -> usize {
        let own = self.places.get(name).map_or(0, BTreeSet::len);
        AT_ONCE.saturating_sub(own).min(ALL_AT_ONCE.saturating_sub(self.attempts.len()))
    }

    fn add(&mut self, delivery: &Delivery, attempt: impl Future<Output = ()> + Send + 'static) {
        let (name, sequence) = (delivery.webhook.clone(), delivery.event.sequence);
        self.places.entry(name.clone()).or_default().insert(sequence);
        self.attempts.push(Box::pin(async move {
            attempt.await;
            (name, sequence)
        }));
    }

    /// Waits for the end of an attempt, or of `wait`, whose rest is answered where an attempt ends first.
    async fn next<W: Future<Output = ()> + Unpin>(&mut self, wait: W) -> Either<(), W> {
        if self.attempts.is_empty() {
            wait.await;
            return Either::Left(());
        }
        match select(wait, self.attempts.next()).await {
            Either::Left(_) => Either::Left(()),
            Either::Right((done, rest)) => {
                if let Some((name, sequence)) = done {
                    self.remove(&name, sequence);
                }
                Either::Right(rest)
            }
        }
    }

    fn remove(&mut self, name: &WebhookName, sequence: u64) {
        if let Some(places) = self.places.get_mut(name) {
            places.remove(&sequence);
            if places.is_empty() {
                self.places.remove(name);
            }
        }
    }
}
