//! What one tenant costs in memory while nothing runs: one sandbox with four ready children.

use std::time::Duration;

use domain::utility::Isolation;

use crate::cpu;
use crate::parts::Context;
use crate::peers::sandbox::{Engine, Kind};
use crate::promises;
use crate::report::{Report, Table};

const PART: &str = "memory";
const CHILDREN: usize = 4;
/// Agent, its outer process where the backend has one, and the interpreter that forks children.
const BESIDE_CHILDREN: usize = 2;
/// Time for the replacement of the child that bound the sandbox.
const SETTLE: Duration = Duration::from_secs(2);
const MIB: f64 = 1024.0 * 1024.0;

/// Measures one bound sandbox of each backend.
///
/// # Errors
/// When the processes of the sandbox cannot be seen.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new(PART, "Memory of one bound tenant, 4 ready children", &["backend", "PSS MiB", "private MiB", "processes"]);
    for (kind, backend) in [(Kind::Namespace, "namespace"), (Kind::Docker, "docker")] {
        // No unassigned one beside it: that would share pages and make the bound one look smaller.
        let pool = sandbox::Pool { unassigned: 0, children: CHILDREN, ..sandbox::Pool::default() };
        let engine = Engine::open(kind, context.arguments, pool).await?;
        let measured = settled(&engine).await;
        engine.shutdown().await;
        let memory = measured?;
        anyhow::ensure!(memory.processes >= CHILDREN + BESIDE_CHILDREN, "only {} processes of the sandbox are visible", memory.processes);
        let proportional = memory.proportional as f64 / MIB;
        table.row([backend.into(), proportional.into(), (memory.private as f64 / MIB).into(), (memory.processes as f64).into()]);
        if kind == Kind::Namespace {
            report.judge(&promises::MEMORY, proportional);
        }
    }
    table.note("PSS counts a page that n processes share as 1/n in each; all of one sandbox's processes are summed.");
    report.add(table);
    Ok(())
}

async fn settled(engine: &Engine) -> anyhow::Result<cpu::Memory> {
    let ran = engine.transform("warm-up", Isolation::TenantWarm).await?;
    tokio::time::sleep(SETTLE).await;
    cpu::memory(ran.attestation.uid)
}
