//! Closed loops: what a peer can carry, and what one execution costs the processors.

use std::collections::BTreeMap;

use super::slices::{Carried, JUDGED, PART, in_turns, note_failure};
use crate::arguments::Effort;
use crate::peers::Peer;
use crate::promises;
use crate::report::{Report, Table};

const CALLERS: [usize; 2] = [4, 16];
const COLUMNS: [&str; 8] = ["peer", "callers", "per second", "p50 ms", "p95 ms", "p99 ms", "CPU ms each", "failed"];

/// Measures all peers; answers the highest rate of each.
pub async fn measure(peers: &[Peer], effort: Effort, report: &mut Report) -> anyhow::Result<BTreeMap<&'static str, f64>> {
    let mut table = Table::new(PART, "T1 saturated (closed loop)", &COLUMNS);
    let mut capacity = BTreeMap::new();
    for callers in CALLERS {
        for Carried { peer, slice, each } in in_turns(peers, callers, effort).await? {
            let (rate, times) = (slice.rate(), &slice.latencies);
            let (p50, p95, p99) = (times.median(), times.millis(0.95), times.millis(0.99));
            table.row([peer.name.into(), callers.into(), rate.into(), p50.into(), p95.into(), p99.into(), each, slice.failed.into()]);
            note_failure(&mut table, peer, &format!("{callers} callers"), &slice);
            let highest = capacity.entry(peer.name).or_insert(0.0_f64);
            *highest = highest.max(rate);
        }
    }
    table.note("CPU: this process and the sandboxes; of bare python its children; of docker one-shot the whole machine, since daemons");
    table.note("do its work; of bubblewrap, sandlock and Monty none, since what they start ends as nobody's child of ours.");
    report.add(table);
    report.judge(&promises::T1_RATE, capacity.get(JUDGED).copied().unwrap_or(f64::NAN));
    Ok(capacity)
}
