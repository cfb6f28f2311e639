//! Where the time of one T1 execution goes: the phases that its caller sees, and the processes that do the work.

use std::time::Duration;

use domain::sandbox::Isolation;

use super::slices::PART;
use crate::arguments::Effort;
use crate::cpu::{self, Roles};
use crate::peers::sandbox::{Engine, Ran};
use crate::report::{Report, Table};
use crate::samples::Samples;

/// Between executions, so that each finds a child that is ready and processors that are idle.
const PAUSE: Duration = Duration::from_millis(15);
/// Executions for each round of the effort: processor time is counted in hundredths of a second.
const EXECUTIONS: usize = 3;
const COLUMNS: [&str; 5] = ["phase", "backend", "p50 ms", "p95 ms", "p99 ms"];

/// What of a run is timed.
type Phase = fn(&Ran) -> Duration;

/// Measures each backend without load.
pub async fn measure(engines: &[Engine], tenant: &str, effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let mut phases = Table::new(PART, "Phases of one T1 execution, without load", &COLUMNS);
    let mut work = Table::new(PART, "CPU of one T1 execution, without load", &["process", "backend", "ms each"]);
    for engine in engines {
        let before = cpu::roles(engine.users())?;
        let mut runs = Vec::new();
        for _ in 0..effort.rounds * EXECUTIONS {
            runs.push(engine.transform(tenant, Isolation::TenantWarm).await?);
            tokio::time::sleep(PAUSE).await;
        }
        let spent = cpu::roles(engine.users())?.since(&before);
        phase_rows(&mut phases, engine, &runs);
        work_rows(&mut work, engine, &spent, runs.len());
    }
    work.note(
        "The child: from its fork to its end, mostly page tables and copied pages. The interpreter forks it; the agent hands it over.",
    );
    report.add(phases);
    report.add(work);
    Ok(())
}

fn phase_rows(table: &mut Table, engine: &Engine, runs: &[Ran]) {
    let phases: [(&str, Phase); 4] = [
        ("acquire a ready child, check the job", |ran| ran.started.duration_since(ran.asked)),
        ("write the program, run it, read its result", |ran| ran.result.duration_since(ran.started)),
        ("kill and reap the tree, off the caller's path", |ran| ran.gone.duration_since(ran.result)),
        ("asked -> result", |ran| ran.result.duration_since(ran.asked)),
    ];
    for (name, phase) in phases {
        let samples: Samples = runs.iter().map(phase).collect();
        let figures = [0.5, 0.95, 0.99].map(|share| samples.millis(share).into());
        table.row([name.into(), engine.name().into()].into_iter().chain(figures));
    }
}

fn work_rows(table: &mut Table, engine: &Engine, spent: &Roles, runs: usize) {
    let each = |millis: f64| millis / runs as f64;
    for (role, millis) in [
        ("child", spent.children),
        ("interpreter that forks", spent.interpreters),
        ("agent", spent.agents),
        ("server side (this process, generator included)", spent.own),
        ("all", spent.children + spent.interpreters + spent.agents + spent.own),
    ] {
        table.row([role.into(), engine.name().into(), each(millis).into()]);
    }
}
