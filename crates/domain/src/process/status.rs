//! How services are, as an engine sees them.

use crate::time::Timestamp;

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: Group,
    /// How it is.
    pub state: ServiceState,
    /// Why it is so, as a fragment of a sentence; empty where there is nothing to say.
    pub detail: String,
    /// Replicas that are wanted.
    pub wanted: u32,
    /// Replicas that run.
    pub running: u32,
    /// Of these, the ones that are well and get calls.
    pub available: u32,
    /// Restarts by the restart policy within its window.
    pub restarts: u32,
    /// The images that its replicas run: one, or two during an update.
    pub images: Vec<String>,
    /// Its replicas.
    pub replicas: Vec<ReplicaStatus>,
    /// Whether a replica has ended too often, and is not started again by itself.
    pub has_given_up: bool,
    /// What somebody else has changed by hand; empty where nobody has.
    pub drift: String,
}

/// How a replica is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// What the engine calls it.
    pub id: String,
    /// How it is.
    pub state: ReplicaState,
    /// Why; empty where there is nothing to say.
    pub detail: String,
    /// When it started.
    pub started: Option<Timestamp>,
    /// What runs in it, as plans print it.
    pub revision: String,
}

/// How a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaState {
    /// It runs, and is not seen to be well yet.
    Starting,
    /// It is well.
    Healthy,
    /// It runs, and is not well.
    Unhealthy,
    /// It has ended without a failure.
    Completed,
    /// It has ended with a failure.
    Failed,
}

/// The four groups of services, in the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// What everything else needs: stores, brokers.
    System,
    /// The platform itself.
    Core,
    /// Work that runs by itself.
    Batch,
    /// What people and tenants use.
    App,
}

/// How a service is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// It is not wanted, and nothing runs.
    Stopped,
    /// It waits for another service, a database, or its turn.
    Waiting,
    /// It starts, or replicas are not well yet.
    Starting,
    /// As many replicas as are wanted are well.
    Running,
    /// Some run, and fewer than are wanted are well.
    Degraded,
    /// Replicas are being replaced.
    Updating,
    /// It stops.
    Stopping,
    /// It has ended without a failure, and stays so.
    Completed,
    /// It failed and is not started again by itself.
    Failed,
}

impl ServiceState {
    /// Its name, as events have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ServiceState::Stopped => "stopped",
            ServiceState::Waiting => "waiting",
            ServiceState::Starting => "starting",
            ServiceState::Running => "running",
            ServiceState::Degraded => "degraded",
            ServiceState::Updating => "updating",
            ServiceState::Stopping => "stopping",
            ServiceState::Completed => "completed",
            ServiceState::Failed => "failed",
        }
    }
}
