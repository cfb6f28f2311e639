//! What it costs to prepare a child to be put back: programs that leave something, so that each needs a new child, where children are prepared and
//! where they are not.

use std::time::Duration;

use domain::json::JsonText;
use domain::sandbox::{Entry, Isolation, Limits};

use super::slices::{JUDGED, PART};
use crate::arguments::Effort;
use crate::cpu::{self, Roles};
use crate::peers::sandbox::{Engine, job};
use crate::promises;
use crate::report::{Cell, Report, Table};

/// Between executions, so that each finds a child that is ready.
const PAUSE: Duration = Duration::from_millis(15);
/// Executions for each round of the effort: processor time is counted in hundredths of a second.
const EXECUTIONS: usize = 3;
const COLUMNS: [&str; 6] = ["children", "child ms each", "interpreter ms each", "agent ms each", "all ms each", "beyond a fork ms"];

/// Measures each backend: `engines` come in pairs, whose first one's children run one program.
///
/// # Errors
/// When an execution fails, or its child was put back.
pub async fn measure(engines: &[Engine], tenant: &str, effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new(PART, "Processor time of a program after which its child is replaced", &COLUMNS);
    for pair in engines.chunks(2) {
        let mut plain = None;
        for engine in pair {
            let spent = spent(engine, tenant, effort.rounds * EXECUTIONS).await?;
            let all = spent.children + spent.interpreters + spent.agents;
            let beyond = plain.map(|plain| all - plain);
            let figures = [spent.children, spent.interpreters, spent.agents, all].map(Cell::from);
            table.row([engine.name().into()].into_iter().chain(figures).chain([beyond.map_or(Cell::Absent, Cell::from)]));
            if let (JUDGED, Some(beyond)) = (engine.name(), beyond) {
                report.judge(&promises::PREPARED, beyond);
            }
            plain.get_or_insert(all);
        }
    }
    table.note("Beyond a fork: against the row above. It holds the preparation, and what following a program to its end costs besides.");
    report.add(table);
    Ok(())
}

/// Milliseconds of one execution, by who has spent them.
async fn spent(engine: &Engine, tenant: &str, executions: usize) -> anyhow::Result<Roles> {
    let before = cpu::roles(engine.users())?;
    for number in 0..executions {
        // One text each: a program that is known to leave something gets another sandbox.
        let code = format!("# {number}\ndef transform(value):\n    open('/tmp/left', 'w').close()\n    return value\n");
        let entry = Entry::Transform(vec![JsonText::read("1")]);
        let ran = engine.run(job(tenant, Isolation::TenantWarm, &code, entry, Limits::DEFAULT)?).await?;
        anyhow::ensure!(ran.outcome.is_ok(), "the program failed: {:?}", ran.outcome);
        // The first one may meet a child that has run others.
        anyhow::ensure!(number == 0 || ran.attestation.restored == 0, "a child was put back after a program that leaves something");
        tokio::time::sleep(PAUSE).await;
    }
    let spent = cpu::roles(engine.users())?.since(&before);
    let each = |millis: f64| millis / executions as f64;
    Ok(Roles { own: each(spent.own), agents: each(spent.agents), interpreters: each(spent.interpreters), children: each(spent.children) })
}
