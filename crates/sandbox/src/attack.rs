//! The battery: programs that attack the sandbox they run in, one per way out that is known. A tier in which one gets through is
//! refused.
//!
//! A probe tells by itself what it got hold of, since it is our program; where the outside can tell better (a listener that hears
//! it, bytes that arrive, a limit that ends it), the outside does. A crash counts as stopped only where the probe expects one.
//! What the battery cannot show, it deliberately does not claim: that the kernel has no fault of its own.

mod catalog;
mod defence;
mod guest;
mod gvisor;
mod landlock;
mod observer;
mod proof;
mod runner;
mod scene;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::sandbox::Isolation;
use domain::time::Timestamp;

pub use defence::{Defence, Group};
pub(crate) use proof::{Ground, Proofs};
pub use trial::{Trial, attack};

use crate::service::Sandboxes;
use catalog::{PROBES, Probe};
use runner::Runner;

/// How often a probe is tried again that could not be judged.
const RETRIES: usize = 2;

/// The battery as it is in this build.
pub struct Battery;

/// What the probes found in one tier, on one runtime.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which battery it was: the start of the digest over all probes.
    pub version: String,
    /// When it ended.
    pub at: Timestamp,
    /// `docker`, `namespace` or `landlock`.
    pub backend: &'static str,
    /// The tier.
    pub isolation: Isolation,
    /// The runtime that they ran on.
    pub runtime: String,
    /// Every probe that applies to the tier, in the catalog's order.
    pub probes: Vec<ProbeResult>,
}

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// Stable name.
    pub name: &'static str,
    /// What it goes for.
    pub group: Group,
    /// What must stop it.
    pub defence: Defence,
    /// How it went.
    pub outcome: Outcome,
    /// What was in its way, what it got hold of, or why it could not be judged.
    pub detail: String,
    /// How long it took; a part of the whole where probes share an execution.
    pub took: Duration,
}

/// How a probe went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It got nowhere.
    Stopped,
    /// It got through: the sandbox leaks.
    Reached,
    /// It got through what the chosen backend never promised to close; see `docs/security.md`.
    Open,
    /// It could not be judged.
    Error,
}

/// What a battery says of a tier as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// Every probe was stopped that the backend promises to stop.
    Holds,
    /// At least one got through.
    Leaks,
    /// None got through, and at least one could not be judged.
    Unclear,
}

// === impl Battery ===

impl Battery {
    /// The start of the digest over every probe and its program.
    pub fn version() -> String {
        let names: Vec<String> = PROBES.iter().map(|probe| format!("{probe:?}")).collect();
        let parts: Vec<&[u8]> = names.iter().map(String::as_bytes).chain(guest::SOURCES.iter().map(|source| source.as_bytes())).collect();
        crate::backend::digest(&parts).trim_start_matches("sha256:").chars().take(12).collect()
    }

    /// Runs every probe that applies to a tier, on the default runtime. Takes well below a second in T1 beside the one that uses up CPU time, and a few
    /// seconds in T2 and T3, where every probe that may end its process costs a sandbox.
    ///
    /// # Errors
    /// Why no program runs in the tier at all.
    pub async fn run(sandboxes: &Sandboxes, isolation: Isolation) -> Result<Report, domain::sandbox::Error> {
        Self::run_on(sandboxes, sandboxes.default_runtime(), isolation).await
    }

    /// The same on a runtime of one's choice.
    pub(crate) async fn run_on(sandboxes: &Sandboxes, runtime: &str, isolation: Isolation) -> Result<Report, domain::sandbox::Error> {
        let runner = Runner::new(sandboxes, runtime, isolation);
        runner.check().await?;
        let mut probes = runner.run(PROBES.iter().filter(|probe| probe.tiers.include(isolation)).collect()).await;
        runner.leave();
        match sandboxes.backend() {
            landlock::BACKEND => probes.iter_mut().for_each(landlock::judge),
            gvisor::BACKEND => probes.iter_mut().for_each(gvisor::judge),
            _ => {}
        }
        let (version, backend, runtime) = (Self::version(), sandboxes.backend(), runtime.to_owned());
        Ok(Report { version, at: now(), backend, isolation, runtime, probes })
    }

    /// Names of all probes, in the catalog's order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROBES.iter().map(|probe| probe.name)
    }
}

// === impl Report ===

impl Report {
    /// What follows from it.
    pub fn conclusion(&self) -> Conclusion {
        let found: BTreeSet<_> = self.probes.iter().map(|probe| probe.outcome as u8).collect();
        match () {
            () if found.contains(&(Outcome::Reached as u8)) => Conclusion::Leaks,
            () if found.contains(&(Outcome::Error as u8)) => Conclusion::Unclear,
            () => Conclusion::Holds,
        }
    }

    /// The probes that got through.
    pub fn reached(&self) -> impl Iterator<Item = &ProbeResult> {
        self.probes.iter().filter(|probe| probe.outcome == Outcome::Reached)
    }

    /// Why the tier is refused, in one sentence for an operator; `None` when nothing got through.
    pub fn refusal(&self) -> Option<String> {
        let first = self.reached().next()?;
        let others = match self.reached().count() - 1 {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        Some(format!(
            "isolation {} does not hold on this host with the runtime `{}`: the probe `{}`{others} got through ({}): {}; {}; `zona doctor --attack` shows all",
            self.isolation.tier(),
            self.runtime,
            first.name,
            first.defence.as_str(),
            first.detail,
            first.defence.hint()
        ))
    }
}

// === impl ProbeResult ===

impl ProbeResult {
    /// What to change on the host when it got through; empty when nothing needs changing.
    pub fn hint(&self) -> &'static str {
        match self.outcome {
            Outcome::Stopped | Outcome::Open => "",
            Outcome::Reached | Outcome::Error => self.defence.hint(),
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Stopped => "stopped",
            Outcome::Reached => "reached",
            Outcome::Open => "open",
            Outcome::Error => "error",
        }
    }
}

/// Wall time, for the report.
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn result(probe: &Probe, outcome: Outcome, detail: impl Into<String>, began: Instant) -> ProbeResult {
    ProbeResult { name: probe.name, group: probe.group, defence: probe.defence, outcome, detail: detail.into(), took: began.elapsed() }
}
