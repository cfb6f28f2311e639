//! Several servers of one installation on one engine: at each moment one of them acts. Servers are killed, cut off from the store while they
//! go on, and have calls that reach the engine after they were given up; the engine's own log says what was done, and under which lease.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::error::Error as DomainError;
use domain::lease::{Acquisition, Fence, InstanceId, Lease, LeaseName, LeaseRepository, Renewal, Tenure};
use domain::process::{
    Asked, Desired, Notation, Outcome, PLATFORM_JOB, Platform as _, PlatformPorts, PlatformRepository as _, PlatformRevision, Platforms,
    ServiceState, Standing,
};
use domain::time::Timestamp;
use orchestrator::engine::{Change, Engine, Error, Feed, Instance, Line, LogAsk, NetworkOrder, Order, VolumeOrder};
use orchestrator::platform::{Config, Orchestrator};
use serde_json::Value;
use test_support::sample::user;
use test_support::{FakeManifests, InMemoryExecutionRepository, InMemoryPlatform, TokioSpawner, repeat};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::in_memory::InMemoryEngine;
use crate::support::{Installation, PATIENCE, RuntimeClock, image, quick};

/// Shorter than in earnest, so that many failovers fit into a test; long enough for a machine that is busy.
const TERM: Duration = Duration::from_millis(3_000);

/// What happens to a server at one of its changes of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// It is killed right before the change.
    KilledBefore,
    /// It is killed after the change, before it hears of it.
    KilledAfter,
    /// It does not reach the store any more, and goes on.
    Cut,
    /// Likewise, and this change reaches the engine after another server has taken over.
    Late,
}

const TROUBLES: [Trouble; 4] = [Trouble::KilledBefore, Trouble::Cut, Trouble::KilledAfter, Trouble::Late];

/// What all servers of the installation share.
#[derive(Clone)]
struct Store {
    repository: Arc<InMemoryPlatform>,
    leases: Arc<InMemoryExecutionRepository>,
}

/// The leases of the store, as long as they can be reached.
struct Reach {
    inner: Arc<InMemoryExecutionRepository>,
    is_cut: Arc<AtomicBool>,
}

/// An engine whose caller gets into trouble at its n-th change from now.
struct Troubled {
    inner: Arc<dyn Engine>,
    armed: Mutex<Option<(usize, Trouble)>>,
    is_struck: AtomicBool,
    /// Changes that have come to their end.
    done: AtomicUsize,
    is_cut: Arc<AtomicBool>,
    /// Lets calls that are late reach the engine.
    released: watch::Sender<bool>,
    late: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

/// A server, which dies when it is dropped.
struct Server {
    orchestrator: Arc<Orchestrator>,
    tenure: Arc<Tenure>,
    engine: Arc<Troubled>,
    spawner: Arc<TokioSpawner>,
    work: [AbortOnDropHandle<()>; 2],
}

// === impl Reach ===

impl Reach {
    fn check(&self) -> domain::Result<()> {
        let lost = || DomainError::Unavailable { dependency: "store", retry_after: Duration::from_secs(1), source: None };
        if self.is_cut.load(Ordering::SeqCst) { Err(lost()) } else { Ok(()) }
    }
}

#[async_trait]
impl LeaseRepository for Reach {
    async fn acquire(&self, name: &LeaseName, holder: &InstanceId, now: Timestamp, term: Duration) -> domain::Result<Acquisition> {
        self.check()?;
        self.inner.acquire(name, holder, now, term).await
    }
    async fn renew(&self, name: &LeaseName, fence: &Fence, now: Timestamp, term: Duration) -> domain::Result<Renewal> {
        self.check()?;
        self.inner.renew(name, fence, now, term).await
    }
    async fn release(&self, name: &LeaseName, fence: &Fence) -> domain::Result<()> {
        self.check()?;
        self.inner.release(name, fence).await
    }
    async fn find(&self, name: &LeaseName) -> domain::Result<Option<Lease>> {
        self.check()?;
        self.inner.find(name).await
    }
    async fn expired(&self, now: Timestamp, limit: u32) -> domain::Result<Vec<Lease>> {
        self.check()?;
        self.inner.expired(now, limit).await
    }
}

// === impl Troubled ===

impl Troubled {
    fn arm(&self, calls: usize, trouble: Trouble) {
        self.released.send_replace(false);
        *self.armed.lock().unwrap() = Some((calls, trouble));
    }

    fn due(&self) -> Option<Trouble> {
        let mut armed = self.armed.lock().unwrap();
        let (left, trouble) = armed.as_mut()?;
        *left -= 1;
        (*left == 0).then_some(*trouble).inspect(|_| *armed = None)
    }

    async fn change<T, F>(&self, call: impl FnOnce(Arc<dyn Engine>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let call = call(self.inner.clone());
        match self.due() {
            None => {
                let ended = call.await;
                self.done.fetch_add(1, Ordering::SeqCst);
                ended
            }
            Some(Trouble::Cut) => {
                self.is_cut.store(true, Ordering::SeqCst);
                self.is_struck.store(true, Ordering::SeqCst);
                call.await
            }
            Some(Trouble::Late) => {
                self.is_cut.store(true, Ordering::SeqCst);
                self.is_struck.store(true, Ordering::SeqCst);
                let mut released = self.released.subscribe();
                // As on a socket: whoever does not wait any longer does not take back what was sent.
                self.late.lock().unwrap().push(tokio::spawn(async move {
                    released.wait_for(|released| *released).await.unwrap();
                    let _nobody_waits = call.await;
                }));
                std::future::pending().await
            }
            Some(trouble) => {
                if trouble == Trouble::KilledAfter {
                    call.await?;
                }
                self.is_struck.store(true, Ordering::SeqCst);
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl Engine for Troubled {
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
        let network = network.clone();
        self.change(|engine| async move { engine.network(&network).await }).await
    }
    async fn volume(&self, volume: &VolumeOrder) -> Result<(), Error> {
        let volume = volume.clone();
        self.change(|engine| async move { engine.volume(&volume).await }).await
    }
    async fn create(&self, order: &Order) -> Result<String, Error> {
        let order = order.clone();
        self.change(|engine| async move { engine.create(&order).await }).await
    }
    async fn start(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.change(|engine| async move { engine.start(&id).await }).await
    }
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), Error> {
        let id = id.to_owned();
        self.change(|engine| async move { engine.stop(&id, grace).await }).await
    }
    async fn remove(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.change(|engine| async move { engine.remove(&id).await }).await
    }
    async fn serve(&self, id: &str, serving: bool) -> Result<(), Error> {
        let id = id.to_owned();
        self.change(|engine| async move { engine.serve(&id, serving).await }).await
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

// === impl Store ===

impl Store {
    fn new() -> Self {
        let clock = RuntimeClock::new();
        Store { repository: Arc::new(InMemoryPlatform::new(clock.clone())), leases: Arc::new(InMemoryExecutionRepository::new(clock)) }
    }

    async fn ask(&self, number: u64) {
        let revision = PlatformRevision {
            desired: desired(number),
            asked: Asked::Apply,
            author: user("ann"),
            created: Timestamp::from_millis(7),
            standing: Standing::UnderWay,
        };
        self.repository.add(&revision, None).await.unwrap();
    }

    async fn reached(&self, number: u64) -> bool {
        self.repository.reached().await.unwrap().is_some_and(|reached| reached.desired.revision == number)
    }
}

// === impl Server ===

impl Server {
    fn begin(store: &Store, engine: &Arc<dyn Engine>, scope: &str, name: String) -> Self {
        let (clock, spawner, is_cut) = (RuntimeClock::new(), Arc::new(TokioSpawner::current()), Arc::<AtomicBool>::default());
        let leases = Arc::new(Reach { inner: store.leases.clone(), is_cut: is_cut.clone() });
        let tenure = Arc::new(Tenure::of_job(PLATFORM_JOB, leases, clock.clone(), InstanceId::new(name)).lasting(TERM));
        let engine = Arc::new(Troubled {
            inner: engine.clone(),
            armed: Mutex::default(),
            is_struck: AtomicBool::default(),
            done: AtomicUsize::default(),
            is_cut,
            released: watch::Sender::new(false),
            late: Mutex::default(),
        });
        let config = Config { scope: scope.to_owned(), secrets: None, patience: quick(), corrects: true };
        let orchestrator = Orchestrator::new(config, engine.clone(), tenure.clone(), clock.clone());
        let platforms = Platforms::new(PlatformPorts {
            manifests: Arc::new(FakeManifests),
            platform: orchestrator.clone(),
            repository: store.repository.clone(),
            tenure: tenure.clone(),
            spawner: spawner.clone(),
            clock,
        });
        let watching = orchestrator.clone();
        let work = [
            AbortOnDropHandle::new(tokio::spawn(async move { platforms.manage_until(std::future::pending()).await })),
            AbortOnDropHandle::new(tokio::spawn(async move { watching.watch_over().await })),
        ];
        Server { orchestrator, tenure, engine, spawner, work }
    }

    fn kill(&self) {
        self.work.iter().for_each(AbortOnDropHandle::abort);
        self.spawner.abort();
    }

    fn epoch(&self) -> Option<u64> {
        self.tenure.fence().map(|fence| fence.token)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two replicas, of which none is that of another revision.
fn desired(number: u64) -> Desired {
    let manifest = format!(
        "name: shop\nservices:\n  - {{name: web, context: {{image: 'zona-orchestrator-test:1', command: [--say, 'r{number}'], \
         stop_grace: 1s}}, replicas: 2, update: {{min_available: 1}}}}\n"
    );
    Desired { revision: number, manifest: manifest.into(), notation: Notation::Yaml, ..Desired::default() }
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = tokio::time::Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Which of two servers has the lease.
async fn leader(servers: &[Server; 2]) -> usize {
    until("one of them has the lease", async || servers.iter().position(|server| server.epoch().is_some())).await
}

/// Has the one that acts get into trouble amid a rollout, again and again, and the other one bring it to its end.
async fn fail_over(engine: &Arc<dyn Engine>, scope: &str, failovers: u32) {
    let store = Store::new();
    let mut servers = [0, 1].map(|number| Server::begin(&store, engine, scope, format!("server-{number}")));
    store.ask(1).await;
    until("the first revision", async || store.reached(1).await.then_some(())).await;
    for round in 0..failovers {
        let (number, trouble) = (u64::from(round) + 2, TROUBLES[round as usize % TROUBLES.len()]);
        // Where the machine stalls, the lease may go over by itself: then it is the other one that is struck.
        servers.iter().for_each(|server| server.engine.arm(round as usize % 8 + 1, trouble));
        store.ask(number).await;
        let is_struck = |server: &Server| server.engine.is_struck.swap(false, Ordering::SeqCst);
        let acting = until("a rollout has as many changes", async || servers.iter().position(is_struck)).await;
        let next = 1 - acting;
        *servers[next].engine.armed.lock().unwrap() = None;
        let (before, done) = (servers[acting].epoch(), servers[next].engine.done.load(Ordering::SeqCst));
        let is_killed = matches!(trouble, Trouble::KilledBefore | Trouble::KilledAfter);
        if is_killed {
            servers[acting].kill();
        }
        let after = until("another one takes over", async || servers[next].epoch()).await;
        assert!(before.is_none_or(|before| before < after), "round {round}: {before:?}, {after}");
        // What was cut off may have come to its end before its lease had.
        let goes_on = async || {
            let has_begun = servers[next].engine.done.load(Ordering::SeqCst) > done;
            (has_begun || store.reached(number).await).then_some(())
        };
        until("the next one goes on", goes_on).await;
        servers[acting].engine.released.send_replace(true);
        until(&format!("round {round}, {trouble:?}"), async || store.reached(number).await.then_some(())).await;
        let late = std::mem::take(&mut *servers[acting].engine.late.lock().unwrap());
        for call in late {
            call.await.unwrap();
        }
        servers[acting].engine.is_cut.store(false, Ordering::SeqCst);
        if is_killed {
            servers[acting] = Server::begin(&store, engine, scope, format!("server-{acting}-{round}"));
        }
    }
    // Whoever looks on shows the same as the one that acts.
    for server in &servers {
        let shown = async || {
            let services = server.orchestrator.status(Some(&desired(u64::from(failovers) + 1))).await.ok()?;
            (services.len() == 1 && services[0].state == ServiceState::Running && services[0].replicas.len() == 2).then_some(())
        };
        until("it runs", shown).await;
    }
    let newest = store.repository.newest().await.unwrap().unwrap();
    assert!(matches!(newest.standing, Standing::Ended(Outcome::Reached, _)));
}

/// The engine's own log of an installation, from before anything happens.
struct EngineLog {
    child: Child,
    events: Arc<Mutex<Vec<Value>>>,
}

// === impl EngineLog ===

impl EngineLog {
    fn follow(scope: &str) -> Self {
        let label = format!("label=zona.ps.scope={scope}");
        let mut command = Command::new("docker");
        command.args(["events", "--since", "1s", "--filter", "type=container", "--filter", &label, "--format", "{{json .}}"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (output, events) = (child.stdout.take().unwrap(), Arc::<Mutex<Vec<Value>>>::default());
        let heard = events.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        EngineLog { child, events }
    }

    /// Everything up to the end of a container that is removed now.
    async fn up_to_the_end_of(&self, id: &str) -> Vec<Value> {
        let is_end = |event: &Value| event["Action"] == "destroy" && event["Actor"]["ID"] == id;
        until("the log comes to its end", async || self.events.lock().unwrap().iter().any(is_end).then_some(())).await;
        self.events.lock().unwrap().clone()
    }
}

impl Drop for EngineLog {
    fn drop(&mut self) {
        // It may have ended by itself, with its daemon.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// How often each action was done to each container, by what `key` says.
fn counted(events: &[Value], key: &str) -> BTreeMap<(String, String), usize> {
    let mut counted = BTreeMap::new();
    for event in events {
        let action = event["Action"].as_str().unwrap().to_owned();
        // Docker tells the signal beside it: the second one of a stop is the kill behind its grace.
        let signal = event["Actor"]["Attributes"]["signal"].as_str().map(|signal| format!(" {signal}")).unwrap_or_default();
        let whose = if key == "id" { &event["Actor"]["ID"] } else { &event["Actor"]["Attributes"][key] };
        *counted.entry((whose.as_str().unwrap().to_owned(), action + &signal)).or_default() += 1;
    }
    counted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_often_managers_fail_over_the_engine_is_told_nothing_twice() {
    image("1");
    let installation = Installation::new();
    let log = EngineLog::follow(&installation.scope);
    let failovers = repeat(10, 100);
    fail_over(&installation.engine, &installation.scope, failovers).await;

    let left = installation.engine.list().await.unwrap();
    assert_eq!(left.len(), 2, "{left:#?}");
    for instance in &left {
        installation.engine.remove(&instance.id).await.unwrap();
    }
    let events = log.up_to_the_end_of(&left[1].id).await;
    for ((id, action), count) in counted(&events, "id") {
        assert_eq!(count, 1, "{action} of {id}: {events:#?}");
    }
    let started: Vec<_> = counted(&events, "name").into_iter().filter(|((_, action), _)| action == "start").collect();
    assert_eq!(started.len(), 2 * (failovers as usize + 1), "two replicas of each revision");
    assert!(started.iter().all(|(_, count)| *count == 1), "{started:#?}");
    let created = events.iter().filter(|event| event["Action"] == "create");
    let epochs: Vec<u64> = created.map(|event| event["Actor"]["Attributes"]["zona.ps.epoch"].as_str().unwrap().parse().unwrap()).collect();
    assert!(epochs.is_sorted(), "whoever was followed by another one has created nothing more: {epochs:?}");
    assert!(epochs.iter().collect::<BTreeSet<_>>().len() > failovers as usize / 2, "{epochs:?}");
}

#[tokio::test(start_paused = true)]
async fn managers_fail_over_on_an_engine_in_memory_too() {
    let engine = InMemoryEngine::new();
    let failovers = repeat(40, 400);
    let shared: Arc<dyn Engine> = engine.clone();
    fail_over(&shared, "t", failovers).await;
    assert_eq!((engine.names().len(), engine.available("web")), (2, 2), "{:?}", engine.names());
}

#[tokio::test(start_paused = true)]
async fn whoever_has_no_lease_changes_nothing() {
    let (store, engine) = (Store::new(), InMemoryEngine::new());
    let shared: Arc<dyn Engine> = engine.clone();
    let mut servers = [0, 1].map(|number| Server::begin(&store, &shared, "t", format!("server-{number}")));
    let acting = leader(&servers).await;
    let idle = &servers[1 - acting];
    let refused = idle.orchestrator.apply(Arc::new(desired(1)), None).await;
    assert!(matches!(&refused, Err(DomainError::Unavailable { dependency: "engine", .. })), "{refused:?}");
    assert_eq!(engine.names().len(), 0);
    // A server that stops gives the lease up, and the other one has it long before its term is over.
    store.ask(1).await;
    until("the one that acts finds it", async || store.reached(1).await.then_some(())).await;
    let begun = tokio::time::Instant::now();
    servers[acting].tenure.release().await.unwrap();
    servers[acting] = Server::begin(&store, &shared, "t", "server-2".to_owned());
    leader(&servers).await;
    assert!(begun.elapsed() < TERM, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_has_let_go_makes_something_older_so_where_that_is_in_force_by_then() {
    let (store, engine) = (Store::new(), InMemoryEngine::new());
    let shared: Arc<dyn Engine> = engine.clone();
    let server = Server::begin(&store, &shared, "t", "server-0".to_owned());
    until("it has the lease", async || server.epoch()).await;
    let apply = |number| server.orchestrator.apply(Arc::new(desired(number)), None);
    assert_eq!(apply(2).await.unwrap(), Outcome::Reached);
    assert_eq!(apply(1).await.unwrap(), Outcome::Superseded, "revisions may come in another order");
    server.orchestrator.let_go();
    assert_eq!(apply(1).await.unwrap(), Outcome::Reached);
    assert_eq!(engine.available("web"), 2);
}
