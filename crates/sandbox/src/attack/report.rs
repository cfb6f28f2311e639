//! What the probes found, and what follows from it for the tier.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::sandbox::Isolation;
use domain::time::Timestamp;

use super::catalog::Probe;
use super::defence::{Defence, ProbeGroup};

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
    pub group: ProbeGroup,
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

/// What a probe found, from its outcome and the moment at which it began.
pub(super) fn result(probe: &Probe, outcome: Outcome, detail: impl Into<String>, began: Instant) -> ProbeResult {
    ProbeResult { name: probe.name, group: probe.group, defence: probe.defence, outcome, detail: detail.into(), took: began.elapsed() }
}
