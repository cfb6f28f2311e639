//! A service as it is wanted: what runs (its context), how often, after whom, and how it is changed. `ServiceData` of the low-level design.
//! What runs at the moment is in [`crate::observed`].

use std::collections::BTreeMap;
use std::time::Duration;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// Its name: also its name in the network.
    pub name: String,
    /// When it starts, seen from far.
    pub group: Group,
    /// Whether it shall run at all.
    pub enabled: bool,
    /// What runs.
    pub context: Context,
    /// Ports that are reachable.
    pub ports: Vec<Port>,
    /// How often it runs.
    pub replicas: u32,
    /// What must be there before it starts.
    pub depends_on: Vec<Dependency>,
    /// How it is seen to be well; without, a replica that runs is well.
    pub health: Option<Health>,
    /// What happens when a replica ends.
    pub restart: Restart,
    /// How replicas are replaced.
    pub update: Update,
    /// Bounds of automatic scaling.
    pub scaling: Option<Scaling>,
    /// Defaults of the parameters of its integrations.
    pub parameters: BTreeMap<String, String>,
    /// Labels for people and other programs; they change nothing about what runs.
    pub labels: BTreeMap<String, String>,
    /// How often somebody has asked for it to be restarted: replicas of another number are replaced. Never in a manifest.
    pub restarts: u32,
}

/// The four groups of services, in the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Group {
    /// What everything else needs: stores, brokers.
    System,
    /// The platform itself.
    #[default]
    Core,
    /// Work that runs by itself.
    Batch,
    /// What people and tenants use.
    App,
}

/// What runs: image, command and surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The image, with tag or digest.
    pub image: String,
    /// Program in place of the image's; the image's where it is empty.
    pub entrypoint: Vec<String>,
    /// Arguments in place of the image's; the image's where it is empty.
    pub command: Vec<String>,
    /// Environment.
    pub environment: BTreeMap<String, String>,
    /// Configurations by name, and where they appear.
    pub configs: Vec<Attached>,
    /// Secrets by name, and where they appear.
    pub secrets: Vec<Attached>,
    /// Storage.
    pub mounts: Vec<Mount>,
    /// Networks it is in; without, the network of the platform.
    pub networks: Vec<String>,
    /// What it may use up.
    pub resources: Resources,
    /// User or `user:group` in place of the image's.
    pub user: Option<String>,
    /// The directory that it begins in, in place of the image's. Integrations have one; in a manifest no service has.
    pub working_dir: Option<String>,
    /// How long it has to end after it was asked to.
    pub stop_grace: Duration,
}

/// A config or secret as a file of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its name in the manifest.
    pub source: String,
    /// Its path in the container.
    pub target: String,
}

/// Storage of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What it is.
    pub source: Storage,
    /// Its path in the container.
    pub target: String,
    /// Whether it cannot be written to.
    pub read_only: bool,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// A volume of the manifest.
    Volume(String),
    /// A directory or file of the host.
    Host(String),
    /// Memory.
    Memory,
}

/// What a replica may use up. Absent: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resources {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of memory that are kept for it.
    pub memory_reserved: Option<u64>,
    /// Thousandths of processors.
    pub milli_processors: Option<u32>,
}

/// A port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// The port in the container.
    pub target: u16,
    /// The port of the host, where others reach it from outside of the network.
    pub published: Option<u16>,
    /// The protocol.
    pub protocol: Protocol,
}

/// Protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// What must be there before a service starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The other service.
    pub service: String,
    /// How far it must be.
    pub condition: Condition,
    /// Whether this service is replaced whenever the other one is.
    pub restart: bool,
}

/// How far a service must be before others start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Condition {
    /// It runs.
    Started,
    /// It is well.
    #[default]
    Healthy,
    /// It has ended without a failure.
    Completed,
}

/// How a replica is seen to be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What is asked.
    pub probe: Probe,
    /// Time between two questions.
    pub interval: Duration,
    /// Time for an answer.
    pub timeout: Duration,
    /// Failures in a row after which it is not well.
    pub retries: u32,
    /// Time after its start in which failures do not count.
    pub start_period: Duration,
}

/// What is asked of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// An HTTP GET that must answer with a status from 200 to 399.
    Http {
        /// The port in the container.
        port: u16,
        /// The path.
        path: String,
    },
    /// A connection.
    Tcp {
        /// The port in the container.
        port: u16,
    },
    /// `grpc.health.v1.Health/Check`.
    Grpc {
        /// The port in the container.
        port: u16,
        /// The service that is asked about; empty for the whole server.
        service: String,
    },
    /// A program in the container that must end with 0.
    Command(Vec<String>),
    /// What the image declares.
    Image,
}

/// What happens when a replica ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// When it is started again.
    pub condition: RestartCondition,
    /// Restarts within `window` after which it has failed.
    pub attempts: u32,
    /// The time in which restarts are counted.
    pub window: Duration,
    /// Time before a restart.
    pub delay: Duration,
}

/// When a replica that has ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RestartCondition {
    /// Whatever it ended with.
    #[default]
    Always,
    /// When it failed.
    OnFailure,
    /// Not at all: it runs once.
    Never,
}

/// How replicas are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// The strategy.
    pub strategy: Strategy,
    /// Replicas that are replaced at a time.
    pub parallelism: u32,
    /// Whether the new replica starts before the old one stops.
    pub order: Order,
    /// Replicas that are well at every moment, as far as they are before.
    pub min_available: u32,
    /// New replicas that may fail before the update does.
    pub max_failures: u32,
}

/// How a service gets from one revision to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Strategy {
    /// A few replicas at a time.
    #[default]
    Rolling,
    /// All new ones beside the old ones, then all calls go to the new ones, then the old ones stop.
    BlueGreen,
    /// A share first, then the rest in a rolling manner.
    Canary {
        /// Percent of the replicas that come first.
        share: u32,
        /// How long they must stay well before the others follow.
        hold: Duration,
    },
}

/// What comes first when a replica is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Order {
    /// The new one starts first.
    #[default]
    StartFirst,
    /// The old one stops first.
    StopFirst,
}

/// Bounds of automatic scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaling {
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// Percent of a replica's processors to aim at.
    pub target: u32,
    /// Time between two changes.
    pub cool_down: Duration,
}

// === impl Service ===

impl Service {
    /// How many replicas there shall be.
    pub fn wanted(&self) -> u32 {
        if self.enabled { self.replicas } else { 0 }
    }

    /// Whether it ends by itself, as a migration does. What is started again after a failure only is such work where others wait for its
    /// end; otherwise it is a service that runs on.
    pub fn ends(&self, is_waited_for: bool) -> bool {
        match self.restart.condition {
            RestartCondition::Always => false,
            RestartCondition::OnFailure => is_waited_for,
            RestartCondition::Never => true,
        }
    }

    /// Whether it holds a port of the host, which no second replica of it can have.
    pub fn holds_port(&self) -> bool {
        self.ports.iter().any(|port| port.published.is_some())
    }
}

/// Names of the values of an enumeration, as manifests have them.
macro_rules! words {
    ($kind:ident, $count:literal: $($value:ident = $word:literal),+) => {
        impl $kind {
            /// The names of all values.
            pub const WORDS: [&'static str; $count] = [$($word),+];

            /// The name of the value.
            pub const fn as_str(self) -> &'static str {
                match self { $($kind::$value => $word),+ }
            }

            /// The value of a name.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some($kind::$value),)+ _ => None }
            }
        }
    };
}

words!(Group, 4: System = "SYSTEM", Core = "CORE", Batch = "BATCH", App = "APP");
words!(Condition, 3: Started = "started", Healthy = "healthy", Completed = "completed");
words!(Protocol, 2: Tcp = "tcp", Udp = "udp");
words!(RestartCondition, 3: Always = "always", OnFailure = "on-failure", Never = "never");
words!(Order, 2: StartFirst = "start-first", StopFirst = "stop-first");

// === impl defaults ===

impl Default for Restart {
    fn default() -> Self {
        // Two restarts in half an hour: more is a loop that a person must look at.
        Restart { condition: RestartCondition::Always, attempts: 2, window: Duration::from_secs(30 * 60), delay: Duration::from_secs(15) }
    }
}

impl Default for Update {
    fn default() -> Self {
        Update { strategy: Strategy::Rolling, parallelism: 1, order: Order::StartFirst, min_available: 0, max_failures: 0 }
    }
}
