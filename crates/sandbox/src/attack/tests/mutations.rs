//! Each defence, left out, lets its probes through: so no probe is decoration, and no defence either.
//!
//! The agent that leaves parts out is built apart, with a feature that no shipped program has, and is told by names at the end of
//! its file. What the server itself does is left out by the runner. Defences stand behind each other, so some mutations leave
//! out several: what is listed first is what is tested, the rest is what stands behind it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::config::{AgentBinary, Backend, Config, Namespace};

use super::super::catalog::Tiers;
use super::*;

#[path = "../../../../sandbox-agent/build_support.rs"]
mod build_support;

/// Defences that are left out together, and the probes that then get through.
pub(super) struct Mutation {
    pub(super) off: &'static [&'static str],
    pub(super) reached: &'static [&'static str],
}

pub(super) const FILTERS: &str = "outer-filter";

#[rustfmt::skip]
const MUTATIONS: &[Mutation] = &[
    Mutation { off: &["child-filter"], reached: &[
        "descriptor-passing", "execute", "execute-a-descriptor", "signals", "thread-signals", "process-descriptors", "limits-of-others",
        "clone-into-namespaces", "unshare-namespaces", "process-attributes", "more-filters", "become-root", "become-the-root-group",
        "shared-futexes", "thread-registration",
    ] },
    Mutation { off: &["child-filter", FILTERS], reached: &[
        "device-nodes", "file-handles", "watch-files", "internet-sockets", "vsock", "netlink", "rare-socket-families", "ptrace",
        "process-memory", "scheduling", "new-mount-interface", "clone3", "enter-namespaces", "bpf", "io-uring", "keyrings", "perf-events",
        "userfaultfd", "anonymous-files", "shared-memory-segments", "message-queues", "kernel-timers", "splice", "personality",
        "segment-descriptors", "pipe-sizes", "terminal-input", "call-through-x32", "call-through-the-32-bit-gate",
        "file-locks", "record-locks", "open-file-locks", "leases", "direct-reads", "flush-to-disk", "flush-ranges", "flush-mappings",
        "cache-advice", "cached-pages", "reads-without-waiting", "synchronous-writes", "priority-inheritance", "requeued-waiters",
        "urgent-data", "error-queues", "pages-sent-in-place", "peer-descriptors", "merged-pages", "paged-out-memory", "processor-state",
        "memory-barriers",
    ] },
    Mutation { off: &["capabilities", "child-filter"], reached: &["change-root", "move-root", "mount", "host-name", "capabilities", "raise-capabilities"] },
    Mutation { off: &["capabilities", "child-filter", FILTERS], reached: &["reboot"] },
    Mutation { off: &["capabilities", "network-owner", "child-filter", FILTERS], reached: &["packet-sockets", "raw-sockets"] },
    Mutation { off: &["no-new-privileges", "child-filter", FILTERS], reached: &["gain-privileges"] },
    Mutation { off: &["pid-namespace"], reached: &["see-other-processes"] },
    Mutation { off: &["pid-namespace", "child-filter"], reached: &["signal-the-agent", "signal-neighbors"] },
    Mutation { off: &["mount-namespace"], reached: &["leftovers-in-tmp", "files-of-a-neighbor"] },
    Mutation { off: &["network-namespace", "child-filter", FILTERS], reached: &[
        "tcp", "udp", "abstract-sockets", "dns", "datagrams-through-a-pair",
    ] },
    Mutation { off: &["ipc-namespace", "child-filter", FILTERS], reached: &["leftovers-in-shared-memory"] },
    Mutation { off: &["uts-namespace"], reached: &["name-of-the-host"] },
    Mutation { off: &["root"], reached: &["host-files", "process-files", "kernel-files", "control-sockets", "device-files", "symbolic-links"] },
    Mutation { off: &["read-only-root"], reached: &["write-outside-tmp", "file-attributes", "hard-links"] },
    Mutation { off: &["read-only-root", "child-filter", "capabilities"], reached: &["remount-writable"] },
    Mutation { off: &["tmpfs-noexec"], reached: &["programs-in-tmp"] },
    Mutation { off: &["identity"], reached: &["groups-of-the-host"] },
    Mutation { off: &["rlimit-memory"], reached: &["memory", "mapped-memory"] },
    Mutation { off: &["rlimit-cpu"], reached: &["processor"] },
    Mutation { off: &["rlimit-processes", "child-filter"], reached: &["start-a-process", "start-a-thread", "daemon"] },
    Mutation { off: &["rlimit-processes"], reached: &["fork-bomb", "thread-bomb"] },
    Mutation { off: &["rlimit-open-files"], reached: &["descriptors"] },
    Mutation { off: &["rlimit-file-size"], reached: &["file-size"] },
    Mutation { off: &["rlimit-locked-memory", "child-filter", FILTERS], reached: &["locked-memory"] },
    Mutation { off: &["priority"], reached: &["priority"] },
    Mutation { off: &["tmpfs-limit"], reached: &["disk", "inodes"] },
    Mutation { off: &["fd-hygiene"], reached: &["inherited-descriptors"] },
    Mutation { off: &["environment"], reached: &["environment-of-the-server"] },
];

/// Probes against what the server does, left out by the runner: limits stay wide, tenants are one, every sandbox is shared, a process
/// serves what should be two executions, and frames are believed.
const BY_THE_SERVER: &[&str] = &[
    "sandbox-of-another-tenant",
    "sandbox-used-twice",
    "leftovers-in-the-interpreter",
    "forged-result",
    "deep-result",
    "endless-frame",
    "unknown-frame",
    "forged-reason",
    "output",
    "time-without-end",
    "regular-expression",
    "large-integers",
];

/// The probe that no mutation lets through, and why none can: all that could lie above the root is the old one, left mounted on it, and
/// the kernel makes no user namespace for a process with something mounted on its root, so no child either. A test below holds that.
const WITHOUT_MUTATION: &str = "parent-directories";

/// A probe that gets through only to what the host has, and whether it has it.
pub(super) struct OnSomeHosts {
    pub(super) probe: &'static str,
    pub(super) is_there: fn() -> bool,
}

/// Without the network namespace and the filters: the way to another machine must exist.
const BEHIND_A_ROUTE: OnSomeHosts = OnSomeHosts { probe: "metadata-address", is_there: has_a_route };

fn has_a_route() -> bool {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    // Sends nothing.
    socket.connect(("169.254.169.254", 80)).is_ok()
}

/// An agent that leaves parts out.
fn weakened(off: &[&str]) -> AgentBinary {
    static AGENT: OnceLock<Vec<u8>> = OnceLock::new();
    let plain = AGENT.get_or_init(|| {
        let path = build_support::build_weakened_agent(&workspace(), &workspace().join("target/weakened-agent")).unwrap();
        std::fs::read(path).unwrap()
    });
    let mark = format!("ZONA-WEAKENED:{}", off.join(","));
    AgentBinary([plain, mark.as_bytes()].concat().leak())
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Sandboxes that lack something.
async fn open(off: &[&str], backend: Backend, max_wait: Duration) -> (Sandboxes, tempfile::TempDir) {
    let directory = tempfile::Builder::new().prefix("zona").tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let installation = format!("m{:08x}", crate::instance::random().unwrap() as u32);
    let mut config = Config::new(&installation, "m1", weakened(off), backend);
    config.runtime_directory = directory.path().join("run");
    config.pool.unassigned = 0;
    config.pool.max_wait = max_wait;
    (Sandboxes::open(config).await.unwrap(), directory)
}

fn namespaces() -> Backend {
    Backend::Namespace(Namespace::default())
}

/// Runs some probes in sandboxes that lack something.
async fn probe(off: &[&str], names: &[&str], lenient: bool) -> Vec<ProbeResult> {
    probe_on(namespaces(), &[Isolation::TenantWarm, Isolation::OneShot], off, names, lenient).await
}

/// The same on a backend, in the tiers that it has.
pub(super) async fn probe_on(backend: Backend, tiers: &[Isolation], off: &[&str], names: &[&str], lenient: bool) -> Vec<ProbeResult> {
    let (sandboxes, _directory) = open(off, backend, Duration::from_secs(30)).await;
    let mut found = Vec::new();
    for &tier in tiers {
        let applies = |probe: &&Probe| names.contains(&probe.name) && (tier == Isolation::TenantWarm) != (probe.tiers == Tiers::Processes);
        let probes: Vec<_> = PROBES.iter().filter(applies).collect();
        if !probes.is_empty() {
            let mut runner = Runner::new(&sandboxes, sandboxes.default_runtime(), tier);
            runner.lenient = lenient;
            found.extend(runner.run(probes).await);
        }
    }
    sandboxes.shutdown().await;
    assert_eq!(found.len(), names.len(), "a probe that does not exist: {names:?}");
    found
}

pub(super) fn outcomes_other_than(expected: Outcome, results: &[ProbeResult]) -> Vec<String> {
    let others = results.iter().filter(|result| result.outcome != expected);
    others.map(|result| format!("{}: {}: {}", result.name, result.outcome.as_str(), result.detail)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_defence_left_out_lets_its_probes_through() {
    let mut wrong = Vec::new();
    for mutation in MUTATIONS {
        let results = probe(mutation.off, mutation.reached, false).await;
        wrong.extend(outcomes_other_than(Outcome::Reached, &results).iter().map(|what| format!("without {:?}: {what}", mutation.off)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_does_left_out_lets_its_probes_through() {
    let results = probe(&[], BY_THE_SERVER, true).await;
    assert_eq!(outcomes_other_than(Outcome::Reached, &results), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_build_with_nothing_left_out_stops_every_probe() {
    let names: Vec<_> = Battery::names().collect();
    assert_eq!(outcomes_other_than(Outcome::Stopped, &probe(&[], &names, false).await), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_user_namespace_or_above_an_old_root_there_is_no_child_to_attack_from() {
    for off in ["user-namespace", "old-root"] {
        let (sandboxes, _directory) = open(&[off], namespaces(), Duration::from_secs(3)).await;
        assert!(Battery::run(&sandboxes, Isolation::TenantWarm).await.is_err(), "{off}");
        assert!(sandboxes.stats().anomalies > 0, "{off}: a sandbox whose children cannot be made is destroyed");
        sandboxes.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_network_of_its_own_a_program_finds_the_routes_of_the_host() {
    let results = probe(&["network-namespace", "child-filter", FILTERS], &[BEHIND_A_ROUTE.probe], false).await;
    let expected = if (BEHIND_A_ROUTE.is_there)() { Outcome::Reached } else { Outcome::Stopped };
    assert_eq!(outcomes_other_than(expected, &results), Vec::<String>::new());
}

#[test]
fn every_probe_but_one_is_let_through_by_a_mutation() {
    let left_out = MUTATIONS.iter().chain(confined::MUTATIONS).flat_map(|mutation| mutation.reached.iter().copied());
    let on_some_hosts = confined::ON_SOME_HOSTS.iter().chain([&BEHIND_A_ROUTE]).map(|some| some.probe);
    let covered: BTreeSet<_> = left_out.chain(BY_THE_SERVER.iter().copied()).chain(on_some_hosts).chain([WITHOUT_MUTATION]).collect();
    let all: BTreeSet<_> = Battery::names().collect();
    assert_eq!(covered, all);
}

#[test]
fn a_shipped_agent_has_no_way_to_leave_anything_out() {
    let shipped = build_support::build_agent(&workspace(), &workspace().join("target/agent-build")).unwrap();
    let has_mark = |bytes: &[u8]| bytes.windows(14).any(|window| window == b"ZONA-WEAKENED:");
    assert!(!has_mark(&std::fs::read(shipped).unwrap()));
    assert!(has_mark(weakened(&[]).0), "the mark is what it was");
}
