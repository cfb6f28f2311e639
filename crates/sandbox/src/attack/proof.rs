//! Whether each tier has withstood the battery, and who may run meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::execution::BatteryPass;
use domain::sandbox::Error;
use domain::utility::Isolation;
use tokio::sync::watch;

use super::{Battery, Conclusion, Report};
use crate::config::Proof;
use crate::failure::{StartFailure, TIER_UNSAFE};
use crate::service::Sandboxes;

const TIERS: [Isolation; 3] = [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot];
/// How long the outcome of a battery that could not be judged stands before it is run again.
const RETRY: Duration = Duration::from_secs(30);

/// What is known of each tier.
pub(crate) struct Proofs {
    mode: Proof,
    tiers: [watch::Sender<State>; TIERS.len()],
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
    pub(crate) fn new(mode: Proof) -> Self {
        Proofs { mode, tiers: TIERS.map(|_| watch::Sender::new(State::Unknown(None))) }
    }

    /// The last report of each tier that has one.
    pub(crate) fn reports(&self) -> Vec<Arc<Report>> {
        let report = |tier: &watch::Sender<State>| match &*tier.borrow() {
            State::Done(_, report) => Some(report.clone()),
            State::Unknown(_) | State::Running => None,
        };
        self.tiers.iter().filter_map(report).collect()
    }

    /// Whether the tier is known to leak.
    pub(crate) fn check(&self, isolation: Isolation) -> Result<(), Error> {
        match &*self.tier(isolation).borrow() {
            State::Done(_, report) => refuse(report),
            State::Unknown(_) | State::Running => Ok(()),
        }
    }

    /// Lets a program in, or not; answers what the tier has withstood. Starts the battery of a tier that is used for the first
    /// time.
    pub(crate) async fn admit(&self, sandboxes: &Sandboxes, isolation: Isolation) -> Result<Option<BatteryPass>, Error> {
        match self.mode {
            Proof::Off => Ok(None),
            Proof::Background => {
                self.begin(sandboxes, isolation);
                self.check(isolation)?;
                Ok(self.pass(isolation))
            }
            Proof::Required => self.wait(sandboxes, isolation).await.map(Some),
        }
    }

    /// Starts the battery of a tier, unless it runs or its outcome still stands.
    pub(crate) fn begin(&self, sandboxes: &Sandboxes, isolation: Isolation) {
        if self.mode == Proof::Off || !self.tier(isolation).borrow().is_due() {
            return;
        }
        let begun = self.tier(isolation).send_if_modified(|state| {
            let due = state.is_due();
            if due {
                *state = State::Running;
            }
            due
        });
        if begun {
            sandboxes.spawn(run(sandboxes.clone(), isolation));
        }
    }

    /// Waits until the tier has withstood the battery.
    pub(crate) async fn wait(&self, sandboxes: &Sandboxes, isolation: Isolation) -> Result<BatteryPass, Error> {
        self.begin(sandboxes, isolation);
        let mut tier = self.tier(isolation).subscribe();
        let decided = tokio::time::timeout(sandboxes.patience(), tier.wait_for(|state| !matches!(state, State::Running))).await;
        let state = decided.ok().and_then(Result::ok).map(|state| state.clone());
        match state {
            Some(State::Done(_, report)) => {
                refuse(&report)?;
                passed(&report).ok_or_else(|| unproven(isolation, "some probes could not be judged"))
            }
            Some(State::Unknown(Some((_, why)))) => Err(unproven(isolation, &why)),
            Some(State::Unknown(None) | State::Running) | None => Err(unproven(isolation, "the battery still runs")),
        }
    }

    fn pass(&self, isolation: Isolation) -> Option<BatteryPass> {
        match &*self.tier(isolation).borrow() {
            State::Done(_, report) => passed(report),
            State::Unknown(_) | State::Running => None,
        }
    }

    fn settle(&self, isolation: Isolation, outcome: Result<Report, String>) {
        let now = Instant::now();
        self.tier(isolation).send_replace(match outcome {
            Ok(report) => State::Done(now, Arc::new(report)),
            Err(why) => State::Unknown(Some((now, why))),
        });
    }

    fn tier(&self, isolation: Isolation) -> &watch::Sender<State> {
        &self.tiers[isolation as usize]
    }
}

/// The task `sandbox-battery`.
async fn run(sandboxes: Sandboxes, isolation: Isolation) {
    let outcome = tokio::select! {
        outcome = Battery::run(&sandboxes, isolation) => outcome.map_err(|error| error.cause()),
        () = sandboxes.closed() => Err("the server is shutting down".to_owned()),
    };
    let closing = tokio::select! {
        biased;
        () = sandboxes.closed() => true,
        () = std::future::ready(()) => false,
    };
    match &outcome {
        // What a shutdown interrupts says nothing about the host.
        _ if closing => tracing::debug!(tier = isolation.tier(), "the escape probes end with the server"),
        Ok(report) => log(report),
        Err(why) => tracing::warn!(tier = isolation.tier(), why, "the escape probes could not run"),
    }
    sandboxes.proofs().settle(isolation, outcome);
}

fn log(report: &Report) {
    let (tier, version, probes) = (report.isolation.tier(), &report.version, report.probes.len());
    match report.conclusion() {
        Conclusion::Holds => tracing::info!(tier, version, probes, "the sandbox withstands its escape probes"),
        Conclusion::Leaks => tracing::error!(tier, version, refusal = report.refusal(), "the sandbox leaks: the tier is refused"),
        Conclusion::Unclear => {
            let unclear: Vec<_> = report.probes.iter().filter(|probe| probe.outcome == super::Outcome::Error).collect();
            tracing::warn!(tier, version, ?unclear, "some escape probes could not be judged");
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
    /// Whether the battery should run now. A tier that leaks stays refused until the server starts again.
    fn is_due(&self) -> bool {
        match self {
            State::Unknown(None) => true,
            State::Unknown(Some((since, _))) => since.elapsed() >= RETRY,
            State::Running => false,
            State::Done(since, report) => report.conclusion() == Conclusion::Unclear && since.elapsed() >= RETRY,
        }
    }
}
