//! Whether each tier has withstood the battery on each runtime, and who may run meanwhile. A runtime brings files and programs of its
//! own, so what one has withstood says nothing of another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::sandbox::{BatteryPass, Error, Isolation};
use tokio::sync::watch;

use super::battery::Battery;
use super::report::{Conclusion, Report};
use crate::config::{Proof, RuntimeKey};
use crate::failure::{StartFailure, TIER_UNSAFE};
use crate::service::Sandboxes;
use crate::tasks::watched;

const TIERS: [Isolation; 3] = [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot];
/// How long the outcome of a battery that could not be judged stands before it is run again.
const RETRY: Duration = Duration::from_secs(30);

/// What is known of each tier on each runtime.
pub(crate) struct Proofs {
    mode: Proof,
    /// By runtime and tier.
    states: Vec<[watch::Sender<State>; TIERS.len()]>,
}

/// What is proven: a tier on a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ground {
    pub(crate) runtime: RuntimeKey,
    pub(crate) isolation: Isolation,
}

#[derive(Debug, Clone)]
enum State {
    /// The battery has not run, or no program ran in the tier: then `why`, and since when.
    Unknown(Option<(Instant, String)>),
    Running,
    Done(Instant, Arc<Report>),
}

// === impl Proofs ===

impl Proofs {
    /// Nothing is known of so many runtimes.
    pub(crate) fn new(mode: Proof, runtimes: usize) -> Self {
        let unknown = || TIERS.map(|_| watch::Sender::new(State::Unknown(None)));
        Proofs { mode, states: std::iter::repeat_with(unknown).take(runtimes).collect() }
    }

    /// The last report of each ground that has one, those of the default runtime first.
    pub(crate) fn reports(&self) -> Vec<Arc<Report>> {
        let report = |state: &watch::Sender<State>| match &*state.borrow() {
            State::Done(_, report) => Some(report.clone()),
            State::Unknown(_) | State::Running => None,
        };
        self.states.iter().flatten().filter_map(report).collect()
    }

    /// Whether the ground is known to leak.
    pub(crate) fn check(&self, ground: Ground) -> Result<(), Error> {
        match &*self.state(ground).borrow() {
            State::Done(_, report) => refuse(report),
            State::Unknown(_) | State::Running => Ok(()),
        }
    }

    /// Lets a program in, or not; answers what the ground has withstood. Starts the battery of one that is used for the first
    /// time.
    pub(crate) async fn admit(&self, sandboxes: &Sandboxes, ground: Ground) -> Result<Option<BatteryPass>, Error> {
        match self.mode {
            Proof::Off => Ok(None),
            Proof::Background => {
                self.begin(sandboxes, ground);
                self.check(ground)?;
                Ok(self.pass(ground))
            }
            Proof::Required => self.wait(sandboxes, ground).await.map(Some),
        }
    }

    /// Starts the battery of a ground, unless it runs or its outcome still stands.
    pub(crate) fn begin(&self, sandboxes: &Sandboxes, ground: Ground) {
        if self.mode == Proof::Off || !self.state(ground).borrow().is_due() {
            return;
        }
        let begun = self.state(ground).send_if_modified(|state| {
            let due = state.is_due();
            if due {
                *state = State::Running;
            }
            due
        });
        if begun {
            sandboxes.spawn(TASK, run(sandboxes.clone(), ground));
        }
    }

    /// Waits until the ground has withstood the battery.
    pub(crate) async fn wait(&self, sandboxes: &Sandboxes, ground: Ground) -> Result<BatteryPass, Error> {
        self.begin(sandboxes, ground);
        let mut state = self.state(ground).subscribe();
        let decided = tokio::time::timeout(sandboxes.patience(), state.wait_for(|state| !matches!(state, State::Running))).await;
        let state = decided.ok().and_then(Result::ok).map(|state| state.clone());
        match state {
            Some(State::Done(_, report)) => {
                refuse(&report)?;
                passed(&report).ok_or_else(|| unproven(ground.isolation, "some probes could not be judged"))
            }
            Some(State::Unknown(Some((_, why)))) => Err(unproven(ground.isolation, &why)),
            Some(State::Unknown(None) | State::Running) | None => Err(unproven(ground.isolation, "the battery still runs")),
        }
    }

    fn pass(&self, ground: Ground) -> Option<BatteryPass> {
        match &*self.state(ground).borrow() {
            State::Done(_, report) => passed(report),
            State::Unknown(_) | State::Running => None,
        }
    }

    fn settle(&self, ground: Ground, outcome: Result<Report, String>) {
        let now = Instant::now();
        self.state(ground).send_replace(match outcome {
            Ok(report) => State::Done(now, Arc::new(report)),
            Err(why) => State::Unknown(Some((now, why))),
        });
    }

    fn state(&self, ground: Ground) -> &watch::Sender<State> {
        &self.states[ground.runtime.index()][ground.isolation as usize]
    }
}

/// The task that runs a battery.
const TASK: &str = "sandbox-battery";

/// A battery that panics has proven nothing, and is tried again like one that could not run.
async fn run(sandboxes: Sandboxes, ground: Ground) {
    let (runtime, isolation) = (sandboxes.runtime_name(ground.runtime), ground.isolation);
    let outcome = tokio::select! {
        outcome = watched(TASK, Battery::run_on(&sandboxes, runtime, isolation)) => {
            outcome.map_or_else(|| Err("the battery panicked".to_owned()), |outcome| outcome.map_err(|error| error.cause()))
        }
        () = sandboxes.closed() => Err("the server is shutting down".to_owned()),
    };
    let closing = tokio::select! {
        biased;
        () = sandboxes.closed() => true,
        () = std::future::ready(()) => false,
    };
    match &outcome {
        // What a shutdown interrupts says nothing about the host.
        _ if closing => tracing::debug!(tier = isolation.tier(), runtime, "the escape probes end with the server"),
        Ok(report) => log(report),
        Err(why) => tracing::warn!(tier = isolation.tier(), runtime, why, "the escape probes could not run"),
    }
    sandboxes.proofs().settle(ground, outcome);
}

fn log(report: &Report) {
    let (tier, runtime, version, probes) = (report.isolation.tier(), &report.runtime, &report.version, report.probes.len());
    match report.conclusion() {
        Conclusion::Holds => tracing::info!(tier, runtime, version, probes, "the sandbox withstands its escape probes"),
        Conclusion::Leaks => tracing::error!(tier, runtime, version, refusal = report.refusal(), "the sandbox leaks: the tier is refused"),
        Conclusion::Unclear => {
            let unclear: Vec<_> = report.probes.iter().filter(|probe| probe.outcome == super::Outcome::Error).collect();
            tracing::warn!(tier, runtime, version, ?unclear, "some escape probes could not be judged");
        }
    }
}

fn refuse(report: &Report) -> Result<(), Error> {
    match report.refusal() {
        Some(message) => Err(Error::Refused { reason: TIER_UNSAFE, message }),
        None => Ok(()),
    }
}

fn passed(report: &Report) -> Option<BatteryPass> {
    (report.conclusion() == Conclusion::Holds).then(|| BatteryPass { version: report.version.clone(), at: report.at })
}

fn unproven(isolation: Isolation, why: &str) -> Error {
    StartFailure::Unavailable(format!("tier {} has not withstood the escape probes yet: {why}", isolation.tier())).into()
}

// === impl State ===

impl State {
    /// Whether the battery should run now. What leaks stays refused until the server starts again.
    fn is_due(&self) -> bool {
        match self {
            State::Unknown(None) => true,
            State::Unknown(Some((since, _))) => since.elapsed() >= RETRY,
            State::Running => false,
            State::Done(since, report) => report.conclusion() == Conclusion::Unclear && since.elapsed() >= RETRY,
        }
    }
}
