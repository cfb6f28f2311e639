//! The pool: the ledger's decisions, carried out. It hands out children and starts, forks and destroys sandboxes.
//!
//! It deliberately knows neither programs nor backends' details.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use domain::name::TenantId;
use domain::sandbox::{Error, Job};
use sandbox_protocol::control::Left;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::config::{Config, RuntimeKey};
use crate::failure::{RETRY_AFTER, StartFailure};
use crate::instance::Instance;
use crate::live::{Child, Doubt, Home, LiveSandbox, ProgramKey};
use crate::memory;
use crate::tasks::Tasks;

mod group;
mod ledger;
mod life;
mod remains;
#[cfg(test)]
mod tests;

pub(crate) use group::{Envelope, SandboxGroup, whole_seconds};
pub use ledger::StockReason;
use ledger::{Acquired, Census, Ended, Full, Ledger, Memory, SandboxId, Step, Target, WaiterId};
use life::Orders;
use remains::Remains;

/// How long the failure of the last start answers for the next one.
const FAILURE_MEMORY: Duration = Duration::from_secs(2);
/// How often the host is asked how much memory is left.
const MEMORY_PERIOD: Duration = Duration::from_secs(1);
/// What one more sandbox with its ready children takes: measured at 31 MiB, and more while it starts.
const SANDBOX_MEMORY: u64 = 48 * 1024 * 1024;

/// The pool. Shared by the service, the sandboxes' tasks and the leases.
pub(crate) struct Pool {
    pub(crate) config: Config,
    pub(crate) instance: Instance,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) counters: Counters,
    /// Every task that owns something outside this process.
    pub(crate) tasks: Tasks,
    books: Mutex<Books>,
    remains: Mutex<Remains>,
    /// Why children cannot be put back on a runtime here, once one sandbox has tried.
    unable: Mutex<HashMap<RuntimeKey, String>>,
    wake: Notify,
    closed: CancellationToken,
}

struct Books {
    ledger: Ledger<Child>,
    waiting: HashMap<WaiterId, oneshot::Sender<Result<ChildLease, StartFailure>>>,
    sandboxes: HashMap<SandboxId, Sandbox>,
    last_failures: HashMap<RuntimeKey, (Instant, StartFailure)>,
}

struct Sandbox {
    close: CancellationToken,
    /// Among how many sandboxes of its tenant the processor's share is divided.
    among: watch::Sender<usize>,
    live: Option<Arc<LiveSandbox>>,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) started: AtomicU64,
    pub(crate) start_failures: AtomicU64,
    pub(crate) start_micros: AtomicU64,
    pub(crate) destroyed: AtomicU64,
    pub(crate) forks: AtomicU64,
    pub(crate) executions: AtomicU64,
    pub(crate) restored: AtomicU64,
    /// Children that were not put back, by what kept them from it.
    pub(crate) left: [AtomicU64; remains::KINDS],
    /// Children that were put back and ended all the same, by [`Doubt`].
    pub(crate) unread: AtomicU64,
    pub(crate) unsound: AtomicU64,
    pub(crate) anomalies: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) wait_micros: AtomicU64,
}

/// A child taken for one program. Dropping it kills the child.
#[derive(Debug)]
pub(crate) struct ChildLease(Option<Child>);

// === impl Pool ===

impl Pool {
    pub(crate) fn new(config: Config, instance: Instance, backend: Arc<dyn Backend>) -> Arc<Self> {
        let books = Books {
            ledger: Ledger::new(config.pool.clone(), Instant::now()),
            waiting: HashMap::new(),
            sandboxes: HashMap::new(),
            last_failures: HashMap::new(),
        };
        Arc::new(Pool {
            config,
            instance,
            backend,
            counters: Counters::default(),
            tasks: Tasks::default(),
            books: Mutex::new(books),
            remains: Mutex::default(),
            unable: Mutex::default(),
            wake: Notify::new(),
            closed: CancellationToken::new(),
        })
    }

    /// Keeps the pool in order until it is closed: the task `sandbox-keeper`.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut looked: Option<Instant> = None;
        while !self.closed.is_cancelled() {
            if looked.is_none_or(|at| at.elapsed() >= MEMORY_PERIOD) {
                looked = Some(Instant::now());
                let left = self.memory_left();
                self.with(|ledger, steps| ledger.memory(left, Instant::now(), steps));
            }
            let pause = self.with(|ledger, steps| {
                ledger.tick(Instant::now(), steps);
                ledger.next_tick()
            });
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
                () = self.closed.cancelled() => {}
            }
        }
    }

    /// What a program is remembered by, and the group that it runs in. A probe runs where it is sent, whatever others of its kind have left.
    pub(crate) fn place_of(&self, job: &Job, runtime: RuntimeKey, probe: bool) -> (ProgramKey, SandboxGroup) {
        let is_possible = self.config.pool.restore && self.cannot_restore(runtime).is_none();
        let mut remains = self.remains();
        let program = remains.key(job);
        let fresh = job.fresh || !is_possible || (!probe && remains.gets_fresh(program));
        (program, SandboxGroup::of(runtime, job.isolation, &job.limits, fresh))
    }

    fn remains(&self) -> MutexGuard<'_, Remains> {
        self.remains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A child was put back after a program.
    fn put_back(&self, program: Option<ProgramKey>) {
        self.counters.restored.fetch_add(1, Relaxed);
        if let Some(program) = program {
            self.remains().put_back(program);
        }
    }

    /// A child was not put back after a program.
    fn left_behind(&self, program: Option<ProgramKey>, left: Left) {
        self.counters.left[remains::index(left)].fetch_add(1, Relaxed);
        if let Some(program) = program {
            self.remains().note(program, left);
        }
    }

    /// Whether the children of a group are put back here, as far as is known.
    fn restores(&self, group: SandboxGroup) -> bool {
        group.restored && self.cannot_restore(group.runtime).is_none()
    }

    /// No sandbox of the runtime tries again, or of any where it is the host that cannot. This one starts anew.
    fn forgo_restoring(self: &Arc<Self>, id: SandboxId, group: SandboxGroup, why: &str, of_host: bool) {
        let runtimes = if of_host { self.config.runtime_keys().collect() } else { vec![group.runtime] };
        let mut unable = self.unable();
        let is_new = !unable.contains_key(&group.runtime);
        for &runtime in &runtimes {
            unable.entry(runtime).or_insert_with(|| why.to_owned());
        }
        drop(unable);
        if is_new && of_host {
            tracing::warn!(why, "processes cannot be put back after their programs on this host: each runs one");
        } else if is_new {
            let runtime = self.config.runtime_name(group.runtime);
            tracing::warn!(runtime, why, "processes of this runtime cannot be put back after their programs here: each runs one");
        }
        self.with(|ledger, steps| runtimes.into_iter().for_each(|runtime| ledger.forgo_restoring(id, runtime, Instant::now(), steps)));
    }

    /// A sandbox has failed before it had a child, and starts again. Its old self is told nothing more.
    fn starts_again(self: &Arc<Self>, id: SandboxId) {
        let mut books = self.books();
        if let Some(sandbox) = books.sandboxes.get_mut(&id) {
            sandbox.live = None;
        }
        books.ledger.starts_again(id);
    }

    /// Why children cannot be put back on a runtime here, once that is known.
    pub(crate) fn cannot_restore(&self, runtime: RuntimeKey) -> Option<String> {
        self.unable().get(&runtime).cloned()
    }

    fn unable(&self) -> MutexGuard<'_, HashMap<RuntimeKey, String>> {
        self.unable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A program of a tenant's, and no probe of ours, is about to ask for a child of this group.
    pub(crate) fn asked(self: &Arc<Self>, group: SandboxGroup) {
        self.books().ledger.asked(group, Instant::now());
    }

    /// A child of a sandbox of the tenant.
    pub(crate) async fn acquire(self: &Arc<Self>, tenant: &TenantId, group: SandboxGroup) -> Result<ChildLease, Error> {
        if self.closed.is_cancelled() {
            return Err(StartFailure::ShuttingDown.into());
        }
        let (sender, receiver) = oneshot::channel();
        let acquired = self.ask(tenant, group, sender);
        match acquired {
            Ok(Acquired::Child(_, child)) => Ok(ChildLease(Some(child))),
            Ok(Acquired::Wait(waiter)) => self.wait(waiter, receiver).await,
            Err(Full) => Err(Error::Busy { retry_after: RETRY_AFTER }),
        }
    }

    fn ask(
        self: &Arc<Self>,
        tenant: &TenantId,
        group: SandboxGroup,
        sender: oneshot::Sender<Result<ChildLease, StartFailure>>,
    ) -> Result<Acquired<Child>, Full> {
        let mut books = self.books();
        let mut steps = Vec::new();
        let acquired = books.ledger.acquire(tenant, group, Instant::now(), &mut steps);
        if let Ok(Acquired::Wait(waiter)) = &acquired {
            books.waiting.insert(*waiter, sender);
        }
        self.perform(&mut books, steps);
        acquired
    }

    async fn wait(
        self: &Arc<Self>,
        waiter: WaiterId,
        receiver: oneshot::Receiver<Result<ChildLease, StartFailure>>,
    ) -> Result<ChildLease, Error> {
        self.wake.notify_one();
        let place = Place { pool: self.clone(), waiter };
        let since = Instant::now();
        let answer = tokio::time::timeout(self.config.pool.max_wait, receiver).await;
        drop(place);
        self.counters.waits.fetch_add(1, Relaxed);
        self.counters.wait_micros.fetch_add(micros(since.elapsed()), Relaxed);
        match answer {
            Ok(Ok(Ok(lease))) => Ok(lease),
            Ok(Ok(Err(failure))) => Err(failure.into()),
            Ok(Err(_pool_gone)) => Err(StartFailure::ShuttingDown.into()),
            Err(_elapsed) => Err(Error::Busy { retry_after: RETRY_AFTER }),
        }
    }

    /// What the last start on a runtime failed with, where no sandbox of it is live and the failure is recent.
    pub(crate) fn known_failure(&self, runtime: RuntimeKey) -> Option<StartFailure> {
        let books = self.books();
        let (at, failure) = books.last_failures.get(&runtime)?;
        (at.elapsed() < FAILURE_MEMORY && !books.ledger.has_live(runtime)).then(|| failure.clone())
    }

    /// How many sandboxes should wait for a tenant now, and why as many.
    pub(crate) fn stock_target(&self) -> Target {
        let books = self.books();
        books.ledger.target(books.ledger.warm(), Instant::now())
    }

    fn memory_left(&self) -> Memory {
        match memory::available().map(|bytes| bytes.checked_sub(self.config.pool.memory_reserve)) {
            None => Memory::Unknown,
            Some(None) => Memory::Short,
            Some(Some(left)) => Memory::Fits(usize::try_from(left / SANDBOX_MEMORY).unwrap_or(usize::MAX)),
        }
    }

    pub(crate) fn census(&self) -> Census {
        self.books().ledger.census()
    }

    /// A tenant's sandboxes take no further program, and go once nothing runs in them.
    pub(crate) fn release(self: &Arc<Self>, tenant: &TenantId) {
        self.with(|ledger, steps| ledger.release(tenant, steps));
    }

    /// Completes when the pool is closed.
    pub(crate) fn until_closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Returns when the pool is closed.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Ends everything and waits, at most so long, until it is gone.
    pub(crate) async fn close(self: &Arc<Self>, deadline: Duration) {
        self.closed.cancel();
        self.with(|ledger, steps| ledger.close(steps));
        if tokio::time::timeout(deadline, self.tasks.ended()).await.is_err() {
            tracing::warn!("some sandboxes outlive the shutdown; the next start sweeps them");
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(self: &Arc<Self>, change: impl FnOnce(&mut Ledger<Child>, &mut Vec<Step<Child>>) -> T) -> T {
        let mut books = self.books();
        let mut steps = Vec::new();
        let answer = change(&mut books.ledger, &mut steps);
        self.perform(&mut books, steps);
        answer
    }

    /// Carries out the ledger's decisions. Nothing here waits, or takes the books again.
    fn perform(self: &Arc<Self>, books: &mut Books, steps: Vec<Step<Child>>) {
        for step in steps {
            match step {
                Step::Start(id, group) => {
                    let close = CancellationToken::new();
                    let (among, shared) = watch::channel(1);
                    books.sandboxes.insert(id, Sandbox { close: close.clone(), among, live: None });
                    self.tasks.spawn("sandbox", life::run(self.clone(), id, group, Orders { close, among: shared }));
                }
                Step::Fork(id, count) => {
                    if let Some(live) = books.sandboxes.get(&id).and_then(|sandbox| sandbox.live.as_ref()) {
                        (0..count).for_each(|_| live.fork());
                    }
                    self.counters.forks.fetch_add(count as u64, Relaxed);
                }
                Step::Destroy(id) => {
                    if let Some(sandbox) = books.sandboxes.get(&id) {
                        sandbox.close.cancel();
                    }
                }
                Step::Share(id, among) => {
                    if let Some(sandbox) = books.sandboxes.get(&id) {
                        sandbox.among.send_replace(among);
                    }
                }
                Step::Grant(waiter, _, child) => {
                    if let Some(sender) = books.waiting.remove(&waiter) {
                        // A caller that no longer waits drops the lease, which kills the child.
                        let _gone = sender.send(Ok(ChildLease(Some(child))));
                    } else {
                        drop(ChildLease(Some(child)));
                    }
                }
                Step::Reject(waiter, failure) => {
                    if let Some(sender) = books.waiting.remove(&waiter) {
                        let _gone = sender.send(Err(failure));
                    }
                }
                Step::End(child) => drop(ChildLease(Some(child))),
            }
        }
    }
}

// --- what the sandboxes' tasks report ---

impl Pool {
    /// A sandbox can fork. `false` where it puts children back, and its programs are to get fresh ones since it began.
    fn started(self: &Arc<Self>, id: SandboxId, live: Arc<LiveSandbox>) -> bool {
        let mut books = self.books();
        if live.restores() && books.ledger.has_fresh_children(id) {
            return false;
        }
        if let Some(runtime) = books.ledger.runtime_of(id) {
            books.last_failures.remove(&runtime);
        }
        if let Some(sandbox) = books.sandboxes.get_mut(&id) {
            sandbox.live = Some(live);
        }
        let mut steps = Vec::new();
        books.ledger.started(id, Instant::now(), &mut steps);
        self.perform(&mut books, steps);
        true
    }

    fn child_ready(self: &Arc<Self>, id: SandboxId, child: Child) {
        self.with(|ledger, steps| ledger.ready(id, child.round.child, child, Instant::now(), steps));
    }

    /// A child was put back and waits. One that has ended meanwhile is counted where its end is reported.
    fn take_back(self: &Arc<Self>, id: SandboxId, child: Child) {
        self.with(|ledger, steps| {
            if child.live.waits(child.round) {
                ledger.again(id, child.round.child, child, Instant::now(), steps);
            }
        });
    }

    fn child_ended(self: &Arc<Self>, id: SandboxId, child: u64) -> Option<Ended> {
        self.with(|ledger, steps| ledger.ended(id, child, Instant::now(), steps))
    }

    fn retire(self: &Arc<Self>, id: SandboxId) {
        self.with(|ledger, steps| ledger.retire(id, steps));
    }

    fn gone(self: &Arc<Self>, id: SandboxId, failure: Option<StartFailure>) {
        let mut books = self.books();
        books.sandboxes.remove(&id);
        if let (Some(failure), Some(runtime)) = (&failure, books.ledger.runtime_of(id)) {
            books.last_failures.insert(runtime, (Instant::now(), failure.clone()));
        }
        let mut steps = Vec::new();
        books.ledger.gone(id, failure.as_ref(), Instant::now(), &mut steps);
        self.perform(&mut books, steps);
    }
}

/// The pool, as the children of one of its sandboxes know it.
#[derive(Debug)]
struct Shelf {
    pool: Weak<Pool>,
    sandbox: SandboxId,
}

impl Home for Shelf {
    fn take_back(&self, child: Child) {
        match self.pool.upgrade() {
            Some(pool) => pool.take_back(self.sandbox, child),
            None => drop(ChildLease(Some(child))),
        }
    }

    fn lose(&self, why: Doubt) {
        if let Some(pool) = self.pool.upgrade() {
            let counter = match why {
                Doubt::Unread => &pool.counters.unread,
                Doubt::Unsound => &pool.counters.unsound,
            };
            counter.fetch_add(1, Relaxed);
        }
    }
}

/// A place in the line, given up when dropped.
struct Place {
    pool: Arc<Pool>,
    waiter: WaiterId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut books = self.pool.books();
        books.ledger.forget(self.waiter);
        books.waiting.remove(&self.waiter);
    }
}

// === impl ChildLease ===

impl ChildLease {
    /// Takes the child; its user answers for its end from now on.
    pub(crate) fn into_child(mut self) -> Child {
        self.0.take().expect("a lease holds its child until it is taken")
    }
}

impl Drop for ChildLease {
    fn drop(&mut self) {
        if let Some(child) = &self.0 {
            child.live.kill(child.round);
        }
    }
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
