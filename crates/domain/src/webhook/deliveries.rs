//! Sending: what happens is queued for each webhook that wants it, tried until it is taken, and given up after a bounded number of
//! attempts. Where everything stands is in the store, so that the next server goes on; one server of a store sends at a time.

mod under_way;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select;

use self::under_way::{AT_ONCE, Attempted, UnderWay};
use crate::access::TenantScope;
use crate::audit::{Auditor, FieldChange, Notes};
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventRepository;
use crate::incident::{Incident, Incidents};
use crate::lease::{InstanceId, JobLease, Keeper, LeaseRepository};
use crate::name::{TenantId, WebhookName};
use crate::request::{Committed, Expected};
use crate::tenant::{TenantState, TenantStates};
use crate::time::{Clock, Timestamp};
use crate::webhook::{
    Delivery, Failed, Queued, Refusal, Verdict, Webhook, WebhookChange, WebhookConfig, WebhookRepository, WebhookSecrets, WebhookSender,
    WebhookState,
};
use crate::work::Spawner;

/// Under whose lease it is done.
const JOB: &str = "webhooks";
/// How often it is looked for what is to be sent.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often old dead letters are removed.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// Deliveries of one webhook that wait, beyond which no more events are looked at.
const MAX_WAITING: u64 = 1_000;
/// How often events are looked at for one webhook in a round: what lies far behind keeps no other waiting.
const STEPS: usize = 4;
/// Longest text of a failure that is kept, in characters.
const MAX_FAILURE: usize = 200;
/// Deliveries that are given up in a row before a webhook is disabled.
const MAX_GIVEN_UP: u64 = 50;
/// What records call it where a webhook is disabled, where a delivery is given up, and where old dead letters are removed.
const DISABLE: &str = "webhook.disable";
const GIVE_UP: &str = "webhook.giveUp";
const PRUNE: &str = "webhook.prune";
/// What is pruned: dead letters of the webhooks of every tenant.
const RESOURCE: &str = "webhook";
/// What it is for, as incidents name it.
const WORK: &str = "deliver to webhooks";

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
    /// Runs attempts: none waits for another, or for whoever looks after them.
    pub spawner: Arc<dyn Spawner>,
    /// Says which server sends.
    pub leases: Arc<dyn LeaseRepository>,
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
    instance: InstanceId,
    /// What operators have heard of within the hour: whose secret cannot be read, or, without a webhook, that this server cannot send.
    told: Arc<Mutex<HashSet<Option<WebhookName>>>>,
}

/// How far one server is with sending.
#[derive(Default)]
struct Sending {
    under_way: UnderWay,
    /// Held while this server is the one that sends.
    lease: Option<JobLease>,
    /// What was looked after in the last round: nothing is sent to others, whatever they were before.
    served: HashMap<WebhookName, Webhook>,
    /// The last that was looked after: the next round begins behind it.
    last: Option<WebhookName>,
    pruned: Timestamp,
    is_failing: bool,
}

impl Deliveries {
    /// Wires them to their ports; `instance` is the server that sends.
    pub fn new(ports: DeliveryPorts, config: WebhookConfig, instance: InstanceId) -> Self {
        Deliveries { ports, config, instance, told: Arc::default() }
    }

    /// Sends until `stop`, whenever no other server does. What is under way then is sent again by the next one.
    pub async fn go_on_until(&self, stop: impl Future<Output = ()> + Send) {
        let mut sending = Sending::default();
        {
            let (stop, work) = (pin!(stop), pin!(self.go_on(&mut sending)));
            select(stop, work).await;
        }
        if let Some(lease) = sending.lease
            && let Err(error) = lease.release().await
        {
            // It ends by itself.
            self.ports.incidents.report(&Incident::WorkFailed { work: WORK, error: &error });
        }
    }

    async fn go_on(&self, sending: &mut Sending) {
        loop {
            let done = self.round(sending).await;
            self.report(done, &mut sending.is_failing);
            if let Err(error) = self.wait(sending).await {
                self.report(Err(error), &mut sending.is_failing);
            }
        }
    }

    fn report(&self, done: Result<()>, is_failing: &mut bool) {
        match done {
            Err(error) if !*is_failing => {
                self.ports.incidents.report(&Incident::WorkFailed { work: WORK, error: &error });
                *is_failing = true;
            }
            Ok(()) if *is_failing => {
                self.ports.incidents.report(&Incident::WorkResumed { work: WORK });
                *is_failing = false;
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Queues what has happened, and begins to send what is due, for as many webhooks as there is time and room for; the next round goes on
    /// behind them. What fails for one webhook keeps no other from its own.
    async fn round(&self, sending: &mut Sending) -> Result<()> {
        sending.served.clear();
        if !self.is_ours(&mut sending.lease).await? {
            return Ok(());
        }
        let began = self.ports.clock.now();
        let mut looked_after = Ok(());
        for webhook in self.ports.webhooks.pending(began, sending.last.as_ref()).await? {
            // Longer than that the lease would not be renewed.
            if sending.under_way.is_full() || self.ports.clock.now().since(began) >= Keeper::period() {
                break;
            }
            sending.last = Some(webhook.name.clone());
            match self.look_after(&webhook, &mut sending.under_way).await {
                Ok(true) => {
                    sending.served.insert(webhook.name.clone(), webhook);
                }
                Ok(false) => {}
                Err(error) => looked_after = looked_after.and(Err(error)),
            }
        }
        looked_after.and(self.prune(sending).await)
    }

    /// Whether this server is the one that sends.
    async fn is_ours(&self, lease: &mut Option<JobLease>) -> Result<bool> {
        if let Some(held) = lease {
            if held.is_kept().await? {
                return Ok(true);
            }
            *lease = None;
        }
        let (leases, clock) = (Arc::clone(&self.ports.leases), Arc::clone(&self.ports.clock));
        *lease = JobLease::acquire(JOB, leases, clock, &self.instance).await?;
        Ok(lease.is_some())
    }

    /// Goes on with what is under way until the next look. Where an attempt ends, the next one to the same webhook begins at once, unless
    /// others wait for the place.
    async fn wait(&self, sending: &mut Sending) -> Result<()> {
        let Sending { under_way, lease, served, .. } = sending;
        let mut wait = self.ports.clock.sleep(if lease.is_some() { LOOK_EVERY } else { Keeper::period() });
        loop {
            let was_full = under_way.is_full();
            let Some((ended, rest)) = under_way.next(wait).await else { return Ok(()) };
            wait = rest;
            if matches!(ended.attempted, Attempted::Postponed | Attempted::Unable(_)) {
                // Not before the next look: what kept it from being sent would keep it again.
                served.remove(&ended.webhook);
            } else if was_full {
                under_way.take_ended();
                return Ok(());
            } else if let Some(webhook) = served.get(&ended.webhook) {
                self.begin(&scope(webhook), webhook, under_way).await?;
            }
        }
    }

    /// Says whether anything may be sent.
    async fn look_after(&self, webhook: &Webhook, under_way: &mut UnderWay) -> Result<bool> {
        if self.ports.tenants.state(&webhook.name.tenant).await? != Some(TenantState::Active) {
            return Ok(false);
        }
        let scope = scope(webhook);
        self.queue(&scope, webhook).await?;
        self.begin(&scope, webhook, under_way).await?;
        Ok(true)
    }

    /// Queues events behind the last one that was looked at, in a few steps, as long as there is room. Where the webhook was changed
    /// meanwhile, the next round judges by what it wants then.
    async fn queue(&self, scope: &TenantScope, webhook: &Webhook) -> Result<()> {
        let DeliveryPorts { events, webhooks, clock, .. } = &self.ports;
        for _ in 0..STEPS {
            let Some(reached) = webhooks.reached(scope, &webhook.name.webhook, MAX_WAITING).await? else { return Ok(()) };
            let found = events.behind(scope, reached).await?.open_for_system().map(|page| page.items).unwrap_or_default();
            let (Some(first), Some(last)) = (found.first(), found.last()) else {
                return self.pass_over(scope, webhook, reached).await;
            };
            let (missed, to) = (first.sequence - reached - 1, last.sequence);
            let wanted = found.into_iter().filter(|event| webhook.wants(event.kind)).collect();
            let queued = Queued { revision: webhook.revision, from: reached, to, missed, events: wanted, due: clock.now() };
            if !webhooks.queue(scope, &webhook.name.webhook, queued).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Counts what was removed before it was looked at, where nothing has happened since.
    async fn pass_over(&self, scope: &TenantScope, webhook: &Webhook, reached: u64) -> Result<()> {
        let DeliveryPorts { events, webhooks, clock, .. } = &self.ports;
        let gone = events.span(scope).await?.oldest.saturating_sub(1);
        if gone <= reached {
            return Ok(());
        }
        let (revision, missed) = (webhook.revision, gone - reached);
        let queued = Queued { revision, from: reached, to: gone, missed, events: Vec::new(), due: clock.now() };
        webhooks.queue(scope, &webhook.name.webhook, queued).await.map(drop)
    }

    async fn begin(&self, scope: &TenantScope, webhook: &Webhook, under_way: &mut UnderWay) -> Result<()> {
        let DeliveryPorts { webhooks, spawner, clock, .. } = &self.ports;
        let room = under_way.room_for(&webhook.name, clock.now());
        if room == 0 {
            return Ok(());
        }
        // Those under way are among them.
        let due = webhooks.due(scope, webhook, clock.now(), (AT_ONCE * 2) as u32).await?;
        for delivery in due.into_iter().filter(|delivery| !under_way.has(delivery)).take(room).collect::<Vec<_>>() {
            let (this, scope, sent_to, sequence) = (self.clone(), scope.clone(), webhook.clone(), delivery.event.sequence);
            under_way.add(spawner.as_ref(), &webhook.name, sequence, async move { this.attempt(&scope, &sent_to, delivery).await });
        }
        Ok(())
    }

    /// Sends one, and stores what becomes of it. What cannot be stored is sent once more, and not at once.
    async fn attempt(&self, scope: &TenantScope, webhook: &Webhook, delivery: Delivery) -> Attempted {
        match self.send(scope, webhook, &delivery).await {
            Ok(attempted) => attempted,
            Err(error) => {
                self.ports.incidents.report(&Incident::WorkFailed { work: "store what became of a delivery", error: &error });
                Attempted::Postponed
            }
        }
    }

    async fn send(&self, scope: &TenantScope, webhook: &Webhook, delivery: &Delivery) -> Result<Attempted> {
        let DeliveryPorts { webhooks, tenants, sender, clock, .. } = &self.ports;
        if tenants.state(scope.tenant()).await? != Some(TenantState::Active) {
            return Ok(Attempted::Postponed);
        }
        let sent = match self.secrets(scope, webhook).await? {
            None => return Ok(Attempted::Postponed),
            Some(Ok(secrets)) => sender.send(&webhook.url, &secrets, &delivery.event, clock.now()).await,
            Some(Err(refusal)) => Err(refusal),
        };
        match sent {
            Ok(()) => {
                webhooks.taken(scope, &webhook.name.webhook, delivery.event.sequence).await?;
                Ok(Attempted::Taken)
            }
            Err(Refusal::Ours(why)) => {
                self.tell(None, "send to webhooks", &Error::internal("this server cannot send", why));
                Ok(Attempted::Unable(clock.now()))
            }
            Err(Refusal::Theirs(failure)) => self.refused(scope, webhook, delivery, &failure).await,
        }
    }

    /// What becomes of a delivery that was not taken.
    async fn refused(&self, scope: &TenantScope, webhook: &Webhook, delivery: &Delivery, failure: &str) -> Result<Attempted> {
        let DeliveryPorts { webhooks, clock, .. } = &self.ports;
        let sequence = delivery.event.sequence;
        let (now, attempts) = (clock.now(), delivery.attempts + 1);
        let lot = sequence.wrapping_mul(2_654_435_761).wrapping_add(now.as_millis());
        let is_last = attempts >= self.config.attempts;
        let verdict = if is_last { Verdict::GivenUp(now) } else { Verdict::Again(now.plus(self.config.pause(attempts, lot))) };
        let failed = Failed { sequence, attempts, failure: failure.chars().take(MAX_FAILURE).collect(), verdict };
        if is_last {
            // What comes late gives nothing up, of which a record would say that it does.
            if webhooks.awaits(scope, delivery).await? && self.give_up(scope, webhook, failed).await? {
                self.disable_where_nobody_takes_anything(scope, webhook).await?;
            }
        } else {
            webhooks.failed(scope, &webhook.name.webhook, failed).await?;
        }
        Ok(Attempted::Refused)
    }

    /// What a message is signed with; `None` without the webhook. Secrets that open no more are told like a receiver that refuses, so that
    /// it ends where that ends.
    async fn secrets(&self, scope: &TenantScope, webhook: &Webhook) -> Result<Option<Result<WebhookSecrets, Refusal>>> {
        match self.ports.webhooks.secrets(scope, &webhook.name.webhook).await {
            Ok(found) => Ok(found.map(Ok)),
            Err(error) if error.kind() == ErrorKind::Internal => {
                self.tell(Some(&webhook.name), "open the secret of a webhook", &error);
                Ok(Some(Err(Refusal::Theirs("its secret cannot be read; rotate it".to_owned()))))
            }
            Err(error) => Err(error),
        }
    }

    /// Tells operators of what each attempt would tell again, once within the hour.
    fn tell(&self, about: Option<&WebhookName>, work: &'static str, error: &Error) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(about.cloned()) {
            self.ports.incidents.report(&Incident::WorkFailed { work, error });
        }
    }

    /// Recorded, as somebody who relies on it may have to act; as failed where it came too late after all. Says whether it did anything.
    async fn give_up(&self, scope: &TenantScope, webhook: &Webhook, failed: Failed) -> Result<bool> {
        let notes = Notes::default();
        let entry = self.ports.auditor.own_entry(scope.tenant().clone(), GIVE_UP, &webhook.name);
        notes.changes(FieldChange::named("event", Some(&failed.sequence.to_string()), None).into_iter().collect());
        let work = async {
            match self.ports.webhooks.failed(scope, &webhook.name.webhook, failed).await? {
                true => Ok(()),
                false => Err(Error::Stale { resource: webhook.name.to_string() }),
            }
        };
        match self.ports.auditor.own_work(entry, notes.clone(), work).await {
            Err(Error::Stale { .. }) => Ok(false),
            done => done.map(|()| true),
        }
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

    /// Removes dead letters that nobody has asked for in time, some of them in a round. What fails is tried again the next time.
    async fn prune(&self, sending: &mut Sending) -> Result<()> {
        let DeliveryPorts { webhooks, auditor, clock, .. } = &self.ports;
        let now = clock.now();
        if now.since(sending.pruned) < PRUNE_EVERY {
            return Ok(());
        }
        sending.pruned = now;
        sending.under_way.forget_refusals();
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let before = now.minus(self.config.keep);
        if !webhooks.has_old_letters(before).await? {
            return Ok(());
        }
        let (notes, entry) = (Notes::default(), auditor.own_entry(TenantId::system(), PRUNE, &RESOURCE));
        let work = async {
            let pruned = webhooks.prune_letters(before).await?;
            notes.changes(FieldChange::named("dead_letters", Some(&pruned.to_string()), None).into_iter().collect());
            Ok(())
        };
        auditor.own_work(entry, notes.clone(), work).await?;
        // The next round looks whether there are more.
        sending.pruned = Timestamp::default();
        Ok(())
    }
}

fn scope(webhook: &Webhook) -> TenantScope {
    TenantScope::for_system(webhook.name.tenant.clone())
}
