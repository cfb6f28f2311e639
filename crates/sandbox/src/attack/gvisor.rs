//! What differs where gVisor runs a container: which layer stops a probe, and what such a sandbox leaves open by its nature. Those
//! are named here, shown as open, and refuse no tier; everything else is held to the same measure.

use super::defence::Defence;
use super::report::{Outcome, ProbeResult};
use crate::config::ContainerRuntime;

/// The backend that this is about.
pub(super) const BACKEND: &str = ContainerRuntime::Runsc.backend().as_str();

/// Probes that get through, and what they get.
const OPEN: &[(&str, &str)] = &[
    ("process-files", "they are of gVisor's own kernel, and know the processes of this container alone"),
    ("device-files", "devices are gVisor's own, and the container's alone"),
    ("file-attributes", "devices are gVisor's own, and the container's alone"),
    ("programs-in-tmp", "gVisor lets a file of /tmp be mapped as code; nothing can be executed"),
    ("see-other-processes", "process numbers are the container's, which has the program and the agent"),
    ("call-through-the-32-bit-gate", "gVisor takes it for a 64-bit call, past the same filter"),
    ("identity-of-the-host", "the user's number is one of the host's that nothing else has; the kernel is not the host's"),
    ("groups-of-the-host", "the group is the user's own"),
    ("inodes", "files of /tmp are limited in bytes, and their number by the container's memory"),
];

/// Names of the probes that get through.
#[cfg(test)]
pub(super) fn open() -> impl Iterator<Item = &'static str> {
    OPEN.iter().map(|(name, _)| *name)
}

/// Judges a probe by what this backend promises.
pub(super) fn judge(result: &mut ProbeResult) {
    result.defence = defence(result.defence);
    if result.outcome == Outcome::Reached
        && let Some((_, why)) = OPEN.iter().find(|(name, _)| *name == result.name)
    {
        result.outcome = Outcome::Open;
        result.detail = format!("{}: {why}", result.detail);
    }
}

/// The layer that takes the place of one.
pub(super) fn defence(namespaced: Defence) -> Defence {
    use Defence::{
        Gvisor, IpcNamespace, MountNamespace, NetworkNamespace, NoExecution, PidNamespace, ProcessLimit, ReadOnlyRoot, Root,
        SystemCallFilter, TmpfsLimit, UserNamespace, UtsNamespace,
    };
    match namespaced {
        Root | ReadOnlyRoot | NoExecution | TmpfsLimit => Gvisor,
        UserNamespace | PidNamespace | MountNamespace | NetworkNamespace | IpcNamespace | UtsNamespace => Gvisor,
        ProcessLimit => SystemCallFilter,
        same => same,
    }
}
