//! The effective configuration: flags > environment > TOML file > defaults, read into types that cannot be wrong.
//!
//! Every error is reported at once, and a key that nobody knows is an error. Keys are listed in docs/operations.md.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::admission;
use domain::name::TenantId;
use figment::Figment;
use sandbox::ContainerRuntime;

mod layers;
mod print;
mod reader;
mod runtimes;
mod tenants;

pub use layers::{Flag, Surroundings};
use reader::Reader;
pub use runtimes::{RUNTIME_KEYS, RuntimeConfig};
pub use tenants::TENANT_KEYS;

/// Every key but those of `[runtimes.NAME]`, which are [`RUNTIME_KEYS`], and of `[tenants.CODE]`, which are [`TENANT_KEYS`], in the order in which they are printed.
pub const KEYS: [&str; 38] = [
    "server",
    "tenant",
    "output",
    "listen",
    "admin_listen",
    "max_connections",
    "data",
    "advisories",
    "log.filter",
    "log.format",
    "otlp.endpoint",
    "sandbox.backend",
    "sandbox.python",
    "sandbox.packages",
    "sandbox.image",
    "sandbox.docker_socket",
    "sandbox.apparmor",
    "sandbox.container_runtime",
    "sandbox.warm",
    "sandbox.max_warm",
    "sandbox.memory_reserve",
    "sandbox.ready_children",
    "sandbox.max_sandboxes",
    "sandbox.idle",
    "sandbox.max_age",
    "sandbox.max_executions",
    "sandbox.first_uid",
    "sandbox.last_uid",
    "sandbox.runtime_directory",
    "executions.max_running",
    "executions.max_running_per_tenant",
    "executions.max_queued",
    "executions.max_queued_per_tenant",
    "executions.keep",
    "executions.max_output_bytes",
    "store.readers",
    "store.deadline",
    "cache.max_bytes",
];

/// How answers can be printed.
pub const OUTPUTS: [&str; 4] = ["table", "json", "yaml", "jsonl"];
/// Most executions that any limit of admission names.
const MAX_COUNT: u64 = 1 << 20;

/// The configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where client commands connect to, e.g. `http://127.0.0.1:7070`.
    pub server: String,
    /// Tenant of bare ids.
    pub tenant: TenantId,
    /// How answers are printed: one of [`OUTPUTS`].
    pub output: &'static str,
    /// The gRPC port; always loopback.
    pub listen: SocketAddr,
    /// The operators' port; always loopback.
    pub admin_listen: SocketAddr,
    /// Connections of the gRPC port that are open at once.
    pub max_connections: usize,
    /// The data directory.
    pub data: PathBuf,
    /// Known vulnerabilities of packages: a file or a directory.
    pub advisories: Option<PathBuf>,
    /// Levels by target.
    pub log_filter: String,
    /// How log lines look.
    pub log_format: telemetry::Format,
    /// Where spans go.
    pub otlp_endpoint: Option<String>,
    /// What contains executions.
    pub sandbox: SandboxConfig,
    /// Who runs and who waits.
    pub admission: admission::Config,
    /// How long ended executions are kept.
    pub keep: Duration,
    /// How much output is kept.
    pub max_output_bytes: u64,
    /// Connections of the store that read at once.
    pub store_readers: NonZeroUsize,
    /// After this the store counts as unavailable.
    pub store_deadline: Duration,
    /// Memory for what was read lately; 0 keeps nothing.
    pub cache_max_bytes: u64,
}

/// What contains executions.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// `namespace`, `docker` or `landlock`.
    pub backend: BackendKind,
    /// Interpreter of the namespace backend.
    pub python: Option<PathBuf>,
    /// Directory of packages of the namespace backend's runtime.
    pub packages: Option<PathBuf>,
    /// Runtime image of the docker backend.
    pub image: String,
    /// Runtimes beside the one that `python`, `packages` and `image` describe.
    pub runtimes: Vec<RuntimeConfig>,
    /// The Docker daemon's socket.
    pub docker_socket: PathBuf,
    /// AppArmor profile of the docker backend's containers.
    pub apparmor: Option<String>,
    /// What the daemon runs them with.
    pub container_runtime: ContainerRuntime,
    /// Ready sandboxes that wait for a tenant, at least.
    pub warm: usize,
    /// And at most.
    pub max_warm: usize,
    /// Memory that these leave to others, in bytes.
    pub memory_reserve: u64,
    /// Sealed processes that wait in each.
    pub ready_children: usize,
    /// Sandboxes at most.
    pub max_sandboxes: usize,
    /// A bound sandbox without work for this long is destroyed.
    pub idle: Duration,
    /// An older one takes no further program.
    pub max_age: Duration,
    /// Programs of one sandbox.
    pub max_executions: u64,
    /// First and last user id of sandboxes.
    pub uids: (u32, u32),
    /// Sockets and locks.
    pub runtime_directory: Option<PathBuf>,
}

/// A backend of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// Namespaces made by Zona's own agent; no daemon.
    Namespace,
    /// Containers of a Docker daemon.
    Docker,
    /// Landlock, for hosts that grant no user namespaces; weaker, tier T1 only.
    Landlock,
}

/// The configuration with where each value came from.
pub struct Loaded {
    /// What holds.
    pub config: Config,
    figment: Figment,
}

/// Everything that is wrong with the configuration: key and what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<(String, String)>);

/// Reads the configuration. `file` is what `--config` names; `defaults` are those of the command, in place of the usual ones.
///
/// # Errors
/// Every problem at once.
pub fn load(file: Option<&Path>, defaults: Vec<Flag>, flags: Vec<Flag>, surroundings: &Surroundings) -> Result<Loaded, Problems> {
    let figment = layers::stack(file, defaults, flags, surroundings)?;
    let mut reader = Reader::new(&figment);
    let config = read(&mut reader);
    reader.refuse_unknown();
    let mut problems = reader.into_problems();
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, figment }),
        _ => {
            problems.sort();
            Err(Problems(problems))
        }
    }
}

impl Loaded {
    /// The effective configuration as a TOML file that says where each value comes from.
    pub fn print(&self) -> String {
        print::print(&self.figment)
    }
}

impl BackendKind {
    /// `namespace`, `docker` or `landlock`.
    pub const fn as_str(self) -> &'static str {
        match self {
            BackendKind::Namespace => "namespace",
            BackendKind::Docker => "docker",
            BackendKind::Landlock => "landlock",
        }
    }
}

/// Reads every key before it gives up, so that every problem is known.
fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let server = reader.parsed("server", server_address);
    let tenant = reader.parsed("tenant", |text| TenantId::parse("tenant", text).map_err(|error| first_violation(&error)));
    let output = reader.choice("output", &OUTPUTS.map(|name| (name, name)));
    let listen = reader.parsed("listen", loopback);
    let admin_listen = reader.parsed("admin_listen", loopback);
    let max_connections = reader.number("max_connections", 1, 1 << 20);
    let data = reader.parsed("data", |text| std::path::absolute(text).map_err(|error| error.to_string()));
    let advisories = reader.optional("advisories", |text| Ok(PathBuf::from(text)));
    let log_filter = reader.parsed("log.filter", |text| match telemetry::logs::check_filter(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    });
    let log_formats = [("auto", telemetry::Format::Auto), ("text", telemetry::Format::Text), ("json", telemetry::Format::Json)];
    let log_format = reader.choice("log.format", &log_formats);
    let otlp_endpoint = reader.optional("otlp.endpoint", server_address);
    let sandbox = read_sandbox(reader);
    let admission = read_admission(reader);
    let keep = reader.duration("executions.keep", Duration::from_secs(60));
    let max_output_bytes = reader.number("executions.max_output_bytes", 1 << 20, u64::MAX);
    let store_readers = reader.number("store.readers", 1, 64).and_then(|count| NonZeroUsize::new(count as usize));
    let store_deadline = reader.duration("store.deadline", Duration::from_millis(100));
    let cache_max_bytes = reader.number("cache.max_bytes", 0, 1 << 40);
    Some(Config {
        server: server?,
        tenant: tenant?,
        output: output?,
        listen: listen?,
        admin_listen: admin_listen?,
        max_connections: max_connections? as usize,
        data: data?,
        advisories: advisories?,
        log_filter: log_filter?,
        log_format: log_format?,
        otlp_endpoint: otlp_endpoint?,
        sandbox: sandbox?,
        admission: admission?,
        keep: keep?,
        max_output_bytes: max_output_bytes?,
        store_readers: store_readers?,
        store_deadline: store_deadline?,
        cache_max_bytes: cache_max_bytes?,
    })
}

fn read_sandbox(reader: &mut Reader<'_>) -> Option<SandboxConfig> {
    let path = |text: &str| Ok(PathBuf::from(text));
    let backends = [BackendKind::Namespace, BackendKind::Docker, BackendKind::Landlock].map(|kind| (kind.as_str(), kind));
    let backend = reader.choice("sandbox.backend", &backends);
    let python = reader.optional("sandbox.python", path);
    let packages = reader.optional("sandbox.packages", packages_directory);
    let image = reader.parsed("sandbox.image", |text| Ok(text.to_owned()));
    let runtimes = runtimes::read(reader, backend);
    let docker_socket = reader.parsed("sandbox.docker_socket", path);
    let apparmor = reader.optional("sandbox.apparmor", apparmor_profile);
    let container_runtime = reader.optional("sandbox.container_runtime", container_runtime);
    let warm = reader.number("sandbox.warm", 0, 256);
    let max_warm = reader.number("sandbox.max_warm", 0, 256);
    let memory_reserve = reader.number("sandbox.memory_reserve", 0, u64::MAX);
    let ready_children = reader.number("sandbox.ready_children", 1, 64);
    let max_sandboxes = reader.number("sandbox.max_sandboxes", 1, 4_096);
    let idle = reader.duration("sandbox.idle", Duration::from_secs(1));
    let max_age = reader.duration("sandbox.max_age", Duration::from_secs(10));
    let max_executions = reader.number("sandbox.max_executions", 1, u64::MAX);
    let first = reader.number("sandbox.first_uid", 1, u64::from(u32::MAX - 1));
    let last = reader.number("sandbox.last_uid", 1, u64::from(u32::MAX - 1));
    let runtime_directory = reader.optional("sandbox.runtime_directory", path);
    if let (Some(warm), Some(most)) = (warm, max_sandboxes)
        && warm > most
    {
        reader.refuse("sandbox.warm", format!("is {warm}, more than `sandbox.max_sandboxes`, which is {most}"));
    }
    if let (Some(warm), Some(most)) = (warm, max_warm)
        && warm > most
    {
        reader.refuse("sandbox.warm", format!("is {warm}, more than `sandbox.max_warm`, which is {most}"));
    }
    if let (Some(first), Some(last)) = (first, last)
        && last < first
    {
        reader.refuse("sandbox.last_uid", format!("is {last}, less than `sandbox.first_uid`, which is {first}"));
    }
    Some(SandboxConfig {
        backend: backend?,
        python: python?,
        packages: packages?,
        image: image?,
        runtimes: runtimes?,
        docker_socket: docker_socket?,
        apparmor: apparmor?,
        container_runtime: container_runtime?.unwrap_or_default(),
        warm: warm? as usize,
        max_warm: max_warm? as usize,
        memory_reserve: memory_reserve?,
        ready_children: ready_children? as usize,
        max_sandboxes: max_sandboxes? as usize,
        idle: idle?,
        max_age: max_age?,
        max_executions: max_executions?,
        uids: (first? as u32, last? as u32),
        runtime_directory: runtime_directory?,
    })
}

fn read_admission(reader: &mut Reader<'_>) -> Option<admission::Config> {
    let mut count = |key| reader.number(key, 1, MAX_COUNT).and_then(|count| u32::try_from(count).ok()).and_then(NonZeroU32::new);
    let max_running = count("executions.max_running");
    let max_running_per_tenant = count("executions.max_running_per_tenant");
    let max_queued = count("executions.max_queued");
    let max_queued_per_tenant = count("executions.max_queued_per_tenant");
    let tenants = tenants::read(reader, max_running_per_tenant, max_queued_per_tenant);
    Some(admission::Config {
        max_running: max_running?.get(),
        max_running_per_tenant: max_running_per_tenant?.get(),
        max_queued: max_queued?.get(),
        max_queued_per_tenant: max_queued_per_tenant?.get(),
        tenants: tenants?,
    })
}

fn container_runtime(text: &str) -> Result<ContainerRuntime, String> {
    match text {
        "runsc" => Ok(ContainerRuntime::Runsc),
        _ => Err(format!("{text:?} is none that sandboxes are made for: `runsc`, or not set for the daemon's default")),
    }
}

fn apparmor_profile(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    match text {
        "unconfined" => Err("must be a profile: a sandbox without one is not offered".to_owned()),
        name if !name.is_empty() && name.chars().all(allowed) => Ok(name.to_owned()),
        _ => Err(format!("{text:?} is no name of a profile: letters, digits, `-`, `_`, `.` and `/`")),
    }
}

fn packages_directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path {
        path if !path.is_absolute() => Err(format!("{text} must be an absolute path")),
        path if path.starts_with("/tmp") => Err(format!("{text} lies in /tmp, which in a sandbox is its own; choose another place")),
        path => Ok(path),
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "must be an IP address with a port, e.g. 127.0.0.1:7070".to_owned())?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!(
        "{address} is not a loopback address: Zona has no identity yet, so whoever reaches the port may run code and read everything; \
         use 127.0.0.1 or [::1]"
    ))
}

fn server_address(text: &str) -> Result<String, String> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let endpoint = tonic::transport::Endpoint::from_shared(with_scheme.clone());
    match endpoint {
        Ok(endpoint) if endpoint.uri().scheme_str() == Some("http") && endpoint.uri().host().is_some() => Ok(with_scheme),
        Ok(_) => Err("must be of the form http://host:port (there is no TLS yet)".to_owned()),
        Err(_) => Err("must be of the form http://host:port".to_owned()),
    }
}

fn first_violation(error: &domain::Error) -> String {
    match error {
        domain::Error::Invalid(violations) => violations.first().map(|violation| violation.description.clone()).unwrap_or_default(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
