//! A transaction, tried until it is stored, refused, or late. The driver's labels say whether it may be tried again.
//!
//! Reads and writes of a transaction are written as one expression that is evaluated anew for each attempt (see [`transact!`]): what it
//! answers is answered once it is committed by a majority and on disk.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use mongodb::options::{Acknowledgment, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use tokio::runtime::Handle;
use tokio::sync::{MutexGuard, OwnedSemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::audit::Doubt;
use crate::deadline::within;
use crate::error::{Error, Result, during};
use crate::feed;
use crate::news::Telling;
use crate::session::Session;
use crate::shared::Shared;
use crate::tasks;

/// Attempts of one transaction; the deadline mostly ends it before.
const MAX_ATTEMPTS: u32 = 60;
/// Rest before the second attempt, at most; twice as long before each further one.
const FIRST_REST: Duration = Duration::from_millis(2);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(100);
/// How long an abort is waited for, also beyond the deadline: one round trip.
const UNDOING: Duration = Duration::from_secs(1);

/// For so long it is asked what has become of a commit. The database remembers sessions, and so what they have committed, for half an hour:
/// whoever asks then is told that there is no such transaction, as of one that was undone. So it is asked for less, by more than an answer
/// takes and clocks differ.
const SETTLED_WITHIN: Duration = Duration::from_secs(25 * 60);

/// Runs `work` in a transaction: `transact!(store, "storing a thing", &tenant, |session| ...)`. `work` is an expression of a
/// [`Result`](crate::error::Result) in which `session` is a `&mut Session`; `?` ends it, and what it has done is undone. It is
/// evaluated once for each attempt, so it moves nothing from outside. A macro, as no closure that borrows can be asked for a future that
/// is `Send`. Transactions of one tenant wait for each other within a server; `work` begins no other one.
///
/// Where the deadline is over while it is committed, it is answered that it may be stored; what has become of it is settled behind that.
/// `transact!(certainly store, ...)` waits for that: the deadline is for what comes before the commit, and whoever hears that it failed may
/// do it again. `transact!(leases store, "storing a lease", |session| ...)` is of no tenant, and waits for none.
macro_rules! transact {
    (certainly $store:expr, $doing:expr, $tenant:expr, |$session:ident| $work:expr) => {
        $crate::transaction::attempt!($store, certainly, attempts($doing, $tenant), |$session| $work)
    };
    (leases $store:expr, $doing:expr, |$session:ident| $work:expr) => {
        $crate::transaction::attempt!($store, until_deadline, attempts_on_leases($doing), |$session| $work)
    };
    ($store:expr, $doing:expr, $tenant:expr, |$session:ident| $work:expr) => {
        $crate::transaction::attempt!($store, until_deadline, attempts($doing, $tenant), |$session| $work)
    };
}

/// See [`transact!`].
macro_rules! attempt {
    ($store:expr, $until:ident, $attempts:ident($($of:expr),+), |$session:ident| $work:expr) => {{
        let store = &*$store;
        async {
            let mut attempts = store.$attempts($($of),+).await?.$until();
            loop {
                let mut begun = attempts.begin().await?;
                let work = async {
                    let $session = &mut begun;
                    let done: $crate::error::Result<_> = $work;
                    done
                };
                let done = attempts.run(work).await;
                if let Some(done) = attempts.end(begun, done).await? {
                    break $crate::error::Result::<_>::Ok(done);
                }
            }
        }
        .await
    }};
}

/// Runs reads within the deadline: `read!(store, "reading a thing", |session| ...)`. As [`transact!`], once and without a transaction.
macro_rules! read {
    ($store:expr, $doing:expr, |$session:ident| $work:expr) => {{
        let store = &*$store;
        let work = async {
            let mut begun = store.session($doing).await?;
            let $session = &mut begun;
            let done: $crate::error::Result<_> = $work;
            done
        };
        store.within(work).await
    }};
}

pub(crate) use {attempt, read, transact};

/// The attempts of one transaction.
pub(crate) struct Attempts<'a> {
    shared: &'a Arc<Shared>,
    doing: &'static str,
    until: Instant,
    made: u32,
    /// A commit is waited for however long it takes.
    is_certain: bool,
    /// Held until it is dropped.
    turn: Option<MutexGuard<'a, ()>>,
}

// === impl Attempts ===

impl<'a> Attempts<'a> {
    pub(crate) async fn new(shared: &'a Arc<Shared>, doing: &'static str, turn: impl Future<Output = MutexGuard<'a, ()>>) -> Result<Self> {
        let until = Instant::now() + shared.deadline;
        let turn = timeout_at(until, turn).await.map_err(|_elapsed| Error::Deadline(shared.deadline))?;
        Ok(Attempts { shared, doing, until, made: 0, is_certain: false, turn: Some(turn) })
    }

    /// Those that the deadline ends, whatever may become of the last of them.
    pub(crate) fn until_deadline(self) -> Self {
        self
    }

    /// Those that end with what has become of the last of them.
    pub(crate) fn certainly(self) -> Self {
        Attempts { is_certain: true, ..self }
    }

    /// Begins the next attempt.
    pub(crate) async fn begin(&mut self) -> Result<Session> {
        if self.made == MAX_ATTEMPTS {
            return Err(Error::Contended { doing: self.doing, attempts: self.made });
        }
        self.made += 1;
        let mut inner = self.in_time(async { self.shared.client.start_session().await.map_err(during(self.doing)) }).await?;
        let write = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        let begin = inner
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(write)
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        begin.await.map_err(during(self.doing))?;
        Ok(Session::of_transaction(inner, Arc::clone(self.shared), self.doing))
    }

    /// Does the work of an attempt, in time.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.in_time(work).await
    }

    /// Commits, or undoes, an attempt. `None` where another one is to be made.
    pub(crate) async fn end<T>(&mut self, mut session: Session, done: Result<T>) -> Result<Option<T>> {
        let told = match &done {
            Ok(_) => self.in_time(feed::add(&mut session)).await,
            Err(_) => Ok(()),
        };
        let done = match told.and(done) {
            Ok(done) => done,
            Err(error) => {
                self.undo(&mut session).await;
                return self.again(error).await;
            }
        };
        // Nothing was committed yet; the end of the session undoes what was done.
        let Ok(doubt) = Arc::clone(&self.shared.doubts).try_acquire_owned() else { return Err(Error::Doubtful) };
        if Instant::now() >= self.until {
            return Err(Error::Deadline(self.shared.deadline));
        }
        // From now on until it is settled, also where whoever waits for it gives up before.
        let carried = if self.is_certain { Vec::new() } else { std::mem::take(&mut session.noted.intents) };
        let intents = (!carried.is_empty()).then(|| self.shared.appender.doubt(&carried));
        let settling = tasks::spawn(&Handle::current(), "settle a transaction", settle(session, self.doing, doubt, intents));
        match self.settled(settling).await {
            Ok(()) => Ok(Some(done)),
            Err(error) if error.is_undone() => self.again(error).await,
            Err(error) => Err(Error::Commit(Box::new(error))),
        }
    }

    /// Waits for what becomes of a commit, until the deadline or to its end. It goes on behind whoever waits no more, and others have their
    /// turn from the deadline on.
    async fn settled(&mut self, mut settling: JoinHandle<Result<()>>) -> Result<()> {
        let settled = match timeout_at(self.until, &mut settling).await {
            Ok(settled) => settled,
            Err(_elapsed) if self.is_certain => {
                drop(self.turn.take());
                settling.await
            }
            Err(_elapsed) => return Err(Error::Deadline(self.shared.deadline)),
        };
        settled.unwrap_or(Err(Error::Panicked))
    }

    /// Undoes what was done, so that the next attempt does not meet it. Where no time is left, the end of the session undoes it behind
    /// whoever waits, which it does only where nothing was begun here: the driver takes an abort for done once it is begun.
    async fn undo(&self, session: &mut Session) {
        if Instant::now() >= self.until {
            return;
        }
        let undone = within(UNDOING, async { session.inner.abort_transaction().await.map_err(during(self.doing)) }).await;
        if let Err(error) = undone {
            tracing::debug!(error = &error as &dyn std::error::Error, "a transaction was left to be undone by the database");
        }
    }

    async fn again<T>(&self, error: Error) -> Result<Option<T>> {
        if !error.is_transient() {
            return Err(error);
        }
        let longest = FIRST_REST.saturating_mul(1 << self.made.min(10)).min(LONGEST_REST);
        // Writers that met rest for different times.
        let share = u32::try_from(RandomState::new().hash_one(self.made) % 1_000).expect("a remainder is below its divisor");
        self.in_time(async {
            sleep(longest * share / 1_000).await;
            Ok(())
        })
        .await?;
        Ok(None)
    }

    /// Work for which no time is left is not begun: given up in the middle, nobody would know what has become of it.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        if Instant::now() >= self.until {
            return Err(Error::Deadline(self.shared.deadline));
        }
        timeout_at(self.until, work).await.unwrap_or(Err(Error::Deadline(self.shared.deadline)))
    }
}

/// Commits what a session has done, tells of it, and answers what has become of it. A commit may be repeated, and is done once: so where the
/// database does not say, it is asked again, on another connection.
async fn settle(mut session: Session, doing: &'static str, _doubt: OwnedSemaphorePermit, _intents: Option<Doubt>) -> Result<()> {
    let (until, deadline) = (Instant::now() + SETTLED_WITHIN, session.shared.deadline);
    let telling = Telling::new(&session.shared.hearers, std::mem::take(&mut session.noted));
    let mut rest = FIRST_REST;
    let settled = loop {
        match within(deadline, async { session.inner.commit_transaction().await.map_err(during(doing)) }).await {
            Err(error) if !error.is_undone() && error.is_unavailability() && Instant::now() < until => sleep(rest).await,
            settled => break settled,
        }
        rest = rest.saturating_mul(2).min(LONGEST_REST);
    };
    match &settled {
        Ok(()) => telling.now().await,
        Err(error) if error.is_undone() => telling.never(),
        // It may be stored, and is told of in any case.
        Err(_) => drop(telling),
    }
    settled
}
