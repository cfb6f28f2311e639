//! What differs where Landlock takes the place of namespaces: which layer stops a probe, and which few things such a sandbox leaves
//! open by its nature. Those are named here, shown as open, and refuse no tier; everything else is held to the same measure.

use super::defence::Defence;
use super::report::{Outcome, ProbeResult};

/// The backend that this is about.
pub(super) const BACKEND: &str = "landlock";

/// Probes that get through, and what they get.
const OPEN: &[(&str, &str)] = &[
    ("control-sockets", "Landlock hides the contents of files, not that they are there"),
    ("see-other-processes", "process numbers are the host's; no process can be looked into or signalled"),
    ("identity-of-the-host", "the user is the host's, one that nothing else has where the server runs as root"),
    ("groups-of-the-host", "groups are the server's where it does not run as root"),
    ("name-of-the-host", "the host's name is the host's"),
];

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
        IpcNamespace, Landlock, MountNamespace, NetworkNamespace, NoExecution, PidNamespace, ReadOnlyRoot, Root, SystemCallFilter,
        TmpfsLimit,
    };
    match namespaced {
        Root | ReadOnlyRoot | NoExecution | MountNamespace | TmpfsLimit => Landlock,
        NetworkNamespace | IpcNamespace | PidNamespace => SystemCallFilter,
        same => same,
    }
}
