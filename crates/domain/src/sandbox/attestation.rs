//! What an execution can prove of its isolation.

use crate::time::Timestamp;

/// How an execution was isolated, as observed from outside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// `T1`, `T2` or `T3`.
    pub tier: String,
    /// `docker`, `docker-runsc`, `namespace` or `landlock`.
    pub backend: String,
    /// Name of the runtime.
    pub runtime: String,
    /// Digest of the runtime: the image's, or over the interpreter and its layout.
    pub runtime_digest: String,
    /// Version of the interpreter, e.g. `3.11.2`.
    pub python_version: String,
    /// Identity of the sandbox.
    pub sandbox: String,
    /// Namespaces of its own: user, pid, mnt, ipc, uts; and net, which it may share with others of its sandbox.
    pub namespaces: Vec<String>,
    /// `filter` when a seccomp filter is in force, otherwise `disabled`.
    pub seccomp: String,
    /// Whether it can gain privileges by executing something.
    pub no_new_privileges: bool,
    /// Effective capabilities as the kernel's bit mask; 0 is none.
    pub capabilities: u64,
    /// User id on the host.
    pub uid: u32,
    /// `none`: no interface but an unused loopback.
    pub network: String,
    /// `cgroup-v1`, `cgroup-v2` or `process` (per-process limits only).
    pub resource_control: String,
    /// The escape probes that this tier of this server had withstood when it ran; `None` when they had not run to their end.
    pub battery: Option<BatteryPass>,
}

/// A battery of escape probes that a tier has withstood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatteryPass {
    /// Which battery: the start of a digest over its probes.
    pub version: String,
    /// When it ended.
    pub at: Timestamp,
}
