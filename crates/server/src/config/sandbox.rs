//! `[sandbox]`: what contains executions.

use std::path::PathBuf;
use std::time::Duration;

use sandbox::{Backend, ContainerRuntime, Docker, Namespace, Pool};
use settings::{Place, Reader, Surroundings, section, value};

/// Most user ids: the last one is nobody's.
const MAX_UID: u64 = u32::MAX as u64 - 1;

section! {
    /// What contains executions.
    pub struct Sandbox in Place::table("sandbox");

    /// `namespace`, `docker`, or `landlock`: weaker, T1 only, for hosts that grant no user namespaces; see
    /// [Security](security.md#without-user-namespaces-the-landlock-backend)
    backend: BackendKind = "namespace", shown "`namespace`; for `zona server` `docker`" => value::choice(&BackendKind::NAMES);
    /// interpreter of the namespace and landlock backends; not set: `/usr/bin/python3`, then `python3` on the path
    python: Option<PathBuf> => value::optional(value::path);
    /// directory of the default runtime's packages for the namespace backend, as `cargo xtask runtime` makes it; everybody must be
    /// able to read it, and it must not lie in `/tmp`
    packages: Option<PathBuf> => value::optional(packages_directory);
    /// the default runtime's image for the docker backend
    image: String = "zona/runtime-python:3.11" => value::text(value::any);
    /// where the Docker daemon answers
    docker_socket: PathBuf = "/var/run/docker.sock" => value::text(value::path);
    /// AppArmor profile of the docker backend's containers, e.g. `zona-sandbox` from `deploy/sandbox/apparmor.profile`; not set: the
    /// daemon's default
    apparmor: Option<String> => value::optional(apparmor_profile);
    /// `runsc`: gVisor runs the docker backend's containers, for T2 and T3 only; not set: the daemon's default. See
    /// [Security](security.md#apparmor-and-gvisor)
    container_runtime: Option<ContainerRuntime> => value::optional(container_runtime);
    /// sandboxes that wait for a tenant, ready, at least; `0`: each is started on demand
    warm: usize = 1 => value::number(0..=256);
    /// and at most, not less than `sandbox.warm`; in between, as many as were bound in the busiest second of the last minute
    max_warm: usize = 4 => value::number(0..=256);
    /// bytes of memory that waiting sandboxes leave free on the host (and in the server's own control groups); below, none is
    /// started to wait, and idle ones are given up one a second
    memory_reserve: u64 = 268435456 => value::number(0..=u64::MAX);
    /// sealed processes of each sandbox, waiting and running together; where they are put back two wait, and more are forked while
    /// more run
    ready_children: usize = 4 => value::number(1..=64);
    /// `fresh`: each process runs one program. `restored`: those of T1 are put back after a program and run the next one of their
    /// tenant, with the docker and namespace backends and Linux 6.7 or newer; see
    /// [Security](security.md#one-process-one-program-after-the-other)
    children: Children = "restored" => value::choice(&Children::NAMES);
    /// sandboxes at most
    max_sandboxes: usize = 16 => value::number(1..=4_096);
    /// a tenant's sandbox without work is destroyed after this
    idle: Duration = "5m" => value::duration(Duration::from_secs(1));
    /// every sandbox is replaced after this
    max_age: Duration = "1h" => value::duration(Duration::from_secs(10));
    /// and after this many executions, of which one in a process that was put back counts a hundredth
    max_executions: u64 = 10000 => value::number(1..=u64::MAX);
    /// first of the user ids of sandboxes, one each (docker; namespace as root)
    first_uid: u32 = 200000 => value::number(1..=MAX_UID);
    /// and the last
    last_uid: u32 = 265535 => value::number(1..=MAX_UID);
    /// sockets and locks; must be short; not set: per installation under `/run` or `/tmp`
    runtime_directory: Option<PathBuf> => value::optional(value::path);
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

/// How many programs a process of T1 runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// One.
    Fresh,
    /// One after the other, of one tenant; it is put back after each.
    Restored,
}

impl Sandbox {
    /// Reads the section, and what its keys have to say of each other.
    pub(super) fn checked(reader: &mut Reader<'_>) -> Option<Self> {
        let read = Sandbox::read(reader, Sandbox::SECTION.path());
        reader.refuse_above("sandbox.warm", "sandbox.max_sandboxes");
        reader.refuse_above("sandbox.warm", "sandbox.max_warm");
        reader.refuse_below("sandbox.last_uid", "sandbox.first_uid");
        read
    }

    /// Settings of the namespace backend.
    pub fn namespace(&self, surroundings: &Surroundings) -> Namespace {
        Namespace {
            python: self.python.clone(),
            search_path: surroundings.search_path.clone(),
            packages: self.packages.iter().cloned().collect(),
        }
    }

    /// Settings of the docker backend.
    pub fn docker(&self) -> Docker {
        Docker {
            socket: self.docker_socket.clone(),
            image: self.image.clone(),
            apparmor: self.apparmor.clone(),
            runtime: self.container_runtime.unwrap_or_default(),
            ..Docker::default()
        }
    }

    /// The backend in use with its settings.
    pub(crate) fn chosen(&self, surroundings: &Surroundings) -> Backend {
        match self.backend {
            BackendKind::Namespace => Backend::Namespace(self.namespace(surroundings)),
            BackendKind::Docker => Backend::Docker(self.docker()),
            BackendKind::Landlock => Backend::Landlock(self.namespace(surroundings)),
        }
    }

    /// How many sandboxes there are, and how long each lives.
    pub(crate) fn pool(&self, usual: Pool) -> Pool {
        Pool {
            unassigned: self.warm,
            max_unassigned: self.max_warm,
            memory_reserve: self.memory_reserve,
            children: self.ready_children,
            restore: self.children == Children::Restored,
            max_sandboxes: self.max_sandboxes,
            idle: self.idle,
            max_age: self.max_age,
            max_executions: self.max_executions,
            ..usual
        }
    }
}

impl BackendKind {
    const NAMES: [(&'static str, BackendKind); 3] =
        [("namespace", BackendKind::Namespace), ("docker", BackendKind::Docker), ("landlock", BackendKind::Landlock)];

    /// `namespace`, `docker` or `landlock`.
    pub const fn as_str(self) -> &'static str {
        match self {
            BackendKind::Namespace => "namespace",
            BackendKind::Docker => "docker",
            BackendKind::Landlock => "landlock",
        }
    }

    /// The backend of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        BackendKind::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

impl Children {
    const NAMES: [(&'static str, Children); 2] = [("fresh", Children::Fresh), ("restored", Children::Restored)];
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

pub(super) fn packages_directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path {
        path if !path.is_absolute() => Err(format!("{text} must be an absolute path")),
        path if path.starts_with("/tmp") => Err(format!("{text} lies in /tmp, which in a sandbox is its own; choose another place")),
        path => Ok(path),
    }
}
