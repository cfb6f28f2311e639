//! The one task that takes an execution from its place in the queue to its stored end.
//!
//! Output goes to the tail first (watchers see it at once) and to the store in batches: at the latest after
//! [`FLUSH_DELAY`], or once [`FLUSH_BYTES`] are waiting. While the store is slow, the run is not asked for more.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{Either, select};

use crate::access::TenantScope;
use crate::admission::Ticket;
use crate::audit::CarriedIntent;
use crate::error::{Error, Result};
use crate::execution::inserting::insert;
use crate::execution::live::LiveExecution;
use crate::execution::outcomes::Outcomes;
use crate::execution::ports::Shared;
use crate::execution::{Body, Execution, Mode, Output, State, Step, handover};
use crate::incident::Incident;
use crate::json::JsonText;
use crate::request::{Committed, RequestKey};
use crate::sandbox::{self, Failure, Job, Progress, Reason, Run, Usage};
use crate::schedule::Firing;
use crate::secret::Bindings;

/// How often somebody who waits learns their position anew.
pub const POSITION_PERIOD: Duration = Duration::from_millis(500);
/// Output waits at most this long before it is durable. Together with what an adapter may hold to mask it, it makes the 200 ms that a
/// SIGKILL of the server may lose.
pub const FLUSH_DELAY: Duration = Duration::from_millis(150);
/// Output of this many bytes is stored at once.
pub const FLUSH_BYTES: usize = 64 * 1024;
/// While the store fails, at most this much output is held in memory; the run is paused then.
const MAX_UNSTORED_BYTES: usize = 1024 * 1024;
/// Longest pause between two tries to store what a failing store refused; the first is [`FLUSH_DELAY`], and each is twice as long
/// as the one before. An execution keeps its place among what runs meanwhile, so that a store that is down for long holds back new
/// executions instead of filling the memory.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Result or failure of each value of a Transform call, in order; or why nothing ran.
type Verdicts = Result<Vec<Result<JsonText, Failure>>>;

pub(super) type Answer = oneshot::Receiver<Verdicts>;

/// What became of storing the execution.
pub(super) type Accepted = oneshot::Receiver<Result<Committed<Execution>>>;

/// What an execution is driven with.
pub(super) struct Drive {
    pub scope: TenantScope,
    pub job: Job,
    pub ticket: Ticket,
    /// Secrets that the job gets at the last moment.
    pub bindings: Option<Bindings>,
    pub request: Option<RequestKey>,
    /// The intent, which is stored together with the execution.
    pub intent: Option<CarriedIntent>,
    /// The schedule that starts it, which is stored together with it, too.
    pub firing: Option<Firing>,
}

pub(super) struct Reply {
    accepted: Option<oneshot::Sender<Result<Committed<Execution>>>>,
    transform: Option<Transform>,
}

struct Transform {
    store_values: bool,
    outcomes: Outcomes,
    sender: Option<oneshot::Sender<Verdicts>>,
}

/// A reply for a Transform call of `(count, store_values)`, and where its parts arrive; for a run no answer ever arrives.
pub(super) fn reply(transform: Option<(usize, bool)>) -> (Reply, Accepted, Answer) {
    let (accepted, was_accepted) = oneshot::channel();
    let (sender, answer) = oneshot::channel();
    let transform = transform.map(|(count, store_values)| Transform { store_values, outcomes: Outcomes::new(count), sender: Some(sender) });
    (Reply { accepted: Some(accepted), transform }, was_accepted, answer)
}

struct Driver {
    shared: Arc<Shared>,
    live: Arc<LiveExecution>,
    scope: TenantScope,
    reply: Reply,
    unstored_bytes: usize,
    /// Tries in a row that the store has refused.
    refusals: u32,
    /// Whether another server has taken the execution over: nothing of it is stored by this one any more.
    overtaken: bool,
    /// Lists select by it, so it may lag, but not forever.
    stored_state: State,
}

/// How a run ended.
struct End {
    outcome: Result<JsonText, Failure>,
    usage: Option<Usage>,
}

pub(super) async fn drive(shared: Arc<Shared>, live: Arc<LiveExecution>, drive: Drive, reply: Reply) {
    let Drive { scope, job, ticket, bindings, request, intent, firing } = drive;
    let owned = Owned::new(Arc::clone(&shared), Arc::clone(&live));
    let stored_state = live.snapshot().state;
    let mut driver = Driver { shared, live, scope, reply, unstored_bytes: 0, refusals: 0, overtaken: false, stored_state };
    match driver.accept(request.as_ref(), intent, firing.as_ref()).await {
        Acceptance::Stored => {}
        Acceptance::NotStored => return owned.settle(),
        Acceptance::Unknown => return,
    }
    let end = driver.run(job, bindings.as_ref(), &ticket).await;
    driver.end(end, ticket, owned).await;
}

/// Begins the one task of an execution that was claimed: it is stored already, and has its program or why that never runs.
pub(super) fn spawn_claimed(scope: TenantScope, owned: Owned, job: Result<Job, Failure>, ticket: Ticket) {
    let (shared, live) = (Arc::clone(&owned.shared), Arc::clone(&owned.live));
    // What is stored is what was claimed; whoever wished that it stops has changed only what is alive of it.
    let stored_state = State::Pending;
    let reply = Reply { accepted: None, transform: None };
    let mut driver = Driver { shared, live, scope, reply, unstored_bytes: 0, refusals: 0, overtaken: false, stored_state };
    let spawner = Arc::clone(&driver.shared.ports.spawner);
    let work = async move {
        let end = match job {
            Ok(job) => driver.run(job, None, &ticket).await,
            Err(failure) => End { outcome: Err(failure), usage: None },
        };
        driver.end(end, ticket, owned).await;
    };
    spawner.spawn("execution", Box::pin(work));
}

/// Leaves an execution to the server's next round where its driver does not come to the end, e.g. by a panic: nothing may stay in the
/// store that nobody drives.
pub(super) struct Owned {
    shared: Arc<Shared>,
    live: Arc<LiveExecution>,
    settled: bool,
}

impl Owned {
    pub(super) fn new(shared: Arc<Shared>, live: Arc<LiveExecution>) -> Self {
        Owned { shared, live, settled: false }
    }

    /// Somebody has seen to it.
    pub(super) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.settled {
            self.shared.orphans.add(self.live.snapshot().name);
            self.shared.registry.remove_this(&self.live);
            // Whoever watches goes on in the store.
            self.live.overtake();
        }
    }
}

/// What became of storing an execution.
enum Acceptance {
    Stored,
    NotStored,
    /// The store failed: it may have stored it all the same.
    Unknown,
}

impl Driver {
    /// Stores the execution, and tells who asked for it. A run goes on when nobody waits any more; a Transform call does not.
    async fn accept(&mut self, request: Option<&RequestKey>, intent: Option<CarriedIntent>, firing: Option<&Firing>) -> Acceptance {
        let execution = self.live.snapshot();
        let committed = insert(&self.shared, &self.scope, &execution, request, intent, firing).await;
        let acceptance = match committed {
            Ok(Committed::Stored) => Acceptance::Stored,
            Ok(Committed::Answered(_) | Committed::Removed { .. } | Committed::KeyReused | Committed::Conflict) => Acceptance::NotStored,
            Err(_) => Acceptance::Unknown,
        };
        let stored = matches!(acceptance, Acceptance::Stored);
        if stored {
            self.shared.registry.add(execution.name.execution, Arc::clone(&self.live));
        }
        let heard = self.reply.accepted.take().is_some_and(|sender| sender.send(committed).is_ok());
        if stored && !heard && self.reply.transform.is_some() {
            self.live.ask_stop(self.shared.ports.clock.now());
        }
        acceptance
    }

    /// Stores how it ended, and lets it go.
    async fn end(&mut self, end: End, ticket: Ticket, owned: Owned) {
        self.finish(end).await;
        drop(ticket);
        self.live.finish();
        self.shared.registry.remove_this(&self.live);
        owned.settle();
    }

    async fn run(&mut self, job: Job, bindings: Option<&Bindings>, ticket: &Ticket) -> End {
        if !self.wait_for_turn(ticket).await {
            return End::failed(Reason::Cancelled, "cancelled before it started");
        }
        self.step(Step::Admit);
        let completed = self.unless_stopped(handover::complete(&self.shared.ports, &self.live, bindings, job)).await;
        let job = match completed {
            None => return End::failed(Reason::Cancelled, "cancelled before it started"),
            Some(Ok(job)) => job,
            Some(Err(failure)) => return End { outcome: Err(failure), usage: None },
        };
        let sandbox = Arc::clone(&self.shared.ports.sandbox);
        let started = self.unless_stopped(sandbox.start(job)).await;
        match started {
            None => End::failed(Reason::Cancelled, "cancelled before it started"),
            Some(Err(error)) => self.refused(error),
            Some(Ok(run)) => {
                handover::note_uses(&self.shared, &self.live, bindings);
                self.follow(run).await
            }
        }
    }

    /// Returns false when it was asked to stop while waiting.
    async fn wait_for_turn(&mut self, ticket: &Ticket) -> bool {
        let mut shown = None;
        loop {
            let (turn, stop) = (ticket.listen(), self.live.listen_stop());
            let position = ticket.position();
            if shown != Some(position) {
                self.push(Body::Queued { position });
                shown = Some(position);
            }
            if self.live.stop_asked() {
                return false;
            }
            if ticket.admitted() {
                return true;
            }
            // Places further back move without a wake-up each: with a long queue, that would cost more than the executions do.
            select(select(turn, stop), self.shared.ports.clock.sleep(POSITION_PERIOD)).await;
        }
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let stop = self.live.listen_stop();
        if self.live.stop_asked() {
            return None;
        }
        match select(std::pin::pin!(work), stop).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }

    fn refused(&mut self, error: sandbox::Error) -> End {
        let message = error.to_string();
        if let Some(sender) = self.reply.transform.as_mut().and_then(|transform| transform.sender.take()) {
            // The caller may be gone; then nobody waits for the answer.
            let _ = sender.send(Err(error.into()));
        }
        End::failed(Reason::SandboxUnavailable, message)
    }

    async fn follow(&mut self, mut run: Box<dyn Run>) -> End {
        self.step(Step::HandOver);
        let attestation = run.attestation().clone();
        self.live.update(|execution| execution.attestation = Some(attestation.clone()));
        self.push(Body::Started(Box::new(attestation)));
        let clock = Arc::clone(&self.shared.ports.clock);
        let mut flush = clock.sleep(FLUSH_DELAY);
        let mut outcome = None;
        let mut stopping = false;
        loop {
            self.overtaken |= self.live.is_overtaken();
            if self.overtaken {
                // Dropping the run kills the program: nobody stores what it does from now on.
                return End::failed(Reason::NodeLost, "another server has taken it over");
            }
            let stop = self.live.listen_stop();
            if self.live.stop_asked() && !stopping {
                stopping = true;
                run.stop();
            }
            let paused = self.unstored_bytes >= MAX_UNSTORED_BYTES;
            let progress = async {
                if paused && stopping {
                    std::future::pending().await
                } else if paused {
                    stop.await;
                    Wake::Stop
                } else if stopping {
                    Wake::Progress(run.next().await)
                } else {
                    match select(std::pin::pin!(run.next()), stop).await {
                        Either::Left((progress, _)) => Wake::Progress(progress),
                        Either::Right(_) => Wake::Stop,
                    }
                }
            };
            let wake = match select(std::pin::pin!(progress), flush.as_mut()).await {
                Either::Left((wake, _)) => wake,
                Either::Right(_) => Wake::Flush,
            };
            match wake {
                Wake::Stop => {}
                Wake::Flush => {
                    self.flush().await;
                    flush = clock.sleep(self.retry_delay());
                }
                Wake::Progress(Some(Progress::Exited(usage))) => return End::of(outcome, Some(usage)),
                Wake::Progress(None) => return End::of(outcome, None),
                Wake::Progress(Some(Progress::Outcome(result))) => {
                    self.reply.answer(&result);
                    outcome = Some(result);
                }
                Wake::Progress(Some(Progress::Value(result))) => self.reply.keep(result),
                Wake::Progress(Some(Progress::Output { stream, offset, data })) => {
                    self.unstored_bytes += data.len();
                    self.push(Body::Output(Output { stream, offset, data }));
                    // A store that refuses is asked again after the pause, not at every piece of output.
                    if self.unstored_bytes >= FLUSH_BYTES && self.refusals == 0 {
                        self.flush().await;
                        flush = clock.sleep(self.retry_delay());
                    }
                }
            }
        }
    }

    /// Stores the events that wait, and the execution where its state is not the stored one. A failing store keeps them waiting;
    /// nothing is dropped.
    async fn flush(&mut self) {
        let events = self.live.unstored();
        let Some(last) = events.last().map(|event| event.sequence) else { return };
        let executions = Arc::clone(&self.shared.ports.executions);
        let mut execution = self.live.snapshot();
        let stored = if execution.state == self.stored_state {
            executions.append(&self.scope, &execution.name.execution, &execution.fence, &events).await
        } else {
            execution.revision = execution.revision.next();
            executions.save(&self.scope, &execution, &events).await
        };
        if self.settled(&execution, stored) == Settled::Stored {
            self.live.mark_stored(last);
            self.tell(&execution, last);
            self.live.update(|live| live.revision = execution.revision);
            self.stored_state = execution.state;
            self.unstored_bytes = 0;
        }
    }

    /// What became of a write; operators hear of it when it changes for the worse or for the better.
    fn settled(&mut self, execution: &Execution, written: Result<()>) -> Settled {
        let incidents = &self.shared.ports.incidents;
        let execution = &execution.name;
        match written {
            Ok(()) => {
                if self.refusals > 0 {
                    incidents.report(&Incident::StoredAgain { execution });
                    self.live.set_store_failing(false);
                }
                self.refusals = 0;
                Settled::Stored
            }
            Err(Error::StaleFence { .. }) => {
                incidents.report(&Incident::Overtaken { execution });
                self.overtaken = true;
                // From here on everybody who asks is answered from the store.
                self.shared.registry.remove_this(&self.live);
                self.live.overtake();
                Settled::Overtaken
            }
            Err(error) => {
                if self.refusals == 0 {
                    incidents.report(&Incident::NotStored { execution, error: &error });
                    self.live.set_store_failing(true);
                }
                self.refusals = self.refusals.saturating_add(1);
                Settled::Refused
            }
        }
    }

    /// Watchers on other servers hear that there is more in the store.
    fn tell(&self, execution: &Execution, sequence: u64) {
        self.shared.ports.signals.new_sequence(&execution.name, sequence);
    }

    /// How long to wait until the store is asked again.
    fn retry_delay(&self) -> Duration {
        FLUSH_DELAY.saturating_mul(1 << self.refusals.min(16)).min(MAX_RETRY_DELAY)
    }

    async fn finish(&mut self, end: End) {
        // It may have been before its program began, or while that ended.
        self.overtaken |= self.live.is_overtaken();
        if self.overtaken {
            self.reply.answer(&end.outcome);
            return;
        }
        let now = self.shared.ports.clock.now();
        let values = self.reply.values(&end.outcome);
        self.reply.answer(&end.outcome);
        let ended = self.live.update(|execution| {
            execution.usage = end.usage;
            execution.claimable = None;
            execution.revision = execution.revision.next();
            if let (Some(record), Some((failed, outcomes))) = (execution.values.as_mut(), values) {
                record.failed = failed;
                record.outcomes = outcomes;
            }
            let keeps_result = execution.mode == Mode::Run;
            match end.outcome {
                Ok(result) => {
                    execution.result_json = keeps_result.then_some(result);
                    execution.step(Step::End(State::Succeeded), now)
                }
                Err(failure) => execution.fail(failure, now),
            }
        });
        self.report_impossible(ended);
        let execution = self.live.snapshot();
        self.push(Body::Finished(Box::new(execution)));
        loop {
            let (execution, events) = (self.live.snapshot(), self.live.unstored());
            let written = self.shared.ports.executions.save(&self.scope, &execution, &events).await;
            match self.settled(&execution, written) {
                Settled::Stored => {
                    self.live.mark_stored(execution.last_sequence);
                    self.tell(&execution, execution.last_sequence);
                    return;
                }
                Settled::Overtaken => return,
                Settled::Refused => self.shared.ports.clock.sleep(self.retry_delay()).await,
            }
        }
    }

    fn step(&self, step: Step) {
        let now = self.shared.ports.clock.now();
        let stepped = self.live.update(|execution| execution.step(step, now));
        self.report_impossible(stepped);
    }

    /// The state machine refuses what cannot happen; where it does all the same, operators hear of it.
    fn report_impossible(&self, stepped: Result<()>) {
        if let Err(error) = stepped {
            let execution = &self.live.snapshot().name;
            self.shared.ports.incidents.report(&Incident::ImpossibleStep { execution, error: &error });
        }
    }

    fn push(&self, body: Body) {
        self.live.push(body, self.shared.ports.clock.now());
    }
}

#[derive(PartialEq, Eq)]
enum Settled {
    Stored,
    Refused,
    Overtaken,
}

enum Wake {
    Progress(Option<Progress>),
    Stop,
    Flush,
}

impl End {
    fn failed(reason: Reason, message: impl Into<String>) -> Self {
        End { outcome: Err(Failure::new(reason, message)), usage: None }
    }

    fn of(outcome: Option<Result<JsonText, Failure>>, usage: Option<Usage>) -> Self {
        let lost = || Err(Failure::new(Reason::NodeLost, "its sandbox ended unexpectedly; what it had printed until then is kept"));
        End { outcome: outcome.unwrap_or_else(lost), usage }
    }
}

impl Reply {
    fn keep(&mut self, value: Result<JsonText, Failure>) {
        if let Some(transform) = self.transform.as_mut() {
            transform.outcomes.keep(value);
        }
    }

    /// Answers the caller as soon as the outcome is known, before the process is gone.
    fn answer(&mut self, outcome: &Result<JsonText, Failure>) {
        let Some(transform) = self.transform.as_mut() else { return };
        transform.outcomes.complete(outcome);
        if let Some(sender) = transform.sender.take() {
            // The caller may be gone; then nobody waits for the answer.
            let _ = sender.send(Ok(transform.outcomes.kept().to_vec()));
        }
    }

    /// How many values failed, and what to store of them.
    fn values(&mut self, outcome: &Result<JsonText, Failure>) -> Option<(u32, Vec<Result<JsonText, Failure>>)> {
        let transform = self.transform.as_mut()?;
        transform.outcomes.complete(outcome);
        let kept = if transform.store_values { transform.outcomes.kept().to_vec() } else { Vec::new() };
        Some((transform.outcomes.failed(), kept))
    }
}
