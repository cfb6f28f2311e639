//! The one thread that writes. Writes that wait are applied in one transaction, each in a savepoint of its own so that one
//! failure does not spoil the others, and are answered after one flush to disk. Under light load it waits for nobody, and a write is alone
//! in its group. Groups grow as the disk falls behind, and where many write at once, for whom it waits a little.
//!
//! What nobody waits for, an outcome behind its answer, waits for other writes and shares their commit; it begins one by itself only where
//! none comes in a moment.
//!
//! Audit records come with nearly every call, so those of a group share one savepoint, too, and advance each log once.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use domain::audit::Entry;
use futures_util::FutureExt as _;
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::added::Added;
use crate::audit;
use crate::directory::DataDirectory;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

/// Writes that may wait; beyond it callers wait for room, until their deadline.
const MAX_WAITING: usize = 1_024;
/// Writes that are taken at once, beside those that wait for company: bounds the size of a commit, and so how long the first of them waits.
const GROUP: usize = 256;

/// How long a write that nobody waits for waits for others. A server with much to do has one by then; one with little can afford the commit.
const COMPANY: Duration = Duration::from_millis(10);

/// Writes in a group from which on more are expected soon: whoever was answered together comes back together.
const CROWD: usize = 4;
/// How long a smaller group than the one before waits for the rest of a crowd. On a fast disk a commit costs more of the processor than it
/// takes of time, and so many of them more than this.
const GATHER: Duration = Duration::from_micros(200);
/// A commit that takes as long has gathered enough by itself.
const SLOW: Duration = Duration::from_millis(1);

/// Hands writes to the thread.
pub(crate) struct Writer {
    sender: Mutex<Option<mpsc::Sender<Waiting>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// How many answers wait until somebody was told.
    being_told: Arc<watch::Sender<usize>>,
}

impl Writer {
    /// Starts the thread. It keeps the directory until its last write is answered and its connection closed. What a write has
    /// done with the `vault` is forgotten wherever it is taken back, and what was `added` is told behind each commit.
    pub(crate) fn start(connection: Connection, directory: DataDirectory, vault: Arc<Vault>, added: Added) -> Result<Self> {
        let (sender, waiting) = mpsc::channel(MAX_WAITING);
        let body = move || {
            serve(&connection, waiting, (&vault, &added), &mut Passing);
            drop(connection);
            drop(directory);
        };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(body).map_err(Error::Thread)?;
        Ok(Writer { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), being_told: Arc::default() })
    }

    /// Applies `work` whole or not at all. Returns once it is on disk. Dropping the future before the thread has begun with it
    /// takes the write back.
    ///
    /// `telling` runs, in a task of the caller's runtime, once the write is on disk or refused for good, and the answer waits for
    /// its end. It runs also when nobody waits for the answer any more; never for a write that was taken back.
    pub(crate) async fn write<T, F>(&self, work: F, telling: Option<Telling>) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        let telling = telling.map(|telling| Teller { telling, runtime: Handle::current(), being_told: Arc::clone(&self.being_told) });
        let write = Pending { work: Some(work), outcome: None, telling, reply };
        sender.send(Waiting::Alone(Box::new(write))).await.map_err(|_closed| Error::Closed)?;
        drop(sender);
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// As [`Writer::write`], for a write that nobody waits for: it shares the commit of those that come within a moment.
    pub(crate) async fn write_behind<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        let (reply, mut answer) = oneshot::channel();
        let write = Pending { work: Some(work), outcome: None, telling: None, reply };
        sender.send(Waiting::Behind(Box::new(write))).await.map_err(|_closed| Error::Closed)?;
        if let Ok(answered) = timeout(COMPANY, &mut answer).await {
            return answered.unwrap_or(Err(Error::Closed));
        }
        sender.send(Waiting::Nudge).await.map_err(|_closed| Error::Closed)?;
        drop(sender);
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Adds records to audit logs, all or none of them, before what else is in their group. Otherwise as [`Writer::write`].
    ///
    /// What the thread has not begun with within the time is taken back. What it has begun with is answered with what becomes of it,
    /// however long that takes: whoever offers again what was refused must not record it twice.
    pub(crate) async fn append(&self, entries: Vec<Entry>, within: Duration) -> Result<()> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        let ((reply, mut answer), claim) = (oneshot::channel(), Claim::default());
        let records = Records { entries, outcome: None, claim: claim.clone(), reply };
        let answered = timeout(within, async {
            sender.send(Waiting::Records(records)).await.map_err(|_closed| Error::Closed)?;
            drop(sender);
            (&mut answer).await.unwrap_or(Err(Error::Closed))
        })
        .await;
        match answered {
            Ok(answered) => answered,
            Err(_elapsed) if claim.take() => Err(Error::Deadline(within)),
            Err(_elapsed) => answer.await.unwrap_or(Err(Error::Closed)),
        }
    }

    /// Returns once everybody was told of what is decided so far.
    pub(crate) async fn all_told(&self) {
        let told = self.being_told.subscribe().wait_for(|count| *count == 0).await.map(drop);
        told.expect("the sender is this writer's own");
    }

    /// Takes no more writes; those that wait are still applied. Returns the thread to wait for, once.
    pub(crate) fn close(&self) -> Option<JoinHandle<()>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tells somebody that a write was decided.
pub(crate) type Telling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs a telling outside of the thread that writes, which waits for nobody.
struct Teller {
    telling: Telling,
    runtime: Handle,
    being_told: Arc<watch::Sender<usize>>,
}

impl Teller {
    /// Calls `then` once somebody was told, also where the telling panicked: the write is decided, whoever has heard of it.
    fn run(self, then: impl FnOnce() + Send + 'static) {
        let Teller { telling, runtime, being_told } = self;
        being_told.send_modify(|count| *count += 1);
        let counted = Counted(being_told);
        let told = async move {
            if AssertUnwindSafe(telling).catch_unwind().await.is_err() {
                tracing::error!("a listener panicked and may not know of a change that is stored");
            }
            then();
            drop(counted);
        };
        runtime.spawn(told.instrument(tracing::info_span!("task", task = "tell of a change")));
    }
}

/// One answer that waits; also a task that is dropped with its runtime ends the wait.
struct Counted(Arc<watch::Sender<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// What waits for its group.
enum Waiting {
    Alone(Box<dyn Write>),
    Records(Records),
    /// A write that begins no commit.
    Behind(Box<dyn Write>),
    /// Begins a commit with what waits for one.
    Nudge,
}

/// Records for audit logs.
struct Records {
    entries: Vec<Entry>,
    outcome: Option<Result<()>>,
    claim: Claim,
    reply: oneshot::Sender<Result<()>>,
}

/// Who decides about records: the thread, once it has begun with them, or whoever takes them back before.
#[derive(Clone, Default)]
struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Says whether nobody else has.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl Waiting {
    /// Says whether somebody still wants it; then it is not taken back any more.
    fn begin(&self) -> bool {
        match self {
            Waiting::Alone(write) | Waiting::Behind(write) => !write.is_abandoned(),
            Waiting::Records(records) => !records.reply.is_closed() && records.claim.take(),
            Waiting::Nudge => false,
        }
    }

    fn answer(self, failure: Option<&Arc<Error>>) {
        match self {
            Waiting::Alone(write) | Waiting::Behind(write) => write.answer(failure),
            Waiting::Nudge => {}
            Waiting::Records(Records { outcome, reply, .. }) => {
                // Nobody listens after a deadline.
                let _ = reply.send(answered(outcome, failure));
            }
        }
    }
}

/// One write, whatever it answers.
trait Write: Send {
    /// Nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Runs it and keeps what it answers; says whether it succeeded.
    fn apply(&mut self, connection: &Connection) -> bool;
    /// Answers: with the failure of its group, or with what it kept.
    fn answer(self: Box<Self>, failure: Option<&Arc<Error>>);
}

struct Pending<T, F> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    telling: Option<Teller>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Write for Pending<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn apply(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let outcome = unless_panicked(|| work(connection));
        let succeeded = outcome.is_ok();
        self.outcome = Some(outcome);
        succeeded
    }

    fn answer(self: Box<Self>, failure: Option<&Arc<Error>>) {
        let answer = answered(self.outcome, failure);
        let reply = self.reply;
        let send = move || {
            // Nobody listens after a deadline.
            let _ = reply.send(answer);
        };
        match self.telling {
            Some(teller) => teller.run(send),
            None => send(),
        }
    }
}

fn answered<T>(outcome: Option<Result<T>>, failure: Option<&Arc<Error>>) -> Result<T> {
    match (failure, outcome) {
        // What failed by itself says more than the group's failure.
        (_, Some(Err(own))) => Err(own),
        (Some(failure), _) => Err(Error::Group(failure.clone())),
        (None, Some(Ok(value))) => Ok(value),
        (None, None) => Err(Error::Closed),
    }
}

/// How time passes for the thread.
trait Pace {
    fn now(&mut self) -> Instant;
    /// Waits so long for others.
    fn pause(&mut self, long: Duration);
}

/// As it does.
struct Passing;

impl Pace for Passing {
    fn now(&mut self) -> Instant {
        Instant::now()
    }

    fn pause(&mut self, long: Duration) {
        thread::sleep(long);
    }
}

fn serve(connection: &Connection, mut waiting: mpsc::Receiver<Waiting>, (vault, added): (&Vault, &Added), pace: &mut impl Pace) {
    let mut group = Vec::with_capacity(GROUP);
    let mut before = Before::default();
    while waiting.blocking_recv_many(&mut group, GROUP) > 0 {
        if group.len() < GROUP && group.iter().all(|write| matches!(write, Waiting::Behind(_))) {
            continue;
        }
        if before.expects_more_than(group.len()) {
            pace.pause(GATHER);
            while group.len() < GROUP
                && let Ok(write) = waiting.try_recv()
            {
                group.push(write);
            }
        }
        let (writes, begun) = (group.len(), pace.now());
        store(connection, &mut group, vault, added);
        before = Before { writes, took: pace.now().duration_since(begun) };
    }
    store(connection, &mut group, vault, added);
    if let Err(error) = settle(connection) {
        tracing::warn!(error = %Chain(&error), "the store closed without merging its log");
    }
}

/// The group before.
#[derive(Default)]
struct Before {
    writes: usize,
    took: Duration,
}

impl Before {
    /// Whether it was one of a crowd, of which these are not all.
    fn expects_more_than(&self, writes: usize) -> bool {
        self.writes >= CROWD && writes < self.writes && self.took < SLOW
    }
}

/// Stores a group and answers all of it.
fn store(connection: &Connection, group: &mut Vec<Waiting>, vault: &Vault, added: &Added) {
    group.retain(Waiting::begin);
    if group.is_empty() {
        return;
    }
    let failure = commit(connection, group, vault).err().map(Arc::new);
    added.tell();
    if let Some(failure) = &failure {
        tracing::error!(error = %Chain(failure), writes = group.len(), "a group of writes failed");
    }
    for write in group.drain(..) {
        write.answer(failure.as_ref());
    }
}

fn commit(connection: &Connection, group: &mut [Waiting], vault: &Vault) -> Result<()> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let committed = apply_all(connection, group, vault).and_then(|stores| execute(connection, if stores { "COMMIT" } else { "ROLLBACK" }));
    if committed.is_err() && !connection.is_autocommit() {
        // The first failure is what callers are told; a rollback that fails too leaves nothing to add.
        let _ = connection.execute_batch("ROLLBACK");
    }
    if committed.is_err() {
        vault.forget();
    }
    committed
}

/// Says whether there is anything to store.
fn apply_all(connection: &Connection, group: &mut [Waiting], vault: &Vault) -> Result<bool> {
    let (mut records, mut alone) = (Vec::new(), Vec::new());
    for waiting in group {
        match waiting {
            Waiting::Records(some) => records.push(some),
            Waiting::Alone(write) | Waiting::Behind(write) => alone.push(write),
            Waiting::Nudge => {}
        }
    }
    match (records.as_mut_slice(), alone.as_mut_slice()) {
        // A transaction of one write is whole by itself: a savepoint would only have every page copied that is changed.
        ([], [write]) => Ok(write.apply(connection) || forget(vault)),
        ([record], []) => Ok(add(connection, record, vault) || forget(vault)),
        _ => {
            add_together(connection, &mut records, vault)?;
            alone.into_iter().try_for_each(|write| whole(connection, vault, || write.apply(connection)))?;
            Ok(true)
        }
    }
}

/// Adds all in one savepoint; where one of them is refused, each in its own.
fn add_together(connection: &Connection, records: &mut [&mut Records], vault: &Vault) -> Result<()> {
    if records.len() > 1 {
        let mut added = Ok(());
        let together = records.iter().flat_map(|some| &some.entries);
        whole(connection, vault, || {
            added = unless_panicked(|| audit::add_all(connection, vault, together));
            added.is_ok()
        })?;
        if added.is_ok() {
            records.iter_mut().for_each(|some| some.outcome = Some(Ok(())));
            return Ok(());
        }
    }
    records.iter_mut().try_for_each(|some| whole(connection, vault, || add(connection, some, vault)))
}

/// Adds some records and keeps what became of that; says whether it succeeded.
fn add(connection: &Connection, some: &mut Records, vault: &Vault) -> bool {
    let added = unless_panicked(|| audit::add_all(connection, vault, some.entries.iter()));
    let succeeded = added.is_ok();
    some.outcome = Some(added);
    succeeded
}

/// Nothing of a write that is taken back stays in memory, either.
fn forget(vault: &Vault) -> bool {
    vault.forget();
    false
}

/// A panic must not end the thread that all others depend on; the savepoint takes back what was half done.
fn unless_panicked<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Panicked))
}

/// Applies one write whole or not at all; `write` says whether it succeeded.
fn whole(connection: &Connection, vault: &Vault, write: impl FnOnce() -> bool) -> Result<()> {
    execute(connection, "SAVEPOINT one_write")?;
    if write() {
        return execute(connection, "RELEASE one_write");
    }
    vault.forget();
    // A full disk or a failing device ends the whole transaction, and the others' writes with it.
    execute(connection, "ROLLBACK TO one_write")?;
    execute(connection, "RELEASE one_write")
}

fn execute(connection: &Connection, sql: &'static str) -> Result<()> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run(sql).map(drop).map_err(during("committing"))
}

/// Merges the log into the database, so that a closed store is one file.
fn settle(connection: &Connection) -> Result<()> {
    let merge = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()));
    merge.map_err(during("merging the log"))
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
