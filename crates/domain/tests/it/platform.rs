//! Servers of one store and the platform: the one with the lease has made so what is wanted, whoever was asked for it, and another one goes on
//! with what it leaves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::event::{Detail, EventKind, EventRepository as _};
use domain::lease::{InstanceId, TERM, Tenure};
use domain::process::{
    Asked, Desired, Failure, IntegrationsWanted, Notation, Outcome, PLATFORM_JOB, PlatformPorts, PlatformRepository as _, PlatformRevision,
    Platforms, Standing,
};
use futures_util::FutureExt as _;
use test_support::sample::{at, scope, user};
use test_support::{FakeClock, FakeManifests, FakePlatform, InMemoryEvents, InMemoryExecutionRepository, InMemoryPlatform, TokioSpawner};
use tokio::sync::oneshot;

/// What servers share.
struct Store {
    clock: Arc<FakeClock>,
    repository: Arc<InMemoryPlatform>,
    events: Arc<InMemoryEvents>,
    leases: Arc<InMemoryExecutionRepository>,
}

struct Server {
    platform: Arc<FakePlatform>,
    tenure: Arc<Tenure>,
    spawner: Arc<TokioSpawner>,
    managing: tokio::task::JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Store {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        let events = Arc::new(InMemoryEvents::new(clock.clone()));
        let repository = Arc::new(InMemoryPlatform::new(clock.clone()).noting(events.clone()));
        Store { leases: Arc::new(InMemoryExecutionRepository::new(clock.clone())), repository, events, clock }
    }

    /// A server with an engine of its own, so that it is seen which one was asked.
    fn server(&self, name: &str) -> Server {
        self.server_on(name, Arc::new(FakePlatform::new(Arc::new(FakeManifests), self.clock.clone())))
    }

    fn server_on(&self, name: &str, platform: Arc<FakePlatform>) -> Server {
        let (clock, spawner) = (self.clock.clone(), Arc::new(TokioSpawner::current()));
        let tenure = Arc::new(Tenure::of_job(PLATFORM_JOB, self.leases.clone(), clock.clone(), InstanceId::new(name)));
        let platforms = Platforms::new(PlatformPorts {
            manifests: Arc::new(FakeManifests),
            platform: platform.clone(),
            repository: self.repository.clone(),
            tenure: tenure.clone(),
            spawner: spawner.clone(),
            clock,
        });
        let (stop, stopped) = oneshot::channel();
        let managing = async move {
            platforms
                .manage_until(async {
                    // Where nobody can ask for it any more, it never stops by itself.
                    if stopped.await.is_err() {
                        std::future::pending::<()>().await;
                    }
                })
                .await;
        };
        Server { platform, tenure, spawner, managing: tokio::spawn(managing), stop: Some(stop) }
    }

    async fn add(&self, number: u64, standing: Standing) {
        let manifest = format!("web APP 1 web:{number}\nintegration 7 acme web HOST=a\n");
        self.add_manifest(number, &manifest, standing).await;
    }

    async fn add_manifest(&self, number: u64, manifest: &str, standing: Standing) {
        self.repository.add(&revision(number, manifest, standing), None).await.unwrap();
    }

    /// Lets time pass until a revision has come to its end. Says how much.
    async fn until_reached(&self, number: u64) -> Duration {
        let mut passed = Duration::ZERO;
        while self.repository.reached().await.unwrap().is_none_or(|reached| reached.desired.revision != number) {
            passed += self.pass(Duration::from_millis(500)).await;
            assert!(passed < 10 * TERM, "{:?}", self.repository.newest().await);
        }
        passed
    }

    /// What was told of services and integrations, with the state, in a tenant's log.
    async fn told(&self, tenant: &str) -> Vec<(String, String)> {
        let found = self.events.behind(&scope(tenant), 0).await.unwrap();
        let of_state = |kind| matches!(kind, EventKind::ServiceStateChanged | EventKind::IntegrationStateChanged);
        let events = found.open_for_system().unwrap().items.into_iter().filter(|event| of_state(event.kind));
        let said = events.map(|event| match &event.details["state"] {
            Detail::Text(state) => (event.subject.clone(), state.clone()),
            Detail::Number(_) => panic!("{event:?}"),
        });
        said.collect()
    }

    async fn pass(&self, time: Duration) -> Duration {
        self.clock.advance(time);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        time
    }
}

impl Server {
    fn die(&self) {
        self.managing.abort();
        self.spawner.abort();
    }

    async fn has_the_lease(&self) {
        while self.tenure.fence().is_none() {
            tokio::task::yield_now().await;
        }
    }
}

fn revision(number: u64, manifest: &str, standing: Standing) -> PlatformRevision {
    let desired = Desired {
        revision: number,
        manifest: manifest.into(),
        notation: Notation::Yaml,
        environment: None,
        overrides: BTreeMap::new(),
        integrations: IntegrationsWanted::default(),
    };
    PlatformRevision { desired, asked: Asked::Apply, author: user("ann"), created: at(7), standing }
}

/// How often something is asked of a platform from now on, by the name of the port's method.
fn count(platform: &FakePlatform, method: &'static str) -> Arc<AtomicUsize> {
    let asked = Arc::<AtomicUsize>::default();
    let counted = asked.clone();
    platform.faults().meanwhile(method, move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    asked
}

#[tokio::test]
async fn what_is_stored_between_two_reads_of_what_is_wanted_is_begun_once() {
    let store = Store::new();
    store.add(1, Standing::UnderWay).await;
    let (repository, second) = (store.repository.clone(), revision(2, "web APP 1 web:2\n", Standing::UnderWay));
    store.repository.faults().meanwhile("newest", move || {
        // Only the first call stores it: later ones come too late.
        let _stored = repository.add(&second, None).now_or_never();
    });
    let platform = Arc::new(FakePlatform::new(Arc::new(FakeManifests), store.clock.clone()));
    let begun = count(&platform, "apply");
    let _server = store.server_on("a", platform);
    store.until_reached(2).await;
    store.pass(Duration::from_secs(1)).await;
    store.pass(Duration::from_secs(1)).await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_has_failed_is_reached_where_a_server_that_begins_has_it_made_so() {
    let store = Store::new();
    store.add(1, Standing::Ended(Outcome::Failed(Failure::default()), at(8))).await;
    let _server = store.server("a");
    store.until_reached(1).await;
}

#[tokio::test]
async fn what_was_asked_of_another_server_is_done_by_the_one_with_the_lease() {
    let store = Store::new();
    let first = store.server("a");
    first.has_the_lease().await;
    let second = store.server("b");
    // Stored as the second one would, which has no lease.
    store.add(1, Standing::UnderWay).await;
    assert!(store.until_reached(1).await <= Duration::from_secs(2));
    assert_eq!((first.spawner.running().len(), second.spawner.running().len()), (0, 0));
    first.platform.begun(1).await;
    assert!(tokio::time::timeout(Duration::from_millis(1), second.platform.begun(1)).await.is_err(), "it looks on");
}

#[tokio::test]
async fn what_a_dead_server_has_left_goes_on_within_a_term_and_once() {
    let store = Store::new();
    let first = store.server("a");
    first.has_the_lease().await;
    let second = store.server("b");
    first.platform.hold(true);
    store.add(1, Standing::UnderWay).await;
    store.pass(Duration::from_secs(1)).await;
    first.platform.begun(1).await;
    first.die();
    assert!(store.until_reached(1).await <= TERM + Duration::from_secs(1));
    second.platform.begun(1).await;
    let newest = store.repository.newest().await.unwrap().unwrap();
    store.pass(TERM).await;
    assert_eq!(store.repository.newest().await.unwrap().unwrap(), newest);
}

#[tokio::test]
async fn a_server_that_was_taken_for_dead_says_nothing_of_what_it_had_begun() {
    let store = Store::new();
    let first = store.server("a");
    first.has_the_lease().await;
    let second = store.server("b");
    first.platform.hold(true);
    second.platform.hold(true);
    store.add(1, Standing::UnderWay).await;
    store.pass(Duration::from_secs(1)).await;
    first.platform.begun(1).await;
    // It lives and reaches everything but the leases.
    first.managing.abort();
    store.pass(TERM).await;
    second.has_the_lease().await;
    first.platform.hold(false);
    store.pass(Duration::from_secs(1)).await;
    assert!(first.spawner.running().is_empty(), "it has ended");
    let newest = store.repository.newest().await.unwrap().unwrap();
    assert_eq!(newest.standing, Standing::UnderWay, "what comes of it is for the second one to say");
    second.platform.hold(false);
    store.until_reached(1).await;
}

#[tokio::test]
async fn a_server_whose_lease_has_lapsed_and_come_back_lets_go_of_what_it_had_begun() {
    let store = Store::new();
    let server = store.server("a");
    server.has_the_lease().await;
    let (first, lets_go) = (server.tenure.fence().unwrap(), count(&server.platform, "let_go"));
    store.pass(TERM / 3).await;
    assert_eq!((server.tenure.fence().as_ref(), lets_go.load(Ordering::SeqCst)), (Some(&first), 0), "it was renewed");
    store.pass(TERM).await;
    let second = server.tenure.fence().unwrap();
    assert!(second.token > first.token);
    assert_eq!(lets_go.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_stops_leaves_the_lease_to_another_one_at_once() {
    let store = Store::new();
    let mut first = store.server("a");
    first.has_the_lease().await;
    let second = store.server("b");
    let (tenure, lets_go_unheld) = (first.tenure.clone(), Arc::<AtomicUsize>::default());
    let counted = lets_go_unheld.clone();
    first.platform.faults().meanwhile("let_go", move || {
        counted.fetch_add(usize::from(tenure.fence().is_none()), Ordering::SeqCst);
    });
    first.stop.take().unwrap().send(()).unwrap();
    first.managing.await.unwrap();
    assert_eq!(lets_go_unheld.load(Ordering::SeqCst), 1, "what it lets go of is the next one's to end");
    store.pass(Duration::from_secs(1)).await;
    assert!(second.tenure.fence().is_some());
}

#[tokio::test]
async fn each_change_of_what_runs_is_told_once_also_where_another_server_goes_on() {
    let store = Store::new();
    let first = store.server("a");
    first.has_the_lease().await;
    store.add(1, Standing::UnderWay).await;
    store.until_reached(1).await;
    store.pass(Duration::from_secs(1)).await;
    store.pass(Duration::from_secs(1)).await;
    let (web, integration) = (("services/web", "running"), ("tenants/acme/integrations/7", "running"));
    let owned = |(subject, state): (&str, &str)| (subject.to_owned(), state.to_owned());
    let told = store.told("system").await;
    for expected in [web, integration] {
        assert_eq!(told.iter().filter(|told| **told == owned(expected)).count(), 1, "{told:?}");
    }
    assert_eq!(store.told("acme").await.last(), Some(&owned(integration)));

    first.die();
    let second = store.server_on("b", first.platform.clone());
    while second.tenure.fence().is_none() {
        store.pass(Duration::from_millis(500)).await;
    }
    store.pass(Duration::from_secs(2)).await;
    assert_eq!(store.told("system").await, told, "what the first one has told");
    // What the store has not taken is told once it does.
    store.repository.faults().fail_next("tell", 1);
    store.add_manifest(2, "web APP 1 web:1\n", Standing::UnderWay).await;
    store.until_reached(2).await;
    for _ in 0..4 {
        store.pass(Duration::from_millis(500)).await;
    }
    let removed = store.told("system").await.split_off(told.len());
    assert_eq!(removed, [owned((integration.0, "removed"))]);
}

#[tokio::test]
async fn what_was_taken_back_is_told_of_as_removed_though_the_engine_has_nothing_more_to_tell() {
    let store = Store::new();
    let server = store.server("a");
    server.has_the_lease().await;
    store.add(1, Standing::UnderWay).await;
    store.until_reached(1).await;
    // The engine has told of the end some time before the store takes it.
    store.repository.faults().fail_next("settle", 2);
    store.add_manifest(2, "web APP 1 web:1\nextra APP 1 bad:1\nintegration 7 acme web HOST=a\n", Standing::UnderWay).await;
    for _ in 0..40 {
        store.pass(Duration::from_millis(500)).await;
    }
    let newest = store.repository.newest().await.unwrap().unwrap();
    assert!(matches!(newest.standing, Standing::Ended(Outcome::RolledBack(_), _)), "{newest:?}");
    let told = store.told("system").await.into_iter().filter(|(subject, _)| subject == "services/extra");
    assert_eq!(told.map(|(_, state)| state).collect::<Vec<_>>(), ["waiting", "removed"]);
}
