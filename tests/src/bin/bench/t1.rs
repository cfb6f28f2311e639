//! T1 beside what people use instead: latency in an open loop at several rates, throughput in a closed one, CPU for each
//! execution. Peers alternate slice by slice.

use std::collections::BTreeMap;

use crate::arguments::Effort;
use crate::cpu::Meter;
use crate::load::{self, Slice};
use crate::parts::Context;
use crate::peers::Peer;
use crate::peers::sandbox::{Engine, Kind};
use crate::peers::{docker, process};
use crate::promises;
use crate::report::{Cell, Report, Table};
use crate::samples::median;

const PART: &str = "t1";
const RATES: [f64; 4] = [20.0, 100.0, 200.0, 400.0];
const CALLERS: [usize; 2] = [4, 16];
/// An open loop beyond a peer's capacity measures only how long it ran; a little beyond still shows the knee.
const BEYOND_CAPACITY: f64 = 1.1;
const TENANT: &str = "bench";
const YARDSTICK: &str = "bare python3 -I -S -E";
const BACKENDS: [&str; 2] = ["T1 namespace", "T1 docker"];

/// Measures everything about T1 under load.
///
/// # Errors
/// When a peer cannot be set up.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut engines = Vec::new();
    for kind in [Kind::Namespace, Kind::Docker] {
        let engine = Engine::open(kind, context.arguments, sandbox::Pool::default()).await?;
        engine.warm_up(TENANT).await?;
        engines.push(engine);
    }
    let mut peers: Vec<Peer> = engines.iter().map(|engine| engine.peer(TENANT)).collect();
    peers.push(process::bare(&context.arguments.python, context.scratch)?);
    peers.push(process::bubblewrap(&context.arguments.python, context.scratch)?);
    peers.push(docker::one_shot(&context.arguments.image).await?);

    let measured = measure(&peers, context.effort, report).await;
    for engine in engines {
        engine.shutdown().await;
    }
    measured
}

async fn measure(peers: &[Peer], effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    for peer in peers {
        load::sequential(&peer.subject, 3).await.map_err(|error| error.context(format!("{} does not run the program", peer.name)))?;
    }
    let capacity = saturated(peers, effort, report).await?;
    open_loop(peers, effort, &capacity, report).await
}

/// Closed loops; answers the highest rate of each peer.
async fn saturated(peers: &[Peer], effort: Effort, report: &mut Report) -> anyhow::Result<BTreeMap<&'static str, f64>> {
    let mut table =
        Table::new(PART, "Saturated (closed loop)", &["peer", "callers", "per second", "p50 ms", "p95 ms", "CPU ms each", "failed"]);
    let mut capacity = BTreeMap::new();
    for callers in CALLERS {
        let mut totals: BTreeMap<usize, (Slice, f64)> = BTreeMap::new();
        for _ in 0..effort.slices {
            for (index, peer) in peers.iter().enumerate() {
                let meter = Meter::start(peer.scope.clone())?;
                let slice = load::closed_loop(&peer.subject, callers, effort.slice).await?;
                let (total, cpu) = totals.entry(index).or_default();
                *cpu += meter.millis()?;
                total.absorb(slice);
            }
        }
        for (index, (slice, cpu)) in &totals {
            let peer = &peers[*index];
            let highest = capacity.entry(peer.name).or_insert(0.0_f64);
            *highest = highest.max(slice.rate());
            table.row(saturated_row(peer, callers, slice, *cpu));
            note_failure(&mut table, peer, slice);
        }
    }
    table.note("CPU: bench process and sandboxes, user and system; of docker one-shot the whole machine's, since daemons do its work.");
    report.add(table);
    let best = BACKENDS.iter().filter_map(|name| capacity.get(name)).fold(f64::NAN, |best, rate| best.max(*rate));
    report.judge(&promises::T1_RATE, best);
    Ok(capacity)
}

fn saturated_row(peer: &Peer, callers: usize, slice: &Slice, cpu: f64) -> [Cell; 7] {
    let each = cpu / slice.latencies.len().max(1) as f64;
    [
        peer.name.into(),
        (callers as f64).into(),
        slice.rate().into(),
        slice.latencies.median().into(),
        slice.latencies.millis(0.95).into(),
        each.into(),
        (slice.failed as f64).into(),
    ]
}

async fn open_loop(peers: &[Peer], effort: Effort, capacity: &BTreeMap<&str, f64>, report: &mut Report) -> anyhow::Result<()> {
    let columns = ["peer", "per second", "p50 ms", "p95 ms", "p99 ms", "calls", "failed", "times faster than bare"];
    let mut table = Table::new(PART, "Latency from the scheduled arrival (open loop, Poisson)", &columns);
    for (round, rate) in RATES.into_iter().enumerate() {
        let mut slices: BTreeMap<usize, Vec<Slice>> = BTreeMap::new();
        for repetition in 0..effort.slices {
            let seed = u64::from(repetition) * 1_000 + round as u64;
            for (index, peer) in peers.iter().enumerate().filter(|(_, peer)| carries(capacity, peer, rate)) {
                slices.entry(index).or_default().push(load::open_loop(&peer.subject, rate, effort.slice, seed).await?);
            }
        }
        rows(&mut table, peers, rate, &slices, report);
    }
    table.note("Skipped (-): rates more than a tenth beyond what the peer carried in the closed loop.");
    table.note("Times faster: median over slices of the yardstick's p50 in the neighboring slice, divided by the peer's.");
    report.add(table);
    Ok(())
}

fn carries(capacity: &BTreeMap<&str, f64>, peer: &Peer, rate: f64) -> bool {
    capacity.get(peer.name).is_none_or(|capacity| rate <= capacity * BEYOND_CAPACITY)
}

fn rows(table: &mut Table, peers: &[Peer], rate: f64, slices: &BTreeMap<usize, Vec<Slice>>, report: &mut Report) {
    let yardstick: Option<Vec<f64>> =
        peers.iter().position(|peer| peer.name == YARDSTICK).and_then(|index| slices.get(&index)).map(|slices| medians(slices));
    for (index, peer) in peers.iter().enumerate() {
        let Some(of_peer) = slices.get(&index) else {
            table.row([peer.name.into(), rate.into(), Cell::Absent, Cell::Absent, Cell::Absent, Cell::Absent, Cell::Absent, Cell::Absent]);
            continue;
        };
        let ratio = yardstick
            .as_ref()
            .map(|yardstick| median(&yardstick.iter().zip(medians(of_peer)).map(|(bare, own)| bare / own).collect::<Vec<_>>()));
        let mut all = Slice::default();
        let Slice { latencies, lag, failed, failure, .. } = of_peer.iter().fold(&mut all, |all, slice| {
            all.latencies.extend(&slice.latencies);
            all.lag.extend(&slice.lag);
            all.failed += slice.failed;
            all.failure = all.failure.take().or_else(|| slice.failure.clone());
            all
        });
        let (p50, p95) = (latencies.median(), latencies.millis(0.95));
        let (calls, failures) = (latencies.len() as f64, *failed as f64);
        let faster = ratio.map_or(Cell::Absent, Cell::from);
        table.row([
            peer.name.into(),
            rate.into(),
            p50.into(),
            p95.into(),
            latencies.millis(0.99).into(),
            calls.into(),
            failures.into(),
            faster,
        ]);
        if let Some(failure) = failure {
            table.note(format!("{} at {rate}/s: {failure}", peer.name));
        }
        if peer.name == BACKENDS[0] {
            table.note(format!(
                "The generator itself was late by p50 {:.3} ms, p95 {:.3} ms at {rate}/s; contained in every figure.",
                lag.median(),
                lag.millis(0.95)
            ));
            judge(report, rate, p50, p95, ratio);
        }
    }
}

/// The promise is about the default backend of `zona dev`; the other one stands beside it in the table.
fn judge(report: &mut Report, rate: f64, p50: f64, p95: f64, ratio: Option<f64>) {
    if rate == 200.0 {
        report.judge(&promises::T1_P50, p50);
        report.judge(&promises::T1_P95, p95);
    }
    if let (true, Some(ratio)) = (rate == 20.0, ratio) {
        report.judge(&promises::T1_RATIO, ratio);
    }
}

fn medians(slices: &[Slice]) -> Vec<f64> {
    slices.iter().map(|slice| slice.latencies.median()).collect()
}

fn note_failure(table: &mut Table, peer: &Peer, slice: &Slice) {
    if let Some(failure) = &slice.failure {
        table.note(format!("{}: {failure}", peer.name));
    }
}
