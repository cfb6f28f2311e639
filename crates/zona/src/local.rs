//! The local tools: what works on this machine without asking a server, and what starts one. Client commands are in `cli`.

use clap::ValueEnum;
use server::config::BackendKind;
use settings::Flag;

pub mod audit;
pub mod check;
pub mod demo;
pub mod dev;
pub mod doctor;
pub mod ps;
pub mod sandbox;
pub mod serve;
pub mod storage;

mod serving;

/// A backend of the sandbox, as a flag names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Backend {
    /// Namespaces made by Zona's own agent; no daemon
    Namespace,
    /// Containers of a Docker daemon
    Docker,
    /// Landlock, for hosts that grant no user namespaces; weaker, tier T1 only
    Landlock,
}

impl Backend {
    /// The backend of the configuration.
    pub fn kind(self) -> BackendKind {
        match self {
            Backend::Namespace => BackendKind::Namespace,
            Backend::Docker => BackendKind::Docker,
            Backend::Landlock => BackendKind::Landlock,
        }
    }

    /// The key that the flag sets.
    fn flag(self) -> Flag {
        Flag { key: "sandbox.backend", value: self.kind().as_str().to_owned() }
    }
}
