//! Open loops: latency from the scheduled arrival, at rates that do not ask whether the peer keeps up.

use std::collections::BTreeMap;

use super::slices::{JUDGED, PART, Slices, YARDSTICK, merge, note_failure};
use crate::arguments::Effort;
use crate::load::{self, Slice};
use crate::peers::Peer;
use crate::promises;
use crate::report::{Cell, Report, Table};
use crate::samples::median;

const RATES: [f64; 4] = [20.0, 100.0, 200.0, 400.0];
const COLUMNS: [&str; 8] = ["peer", "per second", "p50 ms", "p95 ms", "p99 ms", "calls", "failed", "times faster than bare"];
/// An open loop beyond a peer's capacity measures only how long it ran; a little beyond still shows the knee.
const BEYOND_CAPACITY: f64 = 1.1;
/// At this rate latency is judged; at the lowest one, where the yardstick keeps up, the ratio.
const JUDGED_RATE: f64 = 200.0;

/// Measures all peers at every rate that they can carry.
pub async fn measure(peers: &[Peer], effort: Effort, capacity: &BTreeMap<&str, f64>, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new(PART, "T1 latency from the scheduled arrival (open loop, Poisson)", &COLUMNS);
    for (round, rate) in RATES.into_iter().enumerate() {
        let carries = |peer: &Peer| capacity.get(peer.name).is_none_or(|capacity| rate <= capacity * BEYOND_CAPACITY);
        let mut slices = Slices::new();
        for repetition in 0..effort.slices {
            // All peers see the same arrivals.
            let seed = u64::from(repetition) * 1_000 + round as u64;
            for (index, peer) in peers.iter().enumerate().filter(|(_, peer)| carries(peer)) {
                slices.entry(index).or_default().push(load::open_loop(&peer.subject, rate, effort.slice, seed).await?);
            }
        }
        rows(&mut table, peers, rate, slices, report);
    }
    table.note("Skipped (-): rates more than a tenth beyond what the peer carried in the closed loop.");
    table.note("Times faster: the yardstick's p50 divided by the peer's, in neighboring slices; median of them.");
    report.add(table);
    Ok(())
}

fn rows(table: &mut Table, peers: &[Peer], rate: f64, mut slices: Slices, report: &mut Report) {
    let yardstick = peers.iter().position(|peer| peer.name == YARDSTICK).and_then(|index| slices.get(&index)).map(|slices| medians(slices));
    for (index, peer) in peers.iter().enumerate() {
        let asked = rate as usize;
        let Some(of_peer) = slices.remove(&index) else {
            let absent = std::iter::repeat_n(Cell::Absent, COLUMNS.len() - 2);
            table.row([peer.name.into(), asked.into()].into_iter().chain(absent));
            continue;
        };
        let ratio = yardstick.as_ref().map(|yardstick| ratio(yardstick, &medians(&of_peer)));
        let slice = merge(of_peer);
        let latencies = &slice.latencies;
        let (p50, p95, p99) = (latencies.median(), latencies.millis(0.95), latencies.millis(0.99));
        let faster = ratio.map_or(Cell::Absent, Cell::from);
        let (calls, failed) = (latencies.len(), slice.failed);
        table.row([peer.name.into(), asked.into(), p50.into(), p95.into(), p99.into(), calls.into(), failed.into(), faster]);
        note_failure(table, peer, &format!("{asked}/s"), &slice);
        if peer.name == JUDGED {
            let (lag50, lag95) = (slice.lag.median(), slice.lag.millis(0.95));
            table.note(format!(
                "The generator itself was late by p50 {lag50:.3} ms, p95 {lag95:.3} ms at {asked}/s; contained in every figure."
            ));
            judge(report, rate, p50, p95, ratio);
        }
    }
}

fn judge(report: &mut Report, rate: f64, p50: f64, p95: f64, ratio: Option<f64>) {
    if rate == JUDGED_RATE {
        report.judge(&promises::T1_P50, p50);
        report.judge(&promises::T1_P95, p95);
    }
    if let (true, Some(ratio)) = (rate == RATES[0], ratio) {
        report.judge(&promises::T1_RATIO, ratio);
    }
}

fn ratio(yardstick: &[f64], own: &[f64]) -> f64 {
    median(&yardstick.iter().zip(own).map(|(yardstick, own)| yardstick / own).collect::<Vec<_>>())
}

fn medians(slices: &[Slice]) -> Vec<f64> {
    slices.iter().map(|slice| slice.latencies.median()).collect()
}
