//! What contains a sandbox: the part that differs between Docker and plain namespaces.
//!
//! It deliberately knows neither children nor programs: a backend starts one agent in one container and ends both.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use domain::sandbox::{BackendKind, Isolation, ResourceControl};
use rustix::process::Pid;
use sandbox_protocol::control::Layout;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::config::{self, Config, RuntimeKey};
use crate::failure::{RUNTIME_UNUSABLE, StartFailure};
use crate::instance::{Dead, Instance, UidLease};
use crate::pool::Envelope;

pub(crate) mod cgroup;
pub(crate) mod docker;
pub(crate) mod layout;
pub(crate) mod manifest;
pub(crate) mod namespace;
pub(crate) mod packages;
pub(crate) mod witness;

/// A runtime that programs run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// What a sandbox root holds.
    pub layout: Layout,
    /// `major.minor.micro` of the interpreter.
    pub python_version: String,
    /// Digest: the image's, or over the interpreter and its layout.
    pub digest: String,
    /// What is installed beside the standard library, by name.
    pub packages: Vec<Package>,
    /// Its version; empty where it was not built from a lock file.
    pub version: String,
    /// Digest of the lock file that it was built from; empty without one.
    pub lock: String,
    /// Modules of its packages that are imported before a program arrives, beside the configured ones.
    pub preload: Vec<String>,
    /// Its modules and their names, as its build found them. `None` where nothing is known.
    pub interface: Option<Arc<str>>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Name of the distribution.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Top-level Python modules that it brings; empty for a package of the image's system.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Hashes of the files it was installed from, e.g. `sha256:...`; empty where that is not known.
    #[serde(default)]
    pub hashes: Vec<String>,
}

// === impl RuntimeFacts ===

impl RuntimeFacts {
    /// In one line, for people.
    pub(crate) fn summary(&self) -> String {
        let version = if self.version.is_empty() { String::new() } else { format!(" version {}", self.version) };
        format!("Python {}{version} ({})", self.python_version, self.digest)
    }
}

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

/// One container, from start to end. Whoever launched it must destroy it, whatever `launch` answered.
#[async_trait]
pub(crate) trait Container: Send {
    /// Starts the agent. Not cancelled: what it began is known when it returns.
    async fn launch(&mut self) -> Result<(), StartFailure>;

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

    /// What holds it to its limits.
    fn resource_control(&self) -> ResourceControl;

    /// Ends every process in it and removes it. Idempotent.
    async fn destroy(&mut self);
}

/// The backend that a configuration asks for.
pub(crate) fn make(config: &Config, instance: Option<&Instance>) -> Arc<dyn Backend> {
    match &config.backend {
        config::Backend::Namespace(settings) => {
            Arc::new(namespace::NamespaceBackend::new(settings, namespace::Walls::Namespaces, config, instance.is_some()))
        }
        config::Backend::Landlock(settings) => {
            Arc::new(namespace::NamespaceBackend::new(settings, namespace::Walls::Landlock, config, instance.is_some()))
        }
        config::Backend::Docker(settings) => Arc::new(docker::DockerBackend::new(settings, config)),
    }
}

/// SHA-256 over parts, each preceded by its length, as `sha256:<hex>`.
pub(crate) fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold("sha256:".to_owned(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// Reads a layout from JSON.
pub(crate) fn parse_layout(json: &str, origin: &str) -> Result<Layout, StartFailure> {
    serde_json::from_str(json).map_err(|error| StartFailure::Refused {
        reason: RUNTIME_UNUSABLE,
        message: format!("{origin} does not describe a runtime layout ({error}); rebuild it with `cargo xtask image`"),
    })
}
