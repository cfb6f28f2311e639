//! Transform end to end over gRPC, through a real server process: one value, and many in one call.

use std::sync::Arc;
use std::time::Instant;

use crate::context::Context;
use crate::cpu::{Meter, Scope};
use crate::load::{self, Subject};
use crate::peers::CODE;
use crate::promises;
use crate::report::{Cell, Report, Table};
use crate::rpc::Client;
use crate::samples::Samples;
use crate::server::Zona;

const PART: &str = "transform";
const CALLERS: [usize; 2] = [8, 16];
const MANY: [usize; 2] = [1_000, 10_000];
/// Calls one by one for each round: enough for a p99.
const CALLS_A_ROUND: usize = 10;

/// Measures Transform.
///
/// # Errors
/// When the server does not start or a call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    let name = server.client().create("bench-transform", CODE, Vec::new()).await?;
    let one = subject(server.client(), &name, 1);
    load::sequential(&one, 20).await?;

    one_by_one(&one, &server, &name, context, report).await?;
    sustained(&one, &server, context, report).await?;
    many_values(&server, &name, context, report).await?;
    drop(one);
    server.stop().await
}

async fn one_by_one(one: &Subject, server: &Zona, name: &str, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let samples = load::sequential(one, context.effort.rounds * CALLS_A_ROUND).await?;
    let mut table = Table::new(PART, "Transform, one value, one call after the other", &["what", "p50 ms", "p95 ms", "p99 ms"]);
    let row = |name: &str, samples: &Samples| -> [Cell; 4] {
        [name.into(), samples.median().into(), samples.millis(0.95).into(), samples.millis(0.99).into()]
    };
    table.row(row("whole call, seen by the client", &samples));
    table.row(row("of it in the sandbox (hand-over -> result)", &in_sandbox(server, name, context).await?));
    report.judge(&promises::TRANSFORM_P50, samples.median());
    report.add(table);
    Ok(())
}

/// What the stored usage says of calls of the same kind.
async fn in_sandbox(server: &Zona, name: &str, context: &Context<'_>) -> anyhow::Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..context.effort.rounds {
        let transformed = server.client().transform(name, values(1)).await?;
        let micros = server.client().sandbox_micros(&transformed.execution).await?;
        samples.push(std::time::Duration::from_secs_f64(micros / 1e6));
    }
    Ok(samples)
}

async fn sustained(one: &Subject, server: &Zona, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let columns = ["callers", "per second", "p50 ms", "p95 ms", "p99 ms", "CPU ms each", "failed"];
    let mut table = Table::new(PART, "Transform, one value, sustained", &columns);
    let mut best = f64::NAN;
    for callers in CALLERS {
        let meter = Meter::start(Scope::Tree(server.pid()))?;
        let slice = load::closed_loop(one, callers, context.effort.slice * context.effort.slices).await?;
        let each = meter.millis()? / slice.latencies.len().max(1) as f64;
        let (latencies, failed) = (&slice.latencies, slice.failed);
        let (p50, p95, p99) = (latencies.median(), latencies.millis(0.95), latencies.millis(0.99));
        table.row([callers.into(), slice.rate().into(), p50.into(), p95.into(), p99.into(), each.into(), failed.into()]);
        if let Some(failure) = &slice.failure {
            table.note(format!("{callers} callers: {failure}"));
        }
        best = best.max(slice.rate());
    }
    report.judge(&promises::TRANSFORM_RATE, best);
    table.note("CPU: server and sandboxes.");
    report.add(table);
    Ok(())
}

async fn many_values(server: &Zona, name: &str, context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new(PART, "Transform, many values in one call", &["values", "p50 ms", "µs a value"]);
    for count in MANY {
        let many = subject(server.client(), name, count);
        load::sequential(&many, 3).await?;
        let rounds = (context.effort.rounds / (count / MANY[0])).max(5);
        let samples = load::sequential(&many, rounds).await?;
        let each = samples.median() * 1e3 / count as f64;
        table.row([count.into(), samples.median().into(), each.into()]);
        if count == MANY[0] {
            report.judge(&promises::TRANSFORM_VALUE, each);
        }
    }
    report.add(table);
    Ok(())
}

fn values(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("\"value-{number}\"")).collect()
}

/// Calls Transform with so many values.
pub fn subject(client: Client, name: &str, count: usize) -> Subject {
    let (name, values): (Arc<str>, Arc<Vec<String>>) = (name.into(), Arc::new(values(count)));
    Arc::new(move || {
        let (client, name, values) = (client.clone(), Arc::clone(&name), Arc::clone(&values));
        Box::pin(async move { Ok(client.transform(&name, values.to_vec()).await?.done) as anyhow::Result<Instant> })
    })
}
