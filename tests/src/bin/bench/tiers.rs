//! T2 and T3: a sandbox for one execution, kept warm (hand-over) or made on demand.

use std::sync::Arc;
use std::time::Duration;

use domain::sandbox::Isolation;

use crate::context::Context;
use crate::load::{self, Subject};
use crate::peers::sandbox::{Engine, Kind};
use crate::promises;
use crate::report::{Report, Table};

const PART: &str = "tiers";
const TENANT: &str = "bench";
/// Callers of the closed loop: as many as sandboxes may start at a time.
const CALLERS: usize = 3;
/// Time for a warm sandbox to be replaced before the next hand-over is measured.
const REPLENISH: Duration = Duration::from_millis(600);

/// Measures T2 and T3 on both backends.
///
/// # Errors
/// When a backend cannot run them.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new(PART, "A sandbox for one execution", &["tier", "backend", "p50 ms", "p95 ms", "per second", "failed"]);
    for kind in [Kind::Namespace, Kind::Docker] {
        let engine = Engine::open(kind, context.arguments, sandbox::Pool::default()).await?;
        let measured = measure(&engine, kind, context, &mut table, report).await;
        engine.shutdown().await;
        measured?;
    }
    table.note("T2: latency with a warm sandbox waiting; per second: closed loop, replacing included. T3: from request to result.");
    report.add(table);
    Ok(())
}

async fn measure(engine: &Engine, kind: Kind, context: &Context<'_>, table: &mut Table, report: &mut Report) -> anyhow::Result<()> {
    let backend = if kind == Kind::Docker { "docker" } else { "namespace" };
    for isolation in [Isolation::SingleUse, Isolation::OneShot] {
        let subject = subject(engine, isolation);
        let latencies = if isolation == Isolation::SingleUse {
            // The first use starts the warm pool.
            subject().await?;
            spaced(&subject, context.effort.rounds / 3).await?
        } else {
            load::sequential(&subject, context.effort.rounds / 3).await?
        };
        let slice = load::closed_loop(&subject, CALLERS, context.effort.slice * context.effort.slices).await?;
        let (p50, rate) = (latencies.median(), slice.rate());
        table.row([isolation.tier().into(), backend.into(), p50.into(), latencies.millis(0.95).into(), rate.into(), slice.failed.into()]);
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

async fn spaced(subject: &Subject, rounds: usize) -> anyhow::Result<crate::samples::Samples> {
    let mut samples = crate::samples::Samples::default();
    for _ in 0..rounds {
        tokio::time::sleep(REPLENISH).await;
        samples.extend(&load::sequential(subject, 1).await?);
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
