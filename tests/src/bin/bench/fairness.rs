//! What quiet tenants feel of a loud one: their latency alone, beside a tenant at fifty times their load, beside one whose programs loop, and
//! beside one after each of whose programs its process is replaced, alternating.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::sandbox::{Entry, Isolation, Limits};
use tokio::task::JoinSet;

use crate::context::Context;
use crate::load::{self, Call, Subject};
use crate::peers::sandbox::{Children, Engine, Kind, job};
use crate::promises;
use crate::report::{Cell, Report, Table};
use crate::samples::{Samples, median};

const PART: &str = "fairness";
const QUIET: [&str; 3] = ["quiet-one", "quiet-two", "quiet-three"];
const LOUD: &str = "loud";
/// Calls a second of one quiet tenant.
const RATE: f64 = 4.0;
const TIMES: f64 = 50.0;
/// The loud tenant begins a little earlier, so that its load is there from the first measured call.
const HEAD_START: Duration = Duration::from_millis(200);
/// Programs of one tenant that loop at the same time: several for each processor.
const LOOPS: usize = 12;
const LOOP: &str = "while True:\n    pass\n";
/// Until every loop runs.
const LOOP_START: Duration = Duration::from_secs(1);
/// Calls a second of one quiet tenant beside loops, and how many of all make a p99.
const LOOP_RATE: f64 = 20.0;
const ENOUGH_CALLS: f64 = 1_000.0;
/// Calls a second of a tenant after each of whose programs its process is replaced, or is put back.
const REPLACED_RATE: f64 = 100.0;
const LEAVES_A_FILE: &str = "open('/tmp/left', 'w').close()\n";
const LEAVES_NOTHING: &str = "pass\n";

/// Measures the namespace backend.
///
/// # Errors
/// When the backend cannot run here.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let engine = Engine::with(Kind::Namespace, Children::Restored, context.arguments, sandbox::Pool::default()).await?;
    let measured = match measure(&engine, context, report).await {
        Ok(()) => measure_loops(&engine, context, report).await,
        failed => failed,
    };
    let measured = match measured {
        Ok(()) => measure_replaced(&engine, context, report).await,
        failed => failed,
    };
    engine.shutdown().await;
    measured
}

async fn measure(engine: &Engine, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    for tenant in QUIET.into_iter().chain([LOUD]) {
        engine.warm_up(tenant).await?;
    }
    let quiet: Vec<Subject> = QUIET.into_iter().map(|tenant| engine.peer(tenant).subject).collect();
    let loud = engine.peer(LOUD).subject;
    let (mut alone, mut beside, mut growth) = (Samples::default(), Samples::default(), Vec::new());
    // Few calls a second need longer slices for a meaningful p95.
    let slice = context.effort.slice * 2;
    for round in 0..context.effort.slices {
        let seed = u64::from(round) * 100;
        let before = quiet_slice(&quiet, RATE, slice, seed).await?;
        let noise = {
            let loud = loud.clone();
            tokio::spawn(async move { load::open_loop(&loud, RATE * TIMES, slice + HEAD_START * 2, seed + 50).await })
        };
        tokio::time::sleep(HEAD_START).await;
        let during = quiet_slice(&quiet, RATE, slice, seed).await?;
        noise.await??;
        growth.push((during.millis(0.95) / before.millis(0.95) - 1.0) * 100.0);
        alone.extend(&before);
        beside.extend(&during);
    }
    let mut table =
        Table::new(PART, "Three quiet tenants (4/s each) beside one at 200/s", &["quiet tenants", "p50 ms", "p95 ms", "p99 ms", "calls"]);
    for (name, samples) in [("alone", &alone), ("beside the loud one", &beside)] {
        table.row([name.into(), samples.median().into(), samples.millis(0.95).into(), samples.millis(0.99).into(), samples.len().into()]);
    }
    report.judge(&promises::FAIRNESS, median(&growth));
    table.note("Growth: median over slices, each against its neighbor. With two cores the loud tenant also takes processor time.");
    report.add(table);
    Ok(())
}

/// Alone and beside loops, in slices long enough for [`ENOUGH_CALLS`] of each.
async fn measure_loops(engine: &Engine, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let (mut alone, mut beside) = (Felt::default(), Felt::default());
    let needed = ENOUGH_CALLS / (LOOP_RATE * QUIET.len() as f64 * f64::from(context.effort.slices));
    let slice = context.effort.slice.max(Duration::from_secs_f64(needed * 1.1));
    for round in 0..context.effort.slices {
        let seed = 1_000 + u64::from(round) * 100;
        alone.slice(engine, slice, seed).await?;
        let loops = start_loops(engine, LOOP_START * 2 + slice)?;
        tokio::time::sleep(LOOP_START).await;
        beside.slice(engine, slice, seed).await?;
        // Each ends at its deadline.
        loops.join_all().await.into_iter().collect::<anyhow::Result<()>>()?;
    }
    let columns = ["quiet tenants", "p50 ms", "p95 ms", "p99 ms", "until hand-over p50 ms", "p95 ms", "p99 ms", "calls"];
    let mut table = Table::new(PART, format!("Three quiet tenants (20/s each) beside {LOOPS} endless loops of one"), &columns);
    for (name, felt) in [("alone", &alone), ("beside the loops", &beside)] {
        table.row(felt.row(name));
    }
    table.note("Until hand-over: the wait for a child that is ready. One is made for each call, and a tenant has a few in stock.");
    report.add(table);
    Ok(())
}

/// Alone, beside a tenant whose processes are put back, and beside the same one whose processes are replaced.
async fn measure_replaced(engine: &Engine, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let rows = [
        ("alone", None),
        ("beside 100/s that leave nothing", Some(LEAVES_NOTHING)),
        ("beside 100/s that leave a file", Some(LEAVES_A_FILE)),
    ];
    let mut felt = rows.map(|_| Felt::default());
    let needed = ENOUGH_CALLS / (LOOP_RATE * QUIET.len() as f64 * f64::from(context.effort.slices));
    let slice = context.effort.slice.max(Duration::from_secs_f64(needed * 1.1));
    for round in 0..context.effort.slices {
        let seed = 2_000 + u64::from(round) * 100;
        for ((_, neighbor), felt) in rows.iter().zip(&mut felt) {
            let noise = neighbor.map(|code| {
                let neighbor = numbered(engine, code);
                tokio::spawn(async move { load::open_loop(&neighbor, REPLACED_RATE, slice + HEAD_START * 2, seed + 50).await })
            });
            tokio::time::sleep(HEAD_START).await;
            felt.slice(engine, slice, seed).await?;
            if let Some(noise) = noise {
                noise.await??;
            }
        }
    }
    let columns = ["quiet tenants", "p50 ms", "p95 ms", "p99 ms", "until hand-over p50 ms", "p95 ms", "p99 ms", "calls"];
    let mut table = Table::new(PART, "Three quiet tenants (20/s each) beside one whose process is replaced after each program", &columns);
    for ((name, _), felt) in rows.iter().zip(&felt) {
        table.row(felt.row(name));
    }
    report.add(table);
    Ok(())
}

/// A program of the loud tenant of which each call has a text of its own: of one that is known to leave something nothing is tried.
fn numbered(engine: &Engine, code: &'static str) -> Subject {
    let (engine, number) = (engine.clone(), Arc::new(AtomicU64::new(0)));
    Arc::new(move || -> Call {
        let (engine, number) = (engine.clone(), number.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move {
            let code = format!("# {number}\n{code}");
            let ran = engine.run(job(LOUD, Isolation::TenantWarm, &code, Entry::Script, Limits::DEFAULT)?).await?;
            anyhow::ensure!(ran.outcome.is_ok(), "the program failed: {:?}", ran.outcome);
            Ok(ran.result)
        })
    })
}

/// What callers of the quiet tenants felt.
#[derive(Default)]
struct Felt {
    whole: Samples,
    /// Of it, until the program was handed to a child.
    waiting: Samples,
}

// === impl Felt ===

impl Felt {
    fn row(&self, name: &str) -> Vec<Cell> {
        let figures =
            [&self.whole, &self.waiting].into_iter().flat_map(|samples| [0.5, 0.95, 0.99].map(|share| Cell::from(samples.millis(share))));
        [name.into()].into_iter().chain(figures).chain([self.whole.len().into()]).collect()
    }

    async fn slice(&mut self, engine: &Engine, slice: Duration, seed: u64) -> anyhow::Result<()> {
        let waiting = Arc::new(Mutex::new(Samples::default()));
        let quiet: Vec<Subject> = QUIET.into_iter().map(|tenant| waits(engine, tenant, &waiting)).collect();
        self.whole.extend(&quiet_slice(&quiet, LOOP_RATE, slice, seed).await?);
        self.waiting.extend(&waiting.lock().expect("nobody panics while holding it"));
        Ok(())
    }
}

/// The program of a peer, whose wait for a child is noted.
fn waits(engine: &Engine, tenant: &'static str, waiting: &Arc<Mutex<Samples>>) -> Subject {
    let (engine, waiting) = (engine.clone(), Arc::clone(waiting));
    Arc::new(move || -> Call {
        let (engine, waiting) = (engine.clone(), Arc::clone(&waiting));
        Box::pin(async move {
            let ran = engine.transform(tenant, Isolation::TenantWarm).await?;
            waiting.lock().expect("nobody panics while holding it").push(ran.started - ran.asked);
            Ok(ran.result)
        })
    })
}

fn start_loops(engine: &Engine, wall: Duration) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let limits = Limits { wall, cpu: wall * 2, ..Limits::DEFAULT };
    let mut loops = JoinSet::new();
    for _ in 0..LOOPS {
        let (engine, job) = (engine.clone(), job(LOUD, Isolation::TenantWarm, LOOP, Entry::Script, limits)?);
        loops.spawn(async move { engine.run(job).await.map(drop) });
    }
    Ok(loops)
}

async fn quiet_slice(subjects: &[Subject], rate: f64, slice: Duration, seed: u64) -> anyhow::Result<Samples> {
    let loops = subjects.iter().zip(seed..).map(|(subject, seed)| load::open_loop(subject, rate, slice, seed));
    let mut samples = Samples::default();
    for slice in futures_util::future::try_join_all(loops).await? {
        anyhow::ensure!(slice.failed == 0, "a quiet tenant was refused: {:?}", slice.failure);
        samples.extend(&slice.latencies);
    }
    Ok(samples)
}
