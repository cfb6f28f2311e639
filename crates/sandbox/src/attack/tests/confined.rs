//! The same where Landlock takes the place of namespaces: each layer left out lets its probes through, the second wall stands where
//! the first is gone, and the oldest Landlock will do.

use crate::config::{Backend, Namespace};

use super::super::catalog::Tiers;
use super::mutations::{FILTERS, Mutation, outcomes_other_than, probe_on};
use super::*;

#[rustfmt::skip]
const MUTATIONS: &[Mutation] = &[
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

/// What Landlock stops where both filters are gone.
const BEHIND_THE_FILTERS: &[&str] = &["tcp", "abstract-sockets", "signal-the-agent", "host-files", "write-outside-tmp"];
/// Made by a probe that gets through to a directory of the host.
const TRACE: &str = "/var/tmp/zona-probe";

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
