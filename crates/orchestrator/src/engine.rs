//! Port: an engine that runs containers. Adapters are named by technology; one suite of tests runs on each
//! (`crates/orchestrator/tests/it/contract.rs`). Nothing here decides what runs.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use domain::time::Timestamp;
use futures_util::Stream;
use process::service::{Port, Protocol, Resources};

use crate::labels::Identity;

/// A stream that does not borrow.
pub type Feed<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// What runs containers. Calls are bounded in time by the adapter.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Whether the engine answers, and is one that can be used.
    async fn check(&self) -> Result<(), Error>;
    /// Everything of this installation, whatever its state. What is being removed is left out.
    async fn list(&self) -> Result<Vec<Instance>, Error>;
    /// Makes an image be there.
    async fn fetch(&self, image: &str) -> Result<(), Error>;
    /// Makes a network be there. One that is there stays as it is, and is refused where it is not what was ordered.
    async fn network(&self, network: &NetworkOrder) -> Result<(), Error>;
    /// Makes a volume be there. One that is there stays as it is.
    async fn volume(&self, volume: &VolumeOrder) -> Result<(), Error>;
    /// Creates what does not run yet. Answers its id; [`Error::Taken`] where the name is.
    async fn create(&self, order: &Order) -> Result<String, Error>;
    /// Starts what was created.
    async fn start(&self, id: &str) -> Result<(), Error>;
    /// Asks it to end, and kills it after `grace`. What does not run or is not there is no error.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), Error>;
    /// Takes it away, running or not. What is not there is no error.
    async fn remove(&self, id: &str) -> Result<(), Error>;
    /// Lets calls to the service's name reach it, or not. It keeps its addresses and connections where the engine can do so.
    async fn serve(&self, id: &str, serving: bool) -> Result<(), Error>;
    /// Runs a program in it, and answers what it ended with. Where the last one has not ended, none is begun.
    async fn run(&self, id: &str, command: &[String], limit: Duration) -> Result<i64, Error>;
    /// What it has written.
    async fn logs(&self, id: &str, ask: LogAsk) -> Result<Feed<Result<Line, Error>>, Error>;
    /// What happens to this installation's containers, from now on. Something may be missed: who listens also looks from time to time.
    async fn changes(&self) -> Result<Feed<Result<Change, Error>>, Error>;
}

/// Why an engine did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not answer; nobody knows what it has done.
    #[error("{0}")]
    Unavailable(String),
    /// It answered that it will not or cannot.
    #[error("{0}")]
    Refused(String),
    /// An image, network or container that is needed is not there.
    #[error("{0}")]
    Missing(String),
    /// The name is taken.
    #[error("{0}")]
    Taken(String),
    /// Another server of the installation acts on the engine now: it was not asked, or what it was asked for was given up.
    #[error("{0}")]
    Deposed(String),
}

/// What shall be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its name, which follows from what it is: creating it twice fails.
    pub name: String,
    /// What it is.
    pub identity: Identity,
    /// The image.
    pub image: String,
    /// Program in place of the image's; the image's where it is empty.
    pub entrypoint: Vec<String>,
    /// Arguments in place of the image's; the image's where it is empty.
    pub command: Vec<String>,
    /// Environment, by name.
    pub environment: Vec<(String, String)>,
    /// Configs and secrets.
    pub files: Vec<File>,
    /// Storage, with the engine's names.
    pub mounts: Vec<Mount>,
    /// Limits.
    pub resources: Resources,
    /// Ports.
    pub ports: Vec<Port>,
    /// User in place of the image's.
    pub user: Option<String>,
    /// The directory that it begins in, in place of the image's.
    pub working_dir: Option<String>,
    /// Time to end.
    pub stop_grace: Duration,
    /// Whether the image's own health check runs.
    pub image_health: bool,
    /// Whether calls to the service's name reach it.
    pub serving: bool,
    /// Labels that people gave the service.
    pub labels: Vec<(String, String)>,
}

/// A file that a container finds.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub target: String,
    /// What it holds.
    pub content: Vec<u8>,
}

/// Storage of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What it shows, with the engine's name of a volume.
    pub source: process::service::Storage,
    /// Its path.
    pub target: String,
    /// Whether it cannot be written to.
    pub read_only: bool,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkOrder {
    /// The engine's name.
    pub name: String,
    /// Whether nothing in it reaches outside.
    pub internal: bool,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeOrder {
    /// The engine's name.
    pub name: String,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What the engine calls it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub identity: Identity,
    /// How it is.
    pub phase: Phase,
    /// Whether calls to the service's name reach it.
    pub serving: bool,
    /// Ports of the host that it holds.
    pub published: Vec<(u16, Protocol)>,
    /// Where it is reached from here.
    pub address: Option<IpAddr>,
    /// The image it was made of.
    pub image: String,
    /// When it was started last.
    pub started: Option<Timestamp>,
    /// Time that it has to end.
    pub stop_grace: Duration,
    /// What a person can change by hand.
    pub changeable: Changeable,
}

/// What can be changed of a container that runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changeable {
    /// Its limits.
    pub resources: Resources,
    /// The engine's names of its networks, sorted.
    pub networks: Vec<String>,
}

/// How a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It was created, and nobody has started it yet.
    Created,
    /// It could not be started.
    Unstartable(String),
    /// It runs.
    Running(Option<Reported>),
    /// It runs, and somebody has stopped its processes.
    Paused,
    /// It has ended.
    Ended {
        /// What it ended with.
        code: i64,
        /// When.
        at: Timestamp,
        /// Whether it had used up its memory.
        out_of_memory: bool,
    },
}

/// What the engine's own health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// Nothing yet.
    Starting,
    /// It is well.
    Healthy,
    /// It is not.
    Unhealthy,
}

/// Which lines of a log are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogAsk {
    /// Whether to wait for more.
    pub follow: bool,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// The last ones only.
    pub tail: Option<u32>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, in nanoseconds since the Unix epoch: the order of lines is finer than a [`Timestamp`].
    pub nanos: i128,
    /// Whether it went to the standard error.
    pub is_error: bool,
    /// Without the end of the line.
    pub text: String,
    /// Whether it was longer.
    pub truncated: bool,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the engine calls it.
    pub id: String,
    /// The service.
    pub service: String,
    /// What happened, in the engine's word.
    pub action: String,
}

// === impl File ===

/// Content may be a secret.
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("target", &self.target).field("bytes", &self.content.len()).finish()
    }
}

// === impl Instance ===

impl Instance {
    /// Whether something runs in it.
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running(_) | Phase::Paused)
    }
}

// === impl Line ===

impl Line {
    /// When it was written.
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millis(u64::try_from(self.nanos / 1_000_000).unwrap_or_default())
    }
}
