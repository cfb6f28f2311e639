//! The words of a plan.

use std::fmt;
use std::time::Duration;

use crate::revision::{Part, Revision};
use crate::service::Condition;

/// What must be done, wave after wave. Empty where nothing must be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The waves; actions of one wave do not depend on each other.
    pub waves: Vec<Wave>,
}

/// Actions that may happen at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wave {
    /// The actions, by the names of their services.
    pub actions: Vec<Action>,
}

/// What is done with one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The service.
    pub service: String,
    /// What it comes to.
    pub kind: Kind,
    /// Why; at least one.
    pub reasons: Vec<Reason>,
    /// What must be so before the first step.
    pub waits_for: Vec<Wait>,
    /// What new replicas run; none where there are none.
    pub revision: Option<Revision>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// What an action comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// None of its replicas runs yet.
    Create,
    /// Replicas of another revision are replaced.
    Replace,
    /// Replicas that have ended or are not well are replaced.
    Repair,
    /// There are more or fewer replicas.
    Scale,
    /// It stops, and stays in the manifest.
    Stop,
    /// It is not in the manifest any more.
    Remove,
}

/// Why something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It does not run.
    NotRunning,
    /// These parts have changed.
    Changed(Vec<Part>),
    /// There are so many replicas, and there shall be so many.
    Replicas {
        /// Now.
        now: usize,
        /// Wanted.
        wanted: usize,
    },
    /// So many replicas are not well.
    Unhealthy(usize),
    /// So many replicas have ended.
    Ended(usize),
    /// Not all replicas of the new revision are reached by calls yet.
    NotServing,
    /// It is disabled, or shall have no replicas.
    NotWanted,
    /// It is not in the manifest.
    NotInManifest,
    /// Another service needs a port that it holds.
    ReleasesPort {
        /// The port.
        port: u16,
        /// The other service.
        service: String,
    },
}

/// How far another service must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wait {
    /// The other service.
    pub service: String,
    /// How far.
    pub condition: Condition,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Starts so many replicas of the new revision.
    Start {
        /// How many.
        replicas: u32,
        /// Whether calls reach them as soon as they are well.
        serving: bool,
    },
    /// Waits until all replicas of the new revision are so far. Those that have ended and stay so are not waited for.
    Await(Condition),
    /// Waits, while the replicas of the new revision must stay well.
    Hold(Duration),
    /// Lets calls reach all replicas of the new revision.
    Serve,
    /// Lets calls reach all replicas of the new revision, and no others.
    Switch,
    /// Stops these replicas and takes them away.
    Stop(Vec<String>),
}

// === impl Plan ===

impl Plan {
    /// Whether nothing must be done.
    pub fn is_empty(&self) -> bool {
        self.waves.is_empty()
    }

    /// All actions in the order of their waves.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.waves.iter().flat_map(|wave| &wave.actions)
    }
}

// === impl Kind ===

impl Kind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Create => "create",
            Kind::Replace => "replace",
            Kind::Repair => "repair",
            Kind::Scale => "scale",
            Kind::Stop => "stop",
            Kind::Remove => "remove",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotRunning => f.write_str("it does not run"),
            Reason::Changed(parts) => {
                let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
                write!(f, "changed: {}", parts.join(", "))
            }
            Reason::Replicas { now, wanted } => write!(f, "{now} replicas of {wanted}"),
            Reason::Unhealthy(count) => write!(f, "not well: {count}"),
            Reason::Ended(count) => write!(f, "ended: {count}"),
            Reason::NotServing => f.write_str("calls do not reach all new replicas yet"),
            Reason::NotWanted => f.write_str("it shall not run"),
            Reason::NotInManifest => f.write_str("it is not in the manifest"),
            Reason::ReleasesPort { port, service } => write!(f, "`{service}` needs port {port}, which it holds"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Start { replicas, serving: true } => write!(f, "start {replicas}"),
            Step::Start { replicas, serving: false } => write!(f, "start {replicas} without calls"),
            Step::Await(condition) => write!(f, "wait until {}", condition.as_str()),
            Step::Hold(time) => write!(f, "watch for {}", crate::quantity::duration_text(*time)),
            Step::Serve => f.write_str("let calls reach the new ones"),
            Step::Switch => f.write_str("let calls reach only the new ones"),
            Step::Stop(replicas) => write!(f, "stop {}", replicas.join(", ")),
        }
    }
}
