//! What an operator chooses of the Docker backend. It deliberately asks no daemon whether it can be had.

use domain::sandbox::BackendKind;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the Docker backend.
#[derive(Debug, Clone)]
pub struct Docker {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// The runtime image, whose labels describe its layout.
    pub image: String,
    /// The AppArmor profile of containers, loaded on the daemon's host; `None` is the daemon's default.
    pub apparmor: Option<String>,
    /// What runs the containers.
    pub runtime: ContainerRuntime,
    /// How long the daemon may take to answer. It answers within milliseconds; one that starts a container on a busy disk, within
    /// seconds.
    pub deadline: Duration,
}

/// What the daemon runs containers with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContainerRuntime {
    /// Its default: the host's kernel, and namespaces.
    #[default]
    Default,
    /// gVisor, registered under its program's name: a kernel of its own for each container. Tiers T2 and T3 only, and a program has
    /// neither processes nor threads.
    Runsc,
}

// === impl Docker ===

impl Default for Docker {
    fn default() -> Self {
        Docker {
            socket: "/var/run/docker.sock".into(),
            image: "zona/runtime-python:3.11".to_owned(),
            apparmor: None,
            runtime: ContainerRuntime::Default,
            deadline: Duration::from_secs(10),
        }
    }
}

// === impl ContainerRuntime ===

impl ContainerRuntime {
    /// The name that the daemon knows it by; `None` is its default.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            ContainerRuntime::Default => None,
            ContainerRuntime::Runsc => Some("runsc"),
        }
    }

    /// The backend's name with it.
    pub(crate) const fn backend(self) -> BackendKind {
        match self {
            ContainerRuntime::Default => BackendKind::Docker,
            ContainerRuntime::Runsc => BackendKind::DockerRunsc,
        }
    }
}
