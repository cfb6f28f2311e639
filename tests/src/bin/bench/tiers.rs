//! T2 and T3: a sandbox for one execution, kept warm (hand-over) or made on demand; on docker with the daemon's part and ours apart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::sandbox::Isolation;

use crate::context::Context;
use crate::load::{self, Subject};
use crate::peers::daemon::{Daemon, Verb};
use crate::peers::sandbox::{Children, Engine, Kind};
use crate::promises;
use crate::report::{Report, Table};
use crate::samples::Samples;

const PART: &str = "tiers";
const TENANT: &str = "bench";
/// Callers of the closed loop: as many as sandboxes may start at a time.
const CALLERS: usize = 3;
/// Time for a warm sandbox to be replaced before the next hand-over is measured.
const REPLENISH: Duration = Duration::from_millis(600);
const TIERS: [Isolation; 2] = [Isolation::SingleUse, Isolation::OneShot];

/// Measures T2 and T3 on both backends.
///
/// # Errors
/// When a backend cannot run them.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let columns = ["tier", "backend", "p50 ms", "p95 ms", "p99 ms", "per second", "failed"];
    let mut table = Table::new(PART, "A sandbox for one execution", &columns);
    for kind in [Kind::Namespace, Kind::Docker] {
        let engine = Engine::open(kind, context.arguments, sandbox::Pool::default()).await?;
        let measured = measure(&engine, kind, context, &mut table, report).await;
        engine.shutdown().await;
        measured?;
    }
    table.note("T2: latency with a warm sandbox waiting; per second: closed loop, replacing included. T3: from request to result.");
    report.add(table);
    parts(context, report).await
}

async fn measure(engine: &Engine, kind: Kind, context: &Context<'_>, table: &mut Table, report: &mut Report) -> anyhow::Result<()> {
    let backend = if kind == Kind::Docker { "docker" } else { "namespace" };
    for isolation in TIERS {
        let subject = subject(engine, isolation);
        let latencies = one_by_one(engine, isolation, context, |asked, result| result - asked).await?;
        let slice = load::closed_loop(&subject, CALLERS, context.effort.slice * context.effort.slices).await?;
        let (p50, rate) = (latencies.median(), slice.rate());
        let (p95, p99) = (latencies.millis(0.95), latencies.millis(0.99));
        table.row([isolation.tier().into(), backend.into(), p50.into(), p95.into(), p99.into(), rate.into(), slice.failed.into()]);
        if let Some(failure) = &slice.failure {
            table.note(format!("{} {backend}: {failure}", isolation.tier()));
        }
        // The promise is the one made for containers; namespaces are cheaper.
        if kind == Kind::Docker {
            let (latency, sustained) = match isolation {
                Isolation::OneShot => (&promises::T3_P50, &promises::T3_RATE),
                _ => (&promises::T2_P50, &promises::T2_RATE),
            };
            report.judge(latency, p50);
            report.judge(sustained, rate);
        }
    }
    Ok(())
}

/// What the daemon takes of each execution on docker, as seen at its socket, and what is left for us.
async fn parts(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let docker = sandbox::Docker { image: context.arguments.image.clone(), ..sandbox::Docker::default() };
    let daemon = Daemon::relay(&docker.socket, context.scratch.join("daemon.sock"))?;
    let through = sandbox::Docker { socket: daemon.socket().to_owned(), ..docker };
    let pool = sandbox::Pool::default();
    let adjust = |config: &mut sandbox::Config| config.backend = sandbox::Backend::Docker(through);
    let engine = Engine::configured(Kind::Docker, Children::Fresh, context.arguments, pool, adjust).await?;
    let measured = apart(&engine, &daemon, context, report).await;
    engine.shutdown().await;
    measured
}

async fn apart(engine: &Engine, daemon: &Daemon, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let columns = ["tier", "p50 ms", "daemon p50 ms", "ours p50 ms", "ours p95 ms", "ours p99 ms", "runs"];
    let mut table = Table::new(PART, "T2 and T3 on docker, without what the daemon takes", &columns);
    let before = daemon.calls().len();
    for isolation in TIERS {
        let (mut all, mut of_daemon) = (Samples::default(), Samples::default());
        let ours = one_by_one(engine, isolation, context, |asked, result| {
            // A tenant's T2 has its container already: what the daemon does meanwhile makes the next one.
            let is_there = isolation == Isolation::SingleUse;
            let (whole, busy) = (result - asked, if is_there { Duration::ZERO } else { daemon.busy(asked, result) });
            all.push(whole);
            of_daemon.push(busy);
            whole.saturating_sub(busy)
        })
        .await?;
        let figures = [all.median(), of_daemon.median(), ours.median(), ours.millis(0.95), ours.millis(0.99)];
        table.row([isolation.tier().into()].into_iter().chain(figures.map(Into::into)).chain([ours.len().into()]));
        report.judge(if isolation == Isolation::OneShot { &promises::T3_OURS } else { &promises::T2_OURS }, ours.median());
    }
    table.note(
        "The daemon's part: while it makes or starts a container, as seen at its socket, between request and result; none of T2, which has its",
    );
    table.note("container already. Ours: the rest, the start of agent and interpreter included.");
    report.add(table);

    let mut table = Table::new(PART, "Calls of the daemon", &["call", "p50 ms", "p95 ms", "p99 ms", "calls"]);
    for (verb, name) in [(Verb::Create, "create container"), (Verb::Start, "start container"), (Verb::Remove, "remove container")] {
        let of_verb = daemon.calls().into_iter().skip(before).filter(|call| call.verb == verb);
        let times: Samples = of_verb.map(|call| call.answered - call.begun).collect();
        table.row([name.into(), times.median().into(), times.millis(0.95).into(), times.millis(0.99).into(), times.len().into()]);
    }
    report.add(table);
    Ok(())
}

/// Executions one after the other, T2 with a warm sandbox each; `figure` makes of each what is sampled.
async fn one_by_one(
    engine: &Engine,
    isolation: Isolation,
    context: &Context<'_>,
    mut figure: impl FnMut(Instant, Instant) -> Duration,
) -> anyhow::Result<Samples> {
    let is_warm = isolation == Isolation::SingleUse;
    if is_warm {
        // The first use starts the warm pool.
        engine.transform(TENANT, isolation).await?;
    }
    let mut samples = Samples::default();
    for _ in 0..context.effort.rounds / 3 {
        if is_warm {
            tokio::time::sleep(REPLENISH).await;
        }
        let asked = Instant::now();
        let result = engine.transform(TENANT, isolation).await?.result;
        samples.push(figure(asked, result));
    }
    Ok(samples)
}

fn subject(engine: &Engine, isolation: Isolation) -> Subject {
    let engine = engine.clone();
    Arc::new(move || {
        let engine = engine.clone();
        Box::pin(async move { Ok(engine.transform(TENANT, isolation).await?.result) })
    })
}
