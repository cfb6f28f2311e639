//! A manager that is killed after any single call, and another one that goes on: what runs in the end is what would have run, nothing
//! twice and nothing left over, and never fewer than must be available.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use orchestrator::engine::{Change, Engine, Error, Feed, Instance, Line, LogAsk, NetworkOrder, Order, VolumeOrder};
use process::manifest::Manifest;
use tokio::sync::Notify;

use crate::in_memory::InMemoryEngine;
use crate::support::{Installation, Manager, PATIENCE, image, manifest, well};

/// An engine whose caller is killed at its n-th change: before the change happens, or after it has and nobody hears of it.
struct Deadly {
    inner: Arc<dyn Engine>,
    left: AtomicUsize,
    after: bool,
    killed: Notify,
}

// === impl Deadly ===

impl Deadly {
    fn new(inner: Arc<dyn Engine>, calls: usize, after: bool) -> Arc<Self> {
        Arc::new(Deadly { inner, left: AtomicUsize::new(calls), after, killed: Notify::new() })
    }

    async fn change<T>(&self, change: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left != 1 {
            return change.await;
        }
        if self.after {
            change.await?;
        }
        self.killed.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Engine for Deadly {
    async fn check(&self) -> Result<(), Error> {
        self.inner.check().await
    }
    async fn list(&self) -> Result<Vec<Instance>, Error> {
        self.inner.list().await
    }
    async fn fetch(&self, image: &str) -> Result<(), Error> {
        self.inner.fetch(image).await
    }
    async fn network(&self, network: &NetworkOrder) -> Result<(), Error> {
        self.change(self.inner.network(network)).await
    }
    async fn volume(&self, volume: &VolumeOrder) -> Result<(), Error> {
        self.change(self.inner.volume(volume)).await
    }
    async fn create(&self, order: &Order) -> Result<String, Error> {
        self.change(self.inner.create(order)).await
    }
    async fn start(&self, id: &str) -> Result<(), Error> {
        self.change(self.inner.start(id)).await
    }
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), Error> {
        self.change(self.inner.stop(id, grace)).await
    }
    async fn remove(&self, id: &str) -> Result<(), Error> {
        self.change(self.inner.remove(id)).await
    }
    async fn serve(&self, id: &str, serving: bool) -> Result<(), Error> {
        self.change(self.inner.serve(id, serving)).await
    }
    async fn run(&self, id: &str, command: &[String], limit: Duration) -> Result<i64, Error> {
        self.inner.run(id, command, limit).await
    }
    async fn logs(&self, id: &str, ask: LogAsk) -> Result<Feed<Result<Line, Error>>, Error> {
        self.inner.logs(id, ask).await
    }
    async fn changes(&self) -> Result<Feed<Result<Change, Error>>, Error> {
        self.inner.changes().await
    }
}

/// Applies until the caller is killed. Answers whether it was.
async fn killed_at(engine: Arc<dyn Engine>, scope: &str, calls: usize, after: bool, wanted: &Manifest) -> bool {
    let deadly = Deadly::new(engine, calls, after);
    let manager = Manager::new(deadly.clone(), scope);
    let applied = async {
        manager.reach(wanted).await;
        false
    };
    let killed = async {
        deadly.killed.notified().await;
        true
    };
    tokio::select! { biased; killed = killed => killed, applied = applied => applied }
}

/// What is wanted: a database, a migration, and a service that is updated in a strategy, in a version of all of them.
fn platform(version: u32, strategy: &str) -> Manifest {
    let image = format!("zona-orchestrator-test:{version}");
    let strategy = if strategy == "canary" { "canary, canary_hold: 1s" } else { strategy };
    let health = "health: {command: [/service, --probe, '80'], interval: 1s, retries: 2}";
    manifest(&format!(
        "
name: shop
services:
  - {{name: db, group: SYSTEM, context: {{image: 'zona-orchestrator-test:1'}}, {health}}}
  - name: migrate
    context: {{image: '{image}', command: [--end-after, '50', '0']}}
    restart: {{condition: never}}
    depends_on: [{{service: db}}]
  - name: web
    group: APP
    context: {{image: '{image}', command: [--ready-after, '100'], stop_grace: 1s}}
    depends_on: [{{service: migrate, condition: completed}}]
    replicas: 3
    update: {{strategy: {strategy}, min_available: 3}}
    {health}
"
    ))
}

fn in_the_end(version: u32) -> Vec<(String, usize, Vec<String>)> {
    vec![("db".to_owned(), 1, vec!["1".to_owned()]), ("web".to_owned(), 3, vec![version.to_string()])]
}

#[tokio::test(start_paused = true)]
async fn whenever_a_manager_is_killed_another_one_ends_in_the_same_state() {
    for strategy in ["rolling", "blue-green", "canary"] {
        for after in [false, true] {
            let mut kills = 0;
            loop {
                let engine = InMemoryEngine::new();
                let (first, second) = (platform(1, strategy), platform(2, strategy));
                Manager::new(engine.clone(), "t").reach(&first).await;
                engine.forget_lowest();
                let killed = killed_at(engine.clone(), "t", kills + 1, after, &second).await;
                let next = Manager::new(engine.clone(), "t");
                next.reach(&second).await;
                let case = format!("{strategy}, killed at call {}, after it: {after}", kills + 1);
                assert_eq!(well(&*next.sight().await), in_the_end(2), "{case}");
                assert_eq!(engine.names().len(), 5, "{case}: {:?}", engine.names());
                assert_eq!(engine.lowest("web"), Some(3), "{case}");
                if !killed {
                    break;
                }
                kills += 1;
            }
            assert!(kills >= 12, "{strategy}: an update has more calls than {kills}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whenever_a_manager_is_killed_during_a_first_start_another_one_goes_on() {
    for after in [false, true] {
        let mut kills = 0;
        loop {
            let engine = InMemoryEngine::new();
            let wanted = platform(1, "rolling");
            let killed = killed_at(engine.clone(), "t", kills + 1, after, &wanted).await;
            let next = Manager::new(engine.clone(), "t");
            next.reach(&wanted).await;
            assert_eq!(well(&*next.sight().await), in_the_end(1));
            assert_eq!(engine.names().len(), 5, "{:?}", engine.names());
            if !killed {
                break;
            }
            kills += 1;
        }
        assert!(kills >= 8, "a start has more calls than {kills}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_half_made_when_an_answer_is_lost_is_made_again_before_it_is_started() {
    let engine = InMemoryEngine::new();
    let wanted = manifest(
        "
name: shop
services:
  - {name: web, context: {image: 'zona-orchestrator-test:1', configs: [{source: settings, target: /etc/settings}]}}
configs: {settings: {content: 'currency = EUR'}}
",
    );
    engine.break_next_creation();
    Manager::new(engine.clone(), "t").reach(&wanted).await;
    assert_eq!((engine.available("web"), engine.files("web")), (1, vec![1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_real_daemon_too_nothing_is_doubled_or_left_over() {
    image("1");
    // A few of the calls of an update: the first, one between a creation and its start, one amid the replacements, one late.
    for (call, after) in [(1, true), (3, true), (8, false), (11, true)] {
        let installation = Installation::new();
        let (first, second) = (platform(1, "rolling"), platform(2, "rolling"));
        Manager::new(installation.engine.clone(), &installation.scope).reach(&first).await;
        let killed = killed_at(installation.engine.clone(), &installation.scope, call, after, &second);
        assert!(tokio::time::timeout(PATIENCE, killed).await.unwrap(), "an update has more than {call} calls");
        let next = Manager::new(installation.engine.clone(), &installation.scope);
        next.reach(&second).await;
        let sight = next.sight().await;
        assert_eq!(well(&sight), in_the_end(2), "killed at call {call}");
        assert_eq!(sight.seen.len(), 5, "{:#?}", sight.seen);
    }
}
