//! What a server knows of itself, and the port that tells it. The self-test of the tiers is the adapter's.

use crate::sandbox::Isolation;
use crate::time::Timestamp;

/// Port: the facts about this server process.
pub trait ServerFacts: Send + Sync {
    /// As they are now.
    fn facts(&self) -> Facts;
}

/// The facts about one server process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Version of the program, e.g. `0.1.0`.
    pub version: String,
    /// Identity of the process, unique among the servers of the installation.
    pub instance: String,
    /// When it started.
    pub started: Timestamp,
    /// `docker`, `namespace` or `landlock`.
    pub backend: String,
    /// The tiers, weakest first.
    pub tiers: Vec<TierFacts>,
}

/// One tier of isolation on this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierFacts {
    /// Which one.
    pub tier: Isolation,
    /// Whether executions of this tier are accepted, as far as is known without trying.
    pub accepted: bool,
    /// What the self-test found; `None` when it did not run.
    pub battery: Option<Battery>,
}

/// A run of the battery of escape probes in one tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Battery {
    /// Version of the battery.
    pub version: String,
    /// When it ran.
    pub time: Timestamp,
    /// How many probes ran.
    pub probes: u32,
    /// Those that were not stopped: one that got through makes the tier refused, one that could not be judged says so.
    pub failures: Vec<ProbeFailure>,
}

/// A probe that was not stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFailure {
    /// Stable name, e.g. `network-tcp-connect`.
    pub probe: String,
    /// The defence that it tests, e.g. `seccomp`.
    pub defence: String,
    /// What it reached.
    pub detail: String,
    /// The host setting to change.
    pub hint: String,
}
