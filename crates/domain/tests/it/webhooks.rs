//! Deliveries: each event that is wanted arrives at least once, whatever fails in between, and what nobody takes is kept.

use std::sync::Arc;
use std::time::Duration;

use domain::access::{AccessPolicy, Caller, LocalRules};
use domain::audit::{AuditRepository as _, Auditor, Outcome};
use domain::event::{EventKind, EventRepository as _, Happened};
use domain::identity::Secret;
use domain::lease::{InstanceId, Keeper, TERM};
use domain::page::PageRequest;
use domain::request::{Committed, Expected};
use domain::tenant::TenantState;
use domain::time::{Clock as _, Timestamp};
use domain::utility::{Occasion, UtilityChange};
use domain::webhook::{
    Deliveries, DeliveryPorts, Webhook, WebhookAsked, WebhookChange, WebhookConfig, WebhookPorts, WebhookProgress, WebhookRepository,
    WebhookSecrets, WebhookState, Webhooks,
};
use test_support::{
    FakeClock, FakeSender, InMemoryEvents, InMemoryExecutionRepository, InMemoryTenants, InMemoryWebhooks, RecordedIncidents,
    SequentialIds, TokioSpawner, sample, webhook_repository,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const CONFIG: WebhookConfig =
    WebhookConfig { attempts: 3, first_pause: Duration::from_secs(10), keep: Duration::from_secs(30 * 24 * 3_600) };

struct World {
    clock: Arc<FakeClock>,
    events: Arc<InMemoryEvents>,
    webhooks: Arc<InMemoryWebhooks>,
    tenants: Arc<InMemoryTenants>,
    sender: Arc<FakeSender>,
    audit: Arc<InMemoryExecutionRepository>,
    incidents: Arc<RecordedIncidents>,
    servers: Vec<(Arc<Notify>, JoinHandle<()>)>,
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
            incidents: Arc::default(),
            servers: Vec::new(),
            events,
            clock,
        };
        world.make("acme", "a").await;
        world.start("one");
        world
    }

    async fn make(&self, code: &str, id: &str) {
        let webhook = webhook_repository::webhook(code, id);
        let secrets = Some(WebhookSecrets { current: Secret::new("whsec_"), previous: Vec::new() });
        let change = WebhookChange { expected: Expected::Absent, webhook, deletes: false, secrets, replays: None, request: None };
        assert_eq!(self.webhooks.commit(&sample::scope(code), change).await.unwrap(), Committed::Stored);
    }

    /// The first server dies.
    fn kill(&mut self) {
        self.servers.remove(0).1.abort();
    }

    /// The first server stops in order.
    async fn stop(&mut self) {
        let (stop, server) = self.servers.remove(0);
        stop.notify_one();
        server.await.unwrap();
    }

    /// One more server.
    fn start(&mut self, instance: &str) {
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
            spawner: Arc::new(TokioSpawner::current()),
            leases: self.audit.clone(),
            auditor: Auditor::new(audit, InstanceId::new(instance)),
            incidents: self.incidents.clone(),
            clock: self.clock.clone(),
        };
        let (deliveries, stop) = (Deliveries::new(ports, CONFIG, InstanceId::new(instance)), Arc::new(Notify::new()));
        let asked = stop.clone();
        self.servers.push((stop, tokio::spawn(async move { deliveries.go_on_until(asked.notified()).await })));
    }

    /// So many changes of a utility.
    fn happen(&self, many: u64) {
        self.happen_in("acme", many);
    }

    fn happen_in(&self, code: &str, many: u64) {
        let utility = sample::utility(&sample::scope(code), "u");
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

    /// Gives it another secret, as an administrator does.
    async fn rotate(&self) {
        let ports = WebhookPorts { repository: self.webhooks.clone(), sender: self.sender.clone(), clock: self.clock.clone() };
        let rules = AccessPolicy::new(Arc::new(LocalRules::new(sample::tenant("acme"))), self.tenants.clone());
        let permit = rules.require(&Caller::loopback(sample::user("ann")), self.webhook().await.name).await.unwrap();
        Webhooks::new(ports).rotate(&permit, WebhookAsked::default()).await.unwrap();
    }

    /// The secret, and those before it.
    async fn secrets(&self) -> Vec<String> {
        let name = self.webhook().await.name;
        let found = self.webhooks.secrets(&sample::scope("acme"), &name.webhook).await.unwrap().unwrap();
        let all = std::iter::once(&found.current).chain(found.previous.iter().map(|(secret, _)| secret));
        all.map(|secret| secret.expose().to_owned()).collect()
    }

    /// Actions and outcomes of what the server has recorded.
    async fn recorded(&self) -> Vec<(String, Outcome)> {
        let found = self.audit.since(&sample::scope("acme"), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
        found.into_iter().map(|record| (record.entry.action, record.entry.outcome)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.servers.iter().for_each(|(_, server)| server.abort());
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
async fn what_was_removed_while_a_webhook_was_disabled_is_counted_and_the_rest_is_sent() {
    let world = World::new().await;
    world.change(WebhookState::Disabled, false).await;
    world.happen(5);
    assert_eq!(world.events.prune(world.clock.now().plus(Duration::from_secs(1)), 0).await.unwrap(), 5);
    world.change(WebhookState::Active, false).await;
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.progress().await, WebhookProgress { reached: 5, missed: 5, ..WebhookProgress::default() });
    world.happen(1);
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.sender.tried_once(), [6].into());
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
    for round in 0..10 {
        world.happen(10);
        // Long enough for this one to know that the one before is gone.
        world.pass(TERM + Keeper::period() + Duration::from_secs(1)).await;
        world.kill();
        world.start(&format!("next-{round}"));
    }
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(world.sender.tried_once(), (1..=100).collect());
    assert_eq!(world.progress().await, WebhookProgress { reached: 100, ..WebhookProgress::default() });
}

#[tokio::test]
async fn one_of_several_servers_sends_and_another_goes_on_once_it_is_gone() {
    let mut world = World::new().await;
    world.pass(Duration::from_secs(1)).await;
    world.start("two");
    let places = |world: &World| world.sender.tried().into_iter().map(|(sequence, _)| sequence).collect::<Vec<_>>();
    world.happen(20);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(places(&world).len(), 20, "each was sent once");
    world.kill();
    world.happen(1);
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(places(&world).len(), 20, "nobody knows yet that it is gone");
    world.pass(TERM + Keeper::period()).await;
    assert_eq!(places(&world).last(), Some(&21));
    world.start("three");
    world.happen(1);
    world.stop().await;
    world.pass(Keeper::period() + Duration::from_secs(1)).await;
    assert_eq!(places(&world).last(), Some(&22), "one that stops in order lets go");
    assert_eq!(places(&world).len(), 22);
}

#[tokio::test]
async fn receivers_that_never_answer_leave_room_for_those_of_other_tenants() {
    let world = World::new().await;
    world.sender.keep_waiting("acme");
    for number in 0..15 {
        world.make("acme", &format!("slow-{number}")).await;
    }
    world.make("system", "a").await;
    world.happen(1_000);
    world.pass(Duration::from_secs(2)).await;
    let waiting = world.sender.tried().len();
    assert_eq!(waiting, 16, "a tenant has a bounded number of attempts at once");
    world.happen_in("system", 3);
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.sender.tried().len(), waiting + 3);
}

#[tokio::test]
async fn dead_letters_that_nobody_asks_for_go_in_time_and_that_is_recorded() {
    let world = World::new().await;
    world.sender.refuse(1, 3);
    world.happen(1);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.progress().await.dead_letters, 1);
    world.clock.advance(CONFIG.keep);
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.progress().await.dead_letters, 0);
    let found = world.audit.since(&sample::scope("system"), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
    assert_eq!(found.iter().map(|record| record.entry.action.as_str()).collect::<Vec<_>>(), ["webhook.prune", "webhook.prune"]);
}

#[tokio::test]
async fn an_attempt_that_panics_is_made_again_and_stops_no_other() {
    let world = World::new().await;
    world.sender.panic_at(2);
    world.happen(5);
    world.pass(Duration::from_secs(5)).await;
    assert_eq!((world.sender.tried_once(), world.sender.tried().len()), ((1..=5).collect(), 6));
    assert_eq!(world.progress().await, WebhookProgress { reached: 5, ..WebhookProgress::default() });
}

#[tokio::test]
async fn a_long_log_of_which_nothing_is_wanted_is_passed_over_in_bounded_steps() {
    let world = World::new().await;
    world.events.note((0..5_000).map(|_| Happened { kind: EventKind::ExecutionEnded, ..happened() }));
    world.pass(Duration::from_millis(500)).await;
    let reached = world.progress().await.reached;
    // Two looks at most, each of four times 256 events.
    assert!((1..=2_048).contains(&reached), "{reached}");
    world.pass(Duration::from_secs(5)).await;
    assert_eq!(world.progress().await.reached, 5_000);
}

#[tokio::test]
async fn a_server_that_cannot_send_counts_no_attempt_and_says_so_once() {
    let world = World::new().await;
    world.sender.be_helpless(true);
    world.happen(3);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.progress().await, WebhookProgress { reached: 3, waiting: 3, ..WebhookProgress::default() });
    assert_eq!(world.incidents.kinds().len(), 1);
    // All three at first, and one each after 1, 2, 4, 8 and 16 s more.
    assert_eq!(world.sender.in_vain(), 8, "it is not asked for again and again");
    world.sender.be_helpless(false);
    world.pass(Duration::from_secs(61)).await;
    assert_eq!((world.sender.tried_once(), world.sender.tried().len()), ((1..=3).collect(), 3));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_told_once_and_replaced_by_rotating_it() {
    let world = World::new().await;
    world.webhooks.damage_secrets(&world.webhook().await.name);
    world.happen(2);
    world.pass(Duration::from_secs(60)).await;
    assert_eq!((world.sender.tried().len(), world.progress().await.dead_letters), (0, 2));
    assert_eq!(world.incidents.kinds().len(), 1);
    world.rotate().await;
    world.change(WebhookState::Active, true).await;
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.sender.tried_once(), [1, 2].into());
    assert_eq!(world.secrets().await, ["whsec_0"]);
}

#[tokio::test]
async fn secrets_that_were_replaced_sign_for_a_day_and_three_of_them_at_most() {
    let world = World::new().await;
    for _ in 0..2 {
        world.rotate().await;
    }
    assert_eq!(world.secrets().await, ["whsec_1", "whsec_0", "whsec_"], "whoever did not hear the first answer has asked twice");
    for _ in 0..3 {
        world.rotate().await;
    }
    assert_eq!(world.secrets().await, ["whsec_4", "whsec_3", "whsec_2", "whsec_1"]);
    world.clock.advance(Duration::from_secs(25 * 3_600));
    world.rotate().await;
    assert_eq!(world.secrets().await, ["whsec_5", "whsec_4"]);
}

#[tokio::test]
async fn what_is_known_too_late_gives_nothing_up_and_is_not_recorded() {
    let world = World::new().await;
    world.sender.refuse(1, 3);
    world.happen(1);
    world.pass(Duration::from_secs(11)).await;
    assert_eq!(world.sender.tried().len(), 2);
    world.sender.hold(true);
    world.pass(Duration::from_secs(21)).await;
    assert_eq!((world.sender.tried().len(), world.sender.at_work()), (3, 1), "the last attempt is under way");
    let stored = world.webhook().await;
    let expected = Expected::Revision(stored.revision);
    let deletion = WebhookChange { expected, webhook: stored, deletes: true, secrets: None, replays: None, request: None };
    assert_eq!(world.webhooks.commit(&sample::scope("acme"), deletion).await.unwrap(), Committed::Stored);
    world.sender.hold(false);
    world.pass(Duration::from_secs(1)).await;
    assert_eq!((world.sender.at_work(), world.recorded().await), (0, vec![]));
}

#[tokio::test]
async fn what_is_under_way_at_a_stop_ends_with_it_and_is_sent_again_by_the_next_server() {
    let mut world = World::new().await;
    world.sender.hold(true);
    world.happen(3);
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.sender.at_work(), 3);
    world.stop().await;
    world.sender.hold(false);
    world.pass(Duration::from_secs(1)).await;
    assert_eq!((world.sender.at_work(), world.sender.tried().len()), (0, 3), "nothing goes on behind the stop");
    assert_eq!(world.progress().await.waiting, 3, "and nothing is taken for sent");
    world.start("two");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!((world.sender.tried_once(), world.sender.tried().len()), ((1..=3).collect(), 6));
    assert_eq!(world.progress().await.waiting, 0);
}
