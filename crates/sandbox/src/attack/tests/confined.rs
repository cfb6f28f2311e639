//! The same where Landlock takes the place of namespaces: each layer left out lets its probes through, the second wall stands where
//! the first is gone, and the oldest Landlock will do.

use std::path::Path;

use crate::config::{Backend, Namespace};

use super::super::catalog::Tiers;
use super::mutations::{FILTERS, Mutation, OnSomeHosts, outcomes_other_than, probe_on};
use super::*;

#[rustfmt::skip]
pub(super) const MUTATIONS: &[Mutation] = &[
    // The user namespace, which this backend does not have.
    Mutation { off: &[], reached: &["identity-of-the-host"] },
    Mutation { off: &["landlock"], reached: &["host-files", "process-files", "kernel-files", "device-files", "write-outside-tmp"] },
    Mutation { off: &["child-filter"], reached: &[
        "execute", "signals", "thread-signals", "process-descriptors", "limits-of-others", "process-attributes", "more-filters",
        "shared-futexes", "thread-registration",
    ] },
    Mutation { off: &["child-filter", FILTERS], reached: &[
        "internet-sockets", "netlink", "ptrace", "process-memory", "unshare-namespaces", "bpf", "io-uring", "keyrings", "userfaultfd",
        "anonymous-files", "message-queues", "pipe-sizes", "call-through-x32", "call-through-the-32-bit-gate",
        "datagrams-through-a-pair", "file-locks", "record-locks", "open-file-locks", "direct-reads", "flush-to-disk", "cache-advice",
        "cached-pages", "reads-without-waiting", "priority-inheritance", "urgent-data", "merged-pages", "processor-state",
    ] },
    Mutation { off: &["child-filter", FILTERS, "landlock"], reached: &["tcp", "udp", "abstract-sockets", "signal-the-agent"] },
    Mutation { off: &["child-filter", "rlimit-processes"], reached: &["start-a-process", "start-a-thread"] },
    Mutation { off: &["identity"], reached: &["groups-of-the-host"] },
    Mutation { off: &["rlimit-memory"], reached: &["memory", "mapped-memory"] },
    Mutation { off: &["rlimit-cpu"], reached: &["processor"] },
    Mutation { off: &["rlimit-open-files"], reached: &["descriptors"] },
    Mutation { off: &["priority"], reached: &["priority"] },
    Mutation { off: &["fd-hygiene"], reached: &["inherited-descriptors"] },
    Mutation { off: &["environment"], reached: &["environment-of-the-server"] },
];

/// Reached by a child that keeps the rights of the host's root, on a kernel that has what they are for: one built without modules, or
/// without a way to start another kernel, has nobody's call to answer.
#[rustfmt::skip]
pub(super) const ON_SOME_HOSTS: &[OnSomeHosts] = &[
    OnSomeHosts { probe: "kernel-log", is_there: is_root },
    OnSomeHosts { probe: "kernel-modules", is_there: || is_root() && Path::new("/proc/modules").exists() },
    OnSomeHosts { probe: "another-kernel", is_there: || is_root() && Path::new("/sys/kernel/kexec_loaded").exists() },
];

/// What Landlock stops where both filters are gone.
const BEHIND_THE_FILTERS: &[&str] = &["tcp", "abstract-sockets", "signal-the-agent", "host-files", "write-outside-tmp"];
/// Made by a probe that gets through to a directory of the host.
const TRACE: &str = "/var/tmp/zona-probe";

/// Of the host and not of a container, whose root lacks rights.
fn is_root() -> bool {
    const SYSLOG: u64 = 1 << 34;
    const MODULE_AND_BOOT: u64 = 1 << 16 | 1 << 22;
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
    u64::from_str_radix(held, 16).unwrap() & (SYSLOG | MODULE_AND_BOOT) == SYSLOG | MODULE_AND_BOOT
}

async fn probe(off: &[&str], names: &[&str]) -> Vec<ProbeResult> {
    probe_on(Backend::Landlock(Namespace::default()), &[Isolation::TenantWarm], off, names, false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_layer_left_out_of_a_confined_sandbox_lets_its_probes_through() {
    let mut wrong = Vec::new();
    for mutation in MUTATIONS {
        let results = probe(mutation.off, mutation.reached).await;
        wrong.extend(outcomes_other_than(Outcome::Reached, &results).iter().map(|what| format!("without {:?}: {what}", mutation.off)));
    }
    let left = std::fs::remove_file(TRACE);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    left.expect("the probe that writes has written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_with_the_rights_of_the_hosts_root_reaches_what_the_kernel_has() {
    let off = ["host-rights", "child-filter", FILTERS];
    for some in ON_SOME_HOSTS {
        let expected = if (some.is_there)() { Outcome::Reached } else { Outcome::Stopped };
        assert_eq!(outcomes_other_than(expected, &probe(&off, &[some.probe]).await), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn landlock_stops_what_it_can_where_the_filters_are_gone() {
    let results = probe(&["child-filter", FILTERS], BEHIND_THE_FILTERS).await;
    assert_eq!(outcomes_other_than(Outcome::Stopped, &results), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_version_of_landlock_stops_as_much_as_the_newest() {
    let names: Vec<_> = PROBES.iter().filter(|probe| probe.tiers != Tiers::Processes).map(|probe| probe.name).collect();
    let mut results = probe(&["new-landlock"], &names).await;
    results.iter_mut().for_each(landlock::judge);
    results.retain(|result| result.outcome != Outcome::Open);
    assert_eq!(outcomes_other_than(Outcome::Stopped, &results), Vec::<String>::new());
    assert!(results.len() + 5 > names.len(), "only a few are open");
}
