//! What an operator chooses: where sockets lie, which backend contains sandboxes, and how many are kept.
//!
//! It deliberately reads neither environment nor files; the composition root fills it in.

use domain::name::RuntimeId;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod docker;

pub use docker::{ContainerRuntime, Docker};

/// A socket's path has 108 bytes, the last of which is 0.
const MAX_SOCKET_PATH: usize = 107;
/// `/`, a directory of 16 hexadecimal digits, and `/s`.
const SOCKET_SUFFIX: usize = 1 + 16 + 2;
/// Longest installation or instance id; both stand in paths, cgroups and labels.
const MAX_ID: usize = 32;

/// Everything that [`crate::Sandboxes`] needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory of this installation's sockets and locks, created with mode 0711. It must be short (a socket's path has 108
    /// bytes), the same for every server of the installation, and on a local file system. See [`runtime_directory`].
    pub runtime_directory: PathBuf,
    /// Where the agent binary is written; needed where `runtime_directory` is mounted `noexec`, as `/run` often is. `None` is
    /// the runtime directory.
    pub agent_directory: Option<PathBuf>,
    /// Names the installation: 1 to 32 lower-case letters, digits and hyphens. Servers that share it sweep each other's remains.
    pub installation: String,
    /// Names this server process, unique within the installation; same alphabet.
    pub instance: String,
    /// The program that runs inside every sandbox.
    pub agent: AgentBinary,
    /// Name of the default runtime, which the backend's settings describe.
    pub runtime: String,
    /// Runtimes beside it.
    pub runtimes: Vec<RuntimeConfig>,
    /// Reads what a runtime says of its modules, for whoever checks code against it: a runtime whose interface it refuses is not
    /// used. The default accepts all.
    pub interface_check: InterfaceCheck,
    /// Modules that are imported before a program arrives; one that the runtime lacks is skipped.
    pub preload: Vec<String>,
    /// User ids of sandboxes, one each. Used by the Docker backend, and by the namespace backend when it runs as root.
    pub uids: UidRange,
    /// What contains a sandbox.
    pub backend: Backend,
    /// How many sandboxes are kept, and for how long.
    pub pool: Pool,
    /// Whether a tier must have withstood the battery of escape probes.
    pub proof: Proof,
}

/// Says what is wrong with the text of an interface, for an interpreter of this version (`major.minor.micro`).
pub type InterfaceCheck = fn(text: &str, python_version: &str) -> Result<(), String>;

/// Whether programs run in a tier that has not withstood the battery of escape probes. A tier in which a probe got through is
/// refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proof {
    /// The battery runs only when it is asked for: for tools and tests.
    #[default]
    Off,
    /// Programs run while the battery does, and are refused as soon as a probe gets through.
    Background,
    /// Programs wait until the battery has passed.
    Required,
}

/// The agent's static executable, as carried by the binary that links this crate.
#[derive(Clone, Copy)]
pub struct AgentBinary(pub &'static [u8]);

/// A range of numeric user ids, without 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UidRange(RangeInclusive<u32>);

/// A runtime beside the default one. A backend uses its own part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// Its name, as utilities name it: 1 to 32 lower-case letters, digits and hyphens.
    pub name: String,
    /// The namespace backend's interpreter. `None` is the default runtime's. With neither this nor packages that backend does not
    /// offer the runtime.
    pub python: Option<PathBuf>,
    /// The namespace backend's directories of installed packages that user code may import.
    pub packages: Vec<PathBuf>,
    /// The docker backend's image. Without one that backend does not offer the runtime.
    pub image: Option<String>,
}

/// A runtime of a configuration, by its position: the default one comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuntimeKey(usize);

/// What contains a sandbox.
#[derive(Debug, Clone)]
pub enum Backend {
    /// Namespaces made by the agent itself; no daemon.
    Namespace(Namespace),
    /// Landlock, for hosts that grant no user namespaces. Weaker, tier T1 only, and never fallen back to: somebody has to choose
    /// it. Finds its interpreter as the namespace backend does.
    Landlock(Namespace),
    /// Containers of a Docker daemon.
    Docker(Docker),
}

/// Settings of the namespace backend.
#[derive(Debug, Clone, Default)]
pub struct Namespace {
    /// The interpreter. `None` looks for `/usr/bin/python3`, then `python3` in `search_path`.
    pub python: Option<PathBuf>,
    /// Directories searched for `python3`.
    pub search_path: Vec<PathBuf>,
    /// Directories of installed packages that user code may import.
    pub packages: Vec<PathBuf>,
}

/// How many sandboxes are kept, and for how long.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Started sandboxes that wait for a tenant, at least. 0 starts each on demand.
    pub unassigned: usize,
    /// Started sandboxes that wait for a `SingleUse` program, once the first one has run, at least.
    pub single_use: usize,
    /// Of either, at most: in between, as many as the busiest moment of the last minute took.
    pub max_unassigned: usize,
    /// Bytes of memory that sandboxes kept in stock leave to others. Below it none is started for stock, and those that are idle
    /// are given up, one a second.
    pub memory_reserve: u64,
    /// Children of one sandbox, waiting and running together; a sandbox's memory limit is sized for as many. At least 1.
    pub children: usize,
    /// Whether the children of tier T1 are put back after a program and run the next one of their tenant, with the docker and namespace
    /// backends and where the kernel has the means. Otherwise each runs one program.
    pub restore: bool,
    /// Sandboxes at any time.
    pub max_sandboxes: usize,
    /// Sandboxes that start at the same time: starting costs 0.1 to 0.2 s of CPU each.
    pub max_starting: usize,
    /// Programs that wait for a child.
    pub max_waiting: usize,
    /// How long a program waits for a child before it is refused as busy.
    pub max_wait: Duration,
    /// How long a tenant's program waits for one of the tenant's busy children before a further sandbox is bound to the tenant.
    pub scale_after: Duration,
    /// A bound sandbox without work for this long is destroyed.
    pub idle: Duration,
    /// A sandbox older than this takes no further program.
    pub max_age: Duration,
    /// A sandbox that has run this many programs takes no further one: bounds what siblings, which share an address layout,
    /// could learn from each other. A program in a child that was put back counts a hundredth, since tries that fail take forks.
    pub max_executions: u64,
    /// How long a sandbox may take from the start of its agent until it can fork.
    pub start_deadline: Duration,
    /// Threads and processes that a program of tier T2 or T3 may have beside itself.
    pub processes: u32,
}

/// The runtime directory of an installation: below `/run` for root, else below `XDG_RUNTIME_DIR` when given, else `/tmp`.
pub fn runtime_directory(installation: &str, xdg_runtime: Option<&Path>) -> PathBuf {
    let name = format!("zona-{installation}");
    match xdg_runtime {
        _ if rustix::process::geteuid().is_root() => Path::new("/run").join(name),
        Some(directory) if directory.is_dir() => directory.join(name),
        _ => Path::new("/tmp").join(name),
    }
}

// === impl Config ===

impl Config {
    /// A configuration with the defaults of everything but what must be chosen.
    pub fn new(installation: &str, instance: &str, agent: AgentBinary, backend: Backend) -> Self {
        Config {
            runtime_directory: runtime_directory(installation, None),
            agent_directory: None,
            installation: installation.to_owned(),
            instance: instance.to_owned(),
            agent,
            runtime: RuntimeId::default().to_string(),
            runtimes: Vec::new(),
            interface_check: |_, _| Ok(()),
            preload: DEFAULT_PRELOAD.iter().map(|&module| module.to_owned()).collect(),
            uids: UidRange::default(),
            backend,
            pool: Pool::default(),
            proof: Proof::default(),
        }
    }

    /// Every rule that the configuration breaks, in words.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, id) in [("installation", &self.installation), ("instance", &self.instance)] {
            if !is_id(id) {
                found.push(format!("{name}: 1 to {MAX_ID} lower-case letters, digits and hyphens, not {id:?}"));
            }
        }
        let longest = self.runtime_directory.as_os_str().len() + 1 + self.instance.len() + SOCKET_SUFFIX;
        if longest > MAX_SOCKET_PATH || !self.runtime_directory.is_absolute() {
            let room = MAX_SOCKET_PATH.saturating_sub(1 + self.instance.len() + SOCKET_SUFFIX);
            found.push(format!("runtime directory {}: an absolute path of at most {room} bytes", self.runtime_directory.display()));
        }
        for (position, name) in self.runtime_names().enumerate() {
            if !is_id(name) {
                found.push(format!("runtime: 1 to {MAX_ID} lower-case letters, digits and hyphens, not {name:?}"));
            }
            if self.runtime_names().take(position).any(|earlier| earlier == name) {
                found.push(format!("runtime {name}: there are two of this name"));
            }
        }
        self.pool.violations(&mut found);
        found
    }

    /// Names of all runtimes, the default one first.
    pub fn runtime_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.runtime.as_str()).chain(self.runtimes.iter().map(|runtime| runtime.name.as_str()))
    }

    pub(crate) fn runtime_keys(&self) -> impl Iterator<Item = RuntimeKey> {
        (0..self.runtime_names().count()).map(RuntimeKey)
    }

    pub(crate) fn runtime_key(&self, name: &str) -> Option<RuntimeKey> {
        self.runtime_names().position(|known| known == name).map(RuntimeKey)
    }

    pub(crate) fn runtime_name(&self, key: RuntimeKey) -> &str {
        self.runtime_names().nth(key.0).expect("keys come from this configuration")
    }

    /// What the namespace backend is told of each runtime, by key; nothing where it does not offer it.
    pub(crate) fn namespace_runtimes(&self, default: &Namespace) -> Vec<Option<Namespace>> {
        let further = |runtime: &RuntimeConfig| {
            let python = runtime.python.clone().or_else(|| default.python.clone());
            runtime.is_for_namespaces().then(|| Namespace { python, packages: runtime.packages.clone(), ..default.clone() })
        };
        std::iter::once(Some(default.clone())).chain(self.runtimes.iter().map(further)).collect()
    }

    /// The image of each runtime, by key.
    pub(crate) fn images(&self, default: &Docker) -> Vec<Option<String>> {
        std::iter::once(Some(default.image.clone())).chain(self.runtimes.iter().map(|runtime| runtime.image.clone())).collect()
    }
}

fn is_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !id.is_empty() && id.len() <= MAX_ID && id.chars().all(allowed)
}

// === impl RuntimeConfig ===

impl RuntimeConfig {
    /// Whether a backend offers it: the configuration says something about it for that backend.
    pub(crate) fn is_offered_by(&self, backend: &Backend) -> bool {
        match backend {
            Backend::Namespace(_) | Backend::Landlock(_) => self.is_for_namespaces(),
            Backend::Docker(_) => self.image.is_some(),
        }
    }

    fn is_for_namespaces(&self) -> bool {
        self.python.is_some() || !self.packages.is_empty()
    }
}

// === impl RuntimeKey ===

impl RuntimeKey {
    /// The runtime of utilities that name none.
    pub(crate) const DEFAULT: RuntimeKey = RuntimeKey(0);

    /// Its position in lists of all runtimes.
    pub(crate) const fn index(self) -> usize {
        self.0
    }
}

/// Modules that ordinary utilities import; importing them once per sandbox instead of once per program saves 10 to 100 ms each.
const DEFAULT_PRELOAD: &[&str] = &[
    // What `datetime.strptime` imports when it is first called.
    "_strptime",
    "abc",
    "base64",
    "binascii",
    "bisect",
    "calendar",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "operator",
    "random",
    "re",
    "secrets",
    "statistics",
    "string",
    "struct",
    "textwrap",
    "time",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
    "zlib",
];

// === impl Pool ===

impl Default for Pool {
    fn default() -> Self {
        Pool {
            unassigned: 1,
            single_use: 1,
            max_unassigned: 4,
            memory_reserve: 256 * 1024 * 1024,
            children: 4,
            restore: false,
            max_sandboxes: 16,
            max_starting: 3,
            max_waiting: 1024,
            max_wait: Duration::from_secs(30),
            scale_after: Duration::from_millis(20),
            idle: Duration::from_secs(5 * 60),
            max_age: Duration::from_secs(60 * 60),
            max_executions: 10_000,
            start_deadline: Duration::from_secs(20),
            processes: 32,
        }
    }
}

impl Pool {
    fn violations(&self, found: &mut Vec<String>) {
        for (name, value) in [("children", self.children), ("max_sandboxes", self.max_sandboxes), ("max_starting", self.max_starting)] {
            if value == 0 {
                found.push(format!("pool.{name}: at least 1"));
            }
        }
        if self.unassigned > self.max_sandboxes {
            found.push("pool.unassigned: at most pool.max_sandboxes".to_owned());
        }
        if self.children > 64 {
            found.push("pool.children: at most 64".to_owned());
        }
    }
}

// === impl UidRange ===

impl UidRange {
    /// Ids `first` to `last`, both included; `None` when it is empty or holds 0.
    pub fn new(first: u32, last: u32) -> Option<Self> {
        (first > 0 && first <= last).then_some(UidRange(first..=last))
    }

    /// Whether an id is one of them.
    pub(crate) fn contains(&self, id: u32) -> bool {
        self.0.contains(&id)
    }

    /// Whether any of the ids `first` to `last` is one of them.
    pub(crate) fn meets(&self, first: u32, last: u32) -> bool {
        first <= *self.0.end() && last >= *self.0.start()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.0.end() - self.0.start()) + 1
    }

    /// The id at a position, counted around.
    pub(crate) fn nth(&self, position: u64) -> u32 {
        self.0.start() + u32::try_from(position % self.count()).expect("a position in a range of u32 fits")
    }
}

impl Default for UidRange {
    fn default() -> Self {
        UidRange(200_000..=265_535)
    }
}

// === impl AgentBinary ===

impl std::fmt::Debug for AgentBinary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AgentBinary({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(directory: &str) -> Config {
        let mut config = Config::new("main", "a1", AgentBinary(b""), Backend::Docker(Docker::default()));
        config.runtime_directory = directory.into();
        config
    }

    #[test]
    fn every_broken_rule_is_reported_at_once() {
        let mut broken = config("relative");
        broken.installation = "Has Spaces".to_owned();
        broken.pool.children = 0;
        let found = broken.violations();
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn a_directory_whose_sockets_would_have_too_long_a_path_is_refused() {
        assert_eq!(config("/run/zona-main").violations(), Vec::<String>::new());
        assert_eq!(config(&format!("/{}", "x".repeat(100))).violations().len(), 1);
    }

    #[test]
    fn runtimes_have_names_of_their_own_and_the_default_one_comes_first() {
        let mut config = config("/run/zona-main");
        let named = |name: &str| RuntimeConfig { name: name.to_owned(), ..RuntimeConfig::default() };
        config.runtimes = vec![named("security")];
        assert_eq!(config.violations(), Vec::<String>::new());
        assert_eq!(config.runtime_key("python"), Some(RuntimeKey::DEFAULT));
        assert_eq!(config.runtime_key("security").map(|key| config.runtime_name(key)), Some("security"));
        assert_eq!(config.runtime_key("cobol"), None);
        config.runtimes = vec![named("python"), named("No spaces")];
        assert_eq!(config.violations().len(), 2, "{:?}", config.violations());
    }

    #[test]
    fn a_further_runtime_has_its_own_packages_and_by_default_the_default_interpreter() {
        let default = Namespace { python: Some("/usr/bin/python3".into()), packages: vec!["/srv/base".into()], ..Namespace::default() };
        let mut config = config("/run/zona-main");
        config.runtimes =
            vec![RuntimeConfig { name: "security".to_owned(), packages: vec!["/srv/security".into()], ..RuntimeConfig::default() }];
        let [Some(first), Some(second)] = <[_; 2]>::try_from(config.namespace_runtimes(&default)).unwrap() else {
            panic!("one is not offered")
        };
        assert_eq!((first.packages, second.python), (default.packages.clone(), default.python.clone()));
        assert_eq!(second.packages, [PathBuf::from("/srv/security")]);
        config.runtimes[0].packages.clear();
        assert!(config.namespace_runtimes(&default)[1].is_none(), "the same again under another name");
    }

    #[test]
    fn a_uid_range_never_holds_root_and_is_walked_around() {
        assert_eq!(UidRange::new(0, 5), None);
        let range = UidRange::new(7, 9).unwrap();
        assert_eq!([0, 1, 2, 3].map(|position| range.nth(position)), [7, 8, 9, 7]);
    }
}
