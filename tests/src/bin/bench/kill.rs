//! How long after its deadline a run that ignores everything is gone: the whole process tree, as the kernel reports it.

use std::time::Duration;

use domain::sandbox::{Entry, Isolation, Limits, Reason};

use crate::context::Context;
use crate::peers::sandbox::{Engine, Kind, job};
use crate::promises;
use crate::report::{Report, Table};
use crate::samples::Samples;

const PART: &str = "kill";
const DEADLINE: Duration = Duration::from_millis(200);
const CODE: &str = "def main():\n    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass\n";

/// Measures the time from deadline to the end of the tree, on both backends.
///
/// # Errors
/// When a run does not end by its deadline.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new(PART, "Deadline -> whole tree gone", &["backend", "p50 ms", "p95 ms", "p99 ms", "max ms", "runs"]);
    let mut all = Samples::default();
    for (kind, backend) in [(Kind::Namespace, "namespace"), (Kind::Docker, "docker")] {
        let engine = Engine::open(kind, context.arguments, sandbox::Pool::default()).await?;
        let measured = overruns(&engine, context.effort.rounds / 2).await;
        engine.shutdown().await;
        let samples = measured?;
        let figures = [0.5, 0.95, 0.99, 1.0].map(|share| samples.millis(share).into());
        table.row([backend.into()].into_iter().chain(figures).chain([samples.len().into()]));
        all.extend(&samples);
    }
    report.judge(&promises::KILL, all.millis(0.95));
    report.add(table);
    Ok(())
}

async fn overruns(engine: &Engine, rounds: usize) -> anyhow::Result<Samples> {
    let limits = Limits { wall: DEADLINE, ..Limits::DEFAULT };
    let mut samples = Samples::default();
    for _ in 0..rounds {
        let ran = engine.run(job("bench", Isolation::TenantWarm, CODE, Entry::Script, limits)?).await?;
        let reason = ran.outcome.as_ref().err().map(|failure| failure.reason);
        anyhow::ensure!(reason == Some(Reason::Timeout), "the run ended with {:?} instead of a timeout", ran.outcome);
        samples.push(ran.gone.saturating_duration_since(ran.started + DEADLINE));
    }
    Ok(samples)
}
