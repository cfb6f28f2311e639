//! Every probe: its name, what it goes for, what must stop it, where it applies and how its end is judged. The programs stand in
//! `probes/`.

use std::time::Duration;

use domain::sandbox::{Isolation, Limits, Reason};

use super::defence::Defence::{self, *};
use super::defence::ProbeGroup::{self, *};

const MIB: u64 = 1 << 20;

/// One way to attack a sandbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) group: ProbeGroup,
    pub(crate) defence: Defence,
    pub(crate) tiers: Tiers,
    pub(crate) way: Way,
}

/// Where a probe applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tiers {
    All,
    /// T1, where a program has no process or thread beside its own.
    Strict,
    /// T2 and T3, where it may have some.
    Processes,
}

/// How a probe's end is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// By what it says it got hold of.
    Asks,
    /// By what ends it. It runs alone.
    Ends {
        /// Its limits.
        limits: Change,
        /// Reasons that mean it was stopped.
        reasons: &'static [Reason],
        /// For [`Reason::Signal`]: which.
        signals: &'static [&'static str],
        /// The failure, by its reason and words, that means it got through.
        believed: Option<(Reason, &'static str)>,
    },
    /// By what the outside sees of one or several executions.
    Watches(Scene),
}

/// How limits differ from those of other probes. A newtype, so that a probe can be shown.
#[derive(Clone, Copy)]
pub(crate) struct Change(pub(crate) fn(&mut Limits));

/// What is looked at from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    /// One execution leaves traces, later ones look for them.
    Leftovers,
    /// A neighbor runs meanwhile, and holds a secret.
    Neighbor,
    /// Two tenants run one after the other.
    Tenants,
    /// One tenant runs twice.
    Twice,
    /// More is printed than is kept.
    Output,
}

/// Limits of a probe, where it does not say otherwise.
pub(crate) const LIMITS: Limits = Limits { memory: 64 * MIB, wall: Duration::from_secs(8), cpu: Duration::from_secs(8), ..Limits::DEFAULT };
/// Bytes of a result that are accepted from a probe that forges one, and how many it forges.
pub(crate) const SMALL_RESULT: u64 = 64 * 1024;
pub(crate) const FORGED_RESULT: u64 = 2 * SMALL_RESULT;
/// How deep a result nests that a probe forges; and how deep where nothing is to be in its way.
pub(crate) const FORGED_DEPTH: u64 = 100_000;
pub(crate) const SHALLOW: u64 = 100;
/// Bytes of output that are kept of a probe that floods, and how many it prints.
pub(crate) const SMALL_OUTPUT: u64 = 64 * 1024;
pub(crate) const FLOOD: u64 = 4 * SMALL_OUTPUT;
/// Short beside the second that those probes take which try to stay.
const SHORT: Duration = Duration::from_millis(200);

pub(crate) const PROBES: &[Probe] = &[
    asks("host-files", Files, Root),
    asks("process-files", Files, Root),
    asks("kernel-files", Files, Root),
    asks("control-sockets", Files, Root),
    asks("device-files", Files, Root),
    asks("device-nodes", Files, SystemCallFilter),
    asks("write-outside-tmp", Files, ReadOnlyRoot),
    asks("file-attributes", Files, ReadOnlyRoot),
    asks("remount-writable", Files, ReadOnlyRoot),
    asks("symbolic-links", Files, Root),
    asks("parent-directories", Files, Root),
    asks("hard-links", Files, ReadOnlyRoot),
    asks("programs-in-tmp", Files, NoExecution),
    asks("file-handles", Files, SystemCallFilter),
    asks("change-root", Files, SystemCallFilter),
    asks("move-root", Files, SystemCallFilter),
    asks("watch-files", Files, SystemCallFilter),
    asks("file-locks", Files, SystemCallFilter),
    asks("record-locks", Files, SystemCallFilter),
    asks("open-file-locks", Files, SystemCallFilter),
    asks("leases", Files, SystemCallFilter),
    asks("direct-reads", Files, SystemCallFilter),
    asks("tcp", Network, NetworkNamespace),
    asks("udp", Network, NetworkNamespace),
    asks("abstract-sockets", Network, NetworkNamespace),
    asks("internet-sockets", Network, SystemCallFilter),
    asks("dns", Network, NetworkNamespace),
    asks("metadata-address", Network, NetworkNamespace),
    asks("vsock", Network, SystemCallFilter),
    asks("netlink", Network, SystemCallFilter),
    asks("packet-sockets", Network, Capabilities),
    asks("raw-sockets", Network, Capabilities),
    asks("rare-socket-families", Network, SystemCallFilter),
    asks("descriptor-passing", Network, SystemCallFilter),
    asks("datagrams-through-a-pair", Network, SystemCallFilter),
    strict(asks("start-a-process", Processes, SystemCallFilter)),
    strict(asks("start-a-thread", Processes, SystemCallFilter)),
    strict(asks("daemon", Processes, ProcessLimit)),
    strict(asks("execute", Processes, SystemCallFilter)),
    strict(asks("execute-a-descriptor", Processes, SystemCallFilter)),
    processes(asks("fork-bomb", Processes, ProcessLimit)),
    processes(asks("thread-bomb", Processes, ProcessLimit)),
    asks("see-other-processes", Processes, PidNamespace),
    asks("signal-the-agent", Processes, PidNamespace),
    asks("signal-neighbors", Processes, PidNamespace),
    strict(asks("signals", Processes, SystemCallFilter)),
    strict(asks("thread-signals", Processes, SystemCallFilter)),
    asks("process-descriptors", Processes, SystemCallFilter),
    asks("ptrace", Processes, SystemCallFilter),
    asks("process-memory", Processes, SystemCallFilter),
    asks("limits-of-others", Processes, SystemCallFilter),
    asks("scheduling", Processes, SystemCallFilter),
    asks("mount", Kernel, Capabilities),
    asks("new-mount-interface", Kernel, SystemCallFilter),
    asks("unshare-namespaces", Kernel, SystemCallFilter),
    asks("clone-into-namespaces", Kernel, SystemCallFilter),
    asks("clone3", Kernel, SystemCallFilter),
    asks("enter-namespaces", Kernel, SystemCallFilter),
    asks("bpf", Kernel, SystemCallFilter),
    asks("io-uring", Kernel, SystemCallFilter),
    asks("keyrings", Kernel, SystemCallFilter),
    asks("perf-events", Kernel, SystemCallFilter),
    asks("userfaultfd", Kernel, SystemCallFilter),
    asks("anonymous-files", Kernel, SystemCallFilter),
    asks("shared-memory-segments", Kernel, SystemCallFilter),
    asks("message-queues", Kernel, SystemCallFilter),
    asks("kernel-timers", Kernel, SystemCallFilter),
    asks("splice", Kernel, SystemCallFilter),
    asks("personality", Kernel, SystemCallFilter),
    asks("segment-descriptors", Kernel, SystemCallFilter),
    strict(asks("process-attributes", Kernel, SystemCallFilter)),
    asks("more-filters", Kernel, SystemCallFilter),
    asks("pipe-sizes", Kernel, SystemCallFilter),
    asks("terminal-input", Kernel, SystemCallFilter),
    asks("kernel-modules", Kernel, SystemCallFilter),
    asks("another-kernel", Kernel, SystemCallFilter),
    asks("reboot", Kernel, Capabilities),
    asks("host-name", Kernel, Capabilities),
    asks("kernel-log", Kernel, SystemCallFilter),
    asks("flush-to-disk", Kernel, SystemCallFilter),
    asks("flush-ranges", Kernel, SystemCallFilter),
    asks("flush-mappings", Kernel, SystemCallFilter),
    asks("cache-advice", Kernel, SystemCallFilter),
    asks("cached-pages", Kernel, SystemCallFilter),
    asks("reads-without-waiting", Kernel, SystemCallFilter),
    asks("synchronous-writes", Kernel, SystemCallFilter),
    strict(asks("shared-futexes", Kernel, SystemCallFilter)),
    asks("priority-inheritance", Kernel, SystemCallFilter),
    asks("requeued-waiters", Kernel, SystemCallFilter),
    asks("urgent-data", Kernel, SystemCallFilter),
    asks("error-queues", Kernel, SystemCallFilter),
    asks("pages-sent-in-place", Kernel, SystemCallFilter),
    asks("peer-descriptors", Kernel, SystemCallFilter),
    asks("merged-pages", Kernel, SystemCallFilter),
    asks("paged-out-memory", Kernel, SystemCallFilter),
    asks("processor-state", Kernel, SystemCallFilter),
    asks("memory-barriers", Kernel, SystemCallFilter),
    strict(asks("thread-registration", Kernel, SystemCallFilter)),
    ends("call-through-x32", Kernel, SystemCallFilter, |_| {}, &[Reason::Signal], KILLED_BY_FILTER),
    ends("call-through-the-32-bit-gate", Kernel, SystemCallFilter, |_| {}, &[Reason::Signal], NO_GATE),
    asks("capabilities", Privileges, Capabilities),
    asks("raise-capabilities", Privileges, SystemCallFilter),
    asks("gain-privileges", Privileges, NoNewPrivileges),
    asks("become-root", Privileges, SystemCallFilter),
    asks("become-the-root-group", Privileges, SystemCallFilter),
    asks("identity-of-the-host", Privileges, UserNamespace),
    asks("groups-of-the-host", Privileges, Identity),
    asks("name-of-the-host", Privileges, UtsNamespace),
    watches("leftovers-in-tmp", Neighbors, MountNamespace, Scene::Leftovers),
    watches("leftovers-in-shared-memory", Neighbors, IpcNamespace, Scene::Leftovers),
    watches("leftovers-in-the-interpreter", Neighbors, SingleUse, Scene::Leftovers),
    strict(watches("files-of-a-neighbor", Neighbors, MountNamespace, Scene::Neighbor)),
    watches("sandbox-of-another-tenant", Neighbors, TenantBinding, Scene::Tenants),
    processes(watches("sandbox-used-twice", Neighbors, SingleUse, Scene::Twice)),
    asks("inherited-descriptors", Neighbors, Descriptors),
    asks("environment-of-the-server", Neighbors, Environment),
    ends("forged-result", Neighbors, FrameBounds, |limits| limits.result = SMALL_RESULT, &[Reason::ResultTooLarge], &[]),
    ends("deep-result", Neighbors, FrameBounds, |_| {}, &[Reason::ResultNotSerializable], &[]),
    believed(
        ends("endless-frame", Neighbors, FrameBounds, |_| {}, &[Reason::ResultTooLarge], &[]),
        Reason::NoResult,
        "ended with status 0 and without a result",
    ),
    ends("unknown-frame", Neighbors, FrameBounds, |_| {}, &[Reason::NoResult], &[]),
    believed(ends("forged-reason", Neighbors, FrameBounds, |_| {}, &[Reason::UserError], &[]), Reason::NodeLost, "not the program's fault"),
    asks("memory", Exhaustion, MemoryLimit),
    asks("mapped-memory", Exhaustion, MemoryLimit),
    asks("disk", Exhaustion, TmpfsLimit),
    asks("inodes", Exhaustion, TmpfsLimit),
    asks("file-size", Exhaustion, FileSizeLimit),
    asks("descriptors", Exhaustion, OpenFilesLimit),
    asks("locked-memory", Exhaustion, LockedMemoryLimit),
    asks("priority", Exhaustion, Priority),
    watches("output", Exhaustion, OutputLimit, Scene::Output),
    ends("time-without-end", Exhaustion, Deadline, |limits| limits.wall = SHORT, &[Reason::Timeout], &[]),
    ends("regular-expression", Exhaustion, Deadline, |limits| limits.wall = SHORT, &[Reason::Timeout], &[]),
    ends("large-integers", Exhaustion, Deadline, |limits| limits.wall = SHORT, &[Reason::Timeout], &[]),
    ends("processor", Exhaustion, CpuLimit, |limits| limits.cpu = Duration::from_secs(1), &[Reason::CpuLimit], &[]),
];

const KILLED_BY_FILTER: &[&str] = &["SIGSYS"];
/// Where the kernel has no 32-bit calls at all, the gate itself faults.
const NO_GATE: &[&str] = &["SIGSYS", "SIGSEGV"];

const fn asks(name: &'static str, group: ProbeGroup, defence: Defence) -> Probe {
    Probe { name, group, defence, tiers: Tiers::All, way: Way::Asks }
}

const fn ends(
    name: &'static str,
    group: ProbeGroup,
    defence: Defence,
    limits: fn(&mut Limits),
    reasons: &'static [Reason],
    signals: &'static [&'static str],
) -> Probe {
    Probe { name, group, defence, tiers: Tiers::All, way: Way::Ends { limits: Change(limits), reasons, signals, believed: None } }
}

/// What a failure says that the server believed, although the program made it up: the words tell it from a true one.
const fn believed(probe: Probe, reason: Reason, words: &'static str) -> Probe {
    match probe.way {
        Way::Ends { limits, reasons, signals, .. } => {
            Probe { way: Way::Ends { limits, reasons, signals, believed: Some((reason, words)) }, ..probe }
        }
        Way::Asks | Way::Watches(_) => probe,
    }
}

const fn watches(name: &'static str, group: ProbeGroup, defence: Defence, scene: Scene) -> Probe {
    Probe { name, group, defence, tiers: Tiers::All, way: Way::Watches(scene) }
}

const fn strict(probe: Probe) -> Probe {
    Probe { tiers: Tiers::Strict, ..probe }
}

const fn processes(probe: Probe) -> Probe {
    Probe { tiers: Tiers::Processes, ..probe }
}

// === impl Tiers ===

impl Tiers {
    /// Whether a probe applies to a tier.
    pub(crate) fn include(self, isolation: Isolation) -> bool {
        let strict = isolation == Isolation::TenantWarm;
        match self {
            Tiers::All => true,
            Tiers::Strict => strict,
            Tiers::Processes => !strict,
        }
    }
}

// === impl Change ===

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut changed = LIMITS;
        (self.0)(&mut changed);
        write!(f, "{changed:?}")
    }
}
