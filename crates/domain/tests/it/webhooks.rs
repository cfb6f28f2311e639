//! Deliveries: each event that is wanted arrives at least once, whatever fails in between, and what nobody takes is kept.

use std::sync::Arc;
use std::time::Duration;

use domain::audit::{AuditRepository as _, Auditor, Outcome};
use domain::event::{EventKind, Happened};
use domain::lease::InstanceId;
use domain::page::PageRequest;
use domain::request::{Committed, Expected};
use domain::tenant::TenantState;
use domain::time::{Clock as _, Timestamp};
use domain::utility::{Occasion, UtilityChange};
use domain::webhook::{Deliveries, DeliveryPorts, Webhook, WebhookChange, WebhookConfig, WebhookProgress, WebhookRepository, WebhookState};
use test_support::{
    FakeClock, FakeSender, InMemoryEvents, InMemoryExecutionRepository, InMemoryTenants, InMemoryWebhooks, RecordedIncidents,
    SequentialIds, TokioSpawner, sample, webhook_repository,
};
use tokio::task::JoinHandle;

const CONFIG: WebhookConfig = WebhookConfig { attempts: 3, first_pause: Duration::from_secs(10) };

struct World {
    clock: Arc<FakeClock>,
    events: Arc<InMemoryEvents>,
    webhooks: Arc<InMemoryWebhooks>,
    tenants: Arc<InMemoryTenants>,
    sender: Arc<FakeSender>,
    audit: Arc<InMemoryExecutionRepository>,
    server: JoinHandle<()>,
}

impl World {
    /// A server that delivers to one webhook.
    async fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        let events = Arc::new(InMemoryEvents::new(clock.clone()));
        let mut world = World {
            webhooks: Arc::new(InMemoryWebhooks::new(clock.clone(), events.clone())),
            tenants: Arc::new(InMemoryTenants::of(clock.clone(), &["acme", "system"])),
            sender: Arc::default(),
            audit: Arc::new(InMemoryExecutionRepository::new(clock.clone())),
            server: tokio::spawn(std::future::ready(())),
            events,
            clock,
        };
        let secrets = domain::webhook::WebhookSecrets { current: domain::identity::Secret::new("whsec_"), previous: None };
        let webhook = webhook_repository::webhook("acme", "a");
        let change =
            WebhookChange { expected: Expected::Absent, webhook, deletes: false, secrets: Some(secrets), replays: None, request: None };
        assert_eq!(world.webhooks.commit(&sample::scope("acme"), change).await.unwrap(), Committed::Stored);
        world.start();
        world
    }

    /// Another server goes on where the one before has ended.
    fn start(&mut self) {
        self.server.abort();
        let audit = domain::audit::Ports {
            repository: self.audit.clone(),
            spawner: Arc::new(TokioSpawner::current()),
            incidents: Arc::new(RecordedIncidents::default()),
            clock: self.clock.clone(),
            ids: Arc::new(SequentialIds::default()),
        };
        let ports = DeliveryPorts {
            events: self.events.clone(),
            webhooks: self.webhooks.clone(),
            tenants: self.tenants.clone(),
            sender: self.sender.clone(),
            auditor: Auditor::new(audit, InstanceId::new("one")),
            incidents: Arc::new(RecordedIncidents::default()),
            clock: self.clock.clone(),
        };
        let deliveries = Deliveries::new(ports, CONFIG);
        self.server = tokio::spawn(async move { deliveries.go_on().await });
    }

    /// So many changes of a utility.
    fn happen(&self, many: u64) {
        let utility = sample::utility(&sample::scope("acme"), "u");
        self.events.note((0..many).map(|_| Happened::of_utility(&sample::creation(utility.clone()))));
    }

    async fn pass(&self, time: Duration) {
        for _ in 0..time.as_millis().div_ceil(500) {
            self.clock.advance(Duration::from_millis(500));
            for _ in 0..500 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn progress(&self) -> WebhookProgress {
        let name = webhook_repository::webhook("acme", "a").name;
        self.webhooks.progress(&sample::scope("acme"), &name.webhook).await.unwrap().unwrap()
    }

    async fn webhook(&self) -> Webhook {
        let name = webhook_repository::webhook("acme", "a").name;
        self.webhooks.find(&sample::scope("acme"), &name.webhook).await.unwrap().open_for_system().unwrap()
    }

    /// Changes it, or asks for its dead letters.
    async fn change(&self, state: WebhookState, replays: bool) {
        let stored = self.webhook().await;
        let expected = Expected::Revision(stored.revision);
        let webhook = Webhook { state, revision: stored.revision.next(), ..stored };
        let replays = replays.then(|| (Vec::new(), self.clock.now()));
        let change = WebhookChange { expected, webhook, deletes: false, secrets: None, replays, request: None };
        assert_eq!(self.webhooks.commit(&sample::scope("acme"), change).await.unwrap(), Committed::Stored);
    }

    /// Actions and outcomes of what the server has recorded.
    async fn recorded(&self) -> Vec<(String, Outcome)> {
        let found = self.audit.since(&sample::scope("acme"), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
        found.into_iter().map(|record| (record.entry.action, record.entry.outcome)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[tokio::test]
async fn every_wanted_event_arrives_once_and_the_others_never() {
    let world = World::new().await;
    world.happen(300);
    let ended = Happened { kind: EventKind::ExecutionEnded, ..happened() };
    world.events.note([ended]);
    world.happen(1);
    world.pass(Duration::from_secs(60)).await;
    let tried: Vec<u64> = world.sender.tried().into_iter().map(|(sequence, _)| sequence).collect();
    let mut sorted = tried.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=300).chain([302]).collect::<Vec<_>>());
    assert_eq!(world.progress().await, WebhookProgress { reached: 302, ..WebhookProgress::default() });
}

fn happened() -> Happened {
    let change = sample::creation(sample::utility(&sample::scope("acme"), "u"));
    Happened::of_utility(&UtilityChange { occasion: Occasion::Update, ..change })
}

#[tokio::test]
async fn what_is_refused_is_tried_again_with_growing_pauses_and_holds_up_nothing_else() {
    let world = World::new().await;
    world.sender.refuse(1, 2);
    world.happen(2);
    world.pass(Duration::from_secs(40)).await;
    let tried = world.sender.tried();
    let times: Vec<Timestamp> = tried.iter().filter(|(sequence, _)| *sequence == 1).map(|(_, time)| *time).collect();
    let [first, second, third] = times[..] else { panic!("{tried:?}") };
    let slack = Duration::from_millis(1_000);
    assert!((Duration::from_secs(5)..=Duration::from_secs(10) + slack).contains(&second.since(first)), "{tried:?}");
    assert!((Duration::from_secs(10)..=Duration::from_secs(20) + slack).contains(&third.since(second)), "{tried:?}");
    assert_eq!(tried.iter().filter(|(sequence, _)| *sequence == 2).map(|(_, time)| *time).collect::<Vec<_>>(), [first]);
    assert_eq!(world.progress().await, WebhookProgress { reached: 2, ..WebhookProgress::default() });
}

#[tokio::test]
async fn what_nobody_takes_is_kept_recorded_and_sent_again_when_it_is_asked_for() {
    let world = World::new().await;
    world.sender.refuse(1, 3);
    world.happen(1);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.sender.tried().len(), 3, "a bounded number of times");
    let counted = WebhookProgress { reached: 1, dead_letters: 1, given_up: 1, ..WebhookProgress::default() };
    assert_eq!(world.progress().await, counted);
    let page = PageRequest { size: 10, after: None };
    let name = world.webhook().await.name;
    let letters = world.webhooks.dead_letters(&sample::scope("acme"), &name.webhook, &page).await.unwrap().open_for_system().unwrap().items;
    assert_eq!((letters.len(), letters[0].failure.as_str()), (1, "the answer has the status 500"));
    assert_eq!(world.recorded().await, [("webhook.giveUp".to_owned(), Outcome::Intent), ("webhook.giveUp".to_owned(), Outcome::Allowed)]);
    world.change(WebhookState::Active, true).await;
    world.pass(Duration::from_secs(2)).await;
    assert_eq!((world.sender.tried().len(), world.progress().await.dead_letters), (4, 0));
}

#[tokio::test]
async fn a_webhook_that_nobody_answers_is_disabled_and_goes_on_once_it_is_enabled() {
    let world = World::new().await;
    (1..=70).for_each(|sequence| world.sender.refuse(sequence, 3));
    world.happen(60);
    world.pass(Duration::from_secs(600)).await;
    assert_eq!(world.webhook().await.state, WebhookState::Failed);
    assert!(world.recorded().await.contains(&("webhook.disable".to_owned(), Outcome::Allowed)));
    let tried = world.sender.tried().len();
    world.happen(10);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.sender.tried().len(), tried, "nothing is sent any more");
    world.change(WebhookState::Active, true).await;
    world.pass(Duration::from_secs(600)).await;
    let progress = world.progress().await;
    assert_eq!((progress.reached, progress.waiting), (70, 0));
    assert_eq!(world.sender.tried_once(), (1..=70).collect());
}

#[tokio::test]
async fn nothing_of_a_suspended_tenant_is_sent_until_it_is_resumed() {
    let world = World::new().await;
    world.tenants.turn("acme", TenantState::Suspended);
    world.happen(3);
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.sender.tried(), []);
    world.tenants.turn("acme", TenantState::Active);
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.sender.tried_once(), (1..=3).collect());
}

#[tokio::test]
async fn the_next_server_goes_on_where_one_has_died() {
    let mut world = World::new().await;
    (1..=100).for_each(|sequence| world.sender.refuse(sequence, (sequence % 3) as u32));
    for _ in 0..10 {
        world.happen(10);
        world.pass(Duration::from_secs(1)).await;
        world.start();
    }
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(world.sender.tried_once(), (1..=100).collect());
    assert_eq!(world.progress().await, WebhookProgress { reached: 100, ..WebhookProgress::default() });
}
