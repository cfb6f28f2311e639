//! What a backend does for the pool: it makes containers, and each runs one agent from start to end.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use domain::sandbox::{BackendKind, Isolation, ResourceControl};
use rustix::process::Pid;

use super::facts::RuntimeFacts;
use crate::config::RuntimeKey;
use crate::failure::StartFailure;
use crate::instance::Dead;
use crate::pool::Envelope;
use crate::users::UidLease;

/// One container to be.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Unique among all sandboxes of the installation.
    pub(crate) name: String,
    /// The agent binary.
    pub(crate) agent: PathBuf,
    /// Directory with the socket `s`.
    pub(crate) directory: PathBuf,
    /// The user it runs as.
    pub(crate) uid: u32,
    /// Limits of the whole sandbox.
    pub(crate) envelope: Envelope,
    /// Bytes of a program's `/tmp`.
    pub(crate) tmpfs: u64,
    /// Whether its agent puts children back, for which it needs more system calls.
    pub(crate) restore: bool,
}

/// Starts containers.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    /// What it contains executions with.
    fn kind(&self) -> BackendKind;

    /// A runtime; found once, then remembered.
    async fn runtime(&self, key: RuntimeKey) -> Result<Arc<RuntimeFacts>, StartFailure>;

    /// A runtime, if it was found already.
    fn known_runtime(&self, key: RuntimeKey) -> Option<Arc<RuntimeFacts>>;

    /// Whether the tier can work at all, as far as is known without trying.
    fn supports(&self, isolation: Isolation) -> Result<(), StartFailure>;

    /// A user id for one sandbox.
    fn lease_uid(&self) -> std::io::Result<UidLease>;

    /// A container of a runtime, not yet started.
    fn container(&self, order: Order, runtime: RuntimeKey) -> Box<dyn Container>;

    /// Removes what dead instances left.
    ///
    /// # Errors
    /// When the backend does not answer; then it can be asked again.
    async fn sweep(&self, dead: &Dead) -> Result<(), StartFailure>;

    /// Removes what it holds for all sandboxes together, once none is left.
    fn close(&self) {}
}

/// One container, from start to end. Whoever starts it must destroy it, whatever `start` answered.
#[async_trait]
pub(crate) trait Container: Send {
    /// Starts the agent. Not cancelled: what it began is known when it returns.
    async fn start(&mut self) -> Result<(), StartFailure>;

    /// The user as whom the agent connects.
    fn peer_uid(&self) -> u32;

    /// A process has connected as that user, as process `pid`; it has started nothing yet.
    fn connected(&mut self, pid: Pid) -> Result<(), StartFailure>;

    /// The server's ends of the pipes of a child that has arrived without them, where the container's one child cannot send any.
    fn streams(&mut self) -> std::io::Result<Option<Vec<OwnedFd>>> {
        Ok(None)
    }

    /// How often the kernel killed something in it for lack of memory, where that is known.
    fn oom_kills(&self) -> Option<u64>;

    /// Takes one part in so many of the share of the processor that a tenant has, where it has a control group of ours.
    fn share(&self, _among: usize) {}

    /// What holds it to its limits.
    fn resource_control(&self) -> ResourceControl;

    /// Ends every process in it and removes it. Idempotent.
    async fn destroy(&mut self);
}
