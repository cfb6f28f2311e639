//! Servers of one store and the platform: the one with the lease has made so what is wanted, whoever was asked for it, and another one goes on
//! with what it leaves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::lease::{InstanceId, TERM, Tenure};
use domain::process::{
    Asked, Desired, Failure, IntegrationsWanted, Notation, Outcome, PLATFORM_JOB, PlatformPorts, PlatformRepository as _, PlatformRevision,
    Platforms, Standing,
};
use test_support::sample::{at, user};
use test_support::{FakeClock, FakeManifests, FakePlatform, InMemoryExecutionRepository, InMemoryPlatform, TokioSpawner};
use tokio::sync::oneshot;

/// What servers share.
struct Store {
    clock: Arc<FakeClock>,
    repository: Arc<InMemoryPlatform>,
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
        let repository = Arc::new(InMemoryPlatform::new(clock.clone()));
        Store { leases: Arc::new(InMemoryExecutionRepository::new(clock.clone())), repository, clock }
    }

    fn server(&self, name: &str) -> Server {
        let (clock, spawner) = (self.clock.clone(), Arc::new(TokioSpawner::current()));
        let platform = Arc::new(FakePlatform::new(Arc::new(FakeManifests), clock.clone()));
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
        let desired = Desired {
            revision: number,
            manifest: format!("web APP 1 web:{number}\n").into(),
            notation: Notation::Yaml,
            environment: None,
            overrides: BTreeMap::new(),
            integrations: IntegrationsWanted::default(),
        };
        let revision = PlatformRevision { desired, asked: Asked::Apply, author: user("ann"), created: at(7), standing };
        self.repository.add(&revision, None).await.unwrap();
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
async fn a_server_that_stops_leaves_the_lease_to_another_one_at_once() {
    let store = Store::new();
    let mut first = store.server("a");
    first.has_the_lease().await;
    let second = store.server("b");
    first.stop.take().unwrap().send(()).unwrap();
    first.managing.await.unwrap();
    store.pass(Duration::from_secs(1)).await;
    assert!(second.tenure.fence().is_some());
}
