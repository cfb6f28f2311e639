//! What an execution can prove of its isolation.

use crate::name::RuntimeId;
use crate::sandbox::Isolation;
use crate::time::Timestamp;

/// A closed set of facts, each with the word under which it is stored and shown.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $type {
            /// Every one.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// The word under which it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($type::$variant => $word,)*
                }
            }

            /// Reads a word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }
    };
}

/// How an execution was isolated, as observed from outside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The tier that it ran in.
    pub tier: Isolation,
    /// What contained it.
    pub backend: BackendKind,
    /// Name of the runtime.
    pub runtime: RuntimeId,
    /// Digest of the runtime: the image's, or over the interpreter and its layout.
    pub runtime_digest: String,
    /// Version of the interpreter, e.g. `3.11.2`.
    pub python_version: String,
    /// Identity of the sandbox.
    pub sandbox: String,
    /// Namespaces of its own: user, pid, mnt, ipc, uts; and net, which it may share with others of its sandbox.
    pub namespaces: Vec<String>,
    /// Whether a filter of system calls was in force.
    pub seccomp: Seccomp,
    /// Whether it can gain privileges by executing something.
    pub no_new_privileges: bool,
    /// Effective capabilities as the kernel's bit mask; 0 is none.
    pub capabilities: u64,
    /// User id on the host.
    pub uid: u32,
    /// What of the network it could reach.
    pub network: Network,
    /// What held it to its limits.
    pub resource_control: ResourceControl,
    /// The escape probes that this tier of this server had withstood when it ran; `None` when they had not run to their end.
    pub battery: Option<BatteryPass>,
    /// How often its process was put back since it was forked, after other programs of the same tenant; 0 is a fresh one.
    pub restored: u32,
}

/// A battery of escape probes that a tier has withstood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatteryPass {
    /// Which battery: the start of a digest over its probes.
    pub version: String,
    /// When it ended.
    pub at: Timestamp,
}

words! {
    /// What contains executions.
    BackendKind {
        /// Containers of Docker Engine.
        Docker = "docker",
        /// Containers of Docker Engine that gVisor runs.
        DockerRunsc = "docker-runsc",
        /// Namespaces that the agent makes by itself.
        Namespace = "namespace",
        /// Landlock rules, where the host grants no namespaces.
        Landlock = "landlock",
    }
}

words! {
    /// Whether a filter of system calls is in force.
    Seccomp {
        /// It is.
        Filter = "filter",
        /// It is not.
        Disabled = "disabled",
    }
}

words! {
    /// What of the network an execution can reach.
    Network {
        /// No interface but an unused loopback.
        None = "none",
    }
}

words! {
    /// What holds an execution to its limits.
    ResourceControl {
        /// Control groups, version 1.
        CgroupV1 = "cgroup-v1",
        /// Control groups, version 2.
        CgroupV2 = "cgroup-v2",
        /// Limits of each process only.
        Process = "process",
    }
}
