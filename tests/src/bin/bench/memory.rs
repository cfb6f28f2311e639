//! What a tenant costs in memory while nothing runs: one sandbox with its ready children, alone and among others.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::sandbox::Isolation;

use crate::context::Context;
use crate::cpu;
use crate::peers::sandbox::{Children, Engine, Kind};
use crate::promises;
use crate::report::{Report, Table};

const PART: &str = "memory";
const READY: usize = 4;
/// So many of them wait where they are put back.
const READY_RESTORED: usize = 2;
/// Agent, and the interpreter that forks children.
const BESIDE_CHILDREN: usize = 2;
/// Time for the replacement of the child that bound the sandbox.
const SETTLE: Duration = Duration::from_secs(2);
const MIB: f64 = 1024.0 * 1024.0;
/// The first one is bound when the engine opens.
const TENANTS: [&str; 4] = ["warm-up", "second", "third", "fourth"];

/// Measures one bound sandbox alone, then among others, on each backend and with either kind of children.
///
/// # Errors
/// When the processes of a sandbox cannot be seen.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let columns = ["backend", "ready children", "bound tenants", "PSS MiB each", "private MiB each", "processes each"];
    let mut table = Table::new(PART, "Memory of a bound tenant", &columns);
    for kind in [Kind::Namespace, Kind::Docker] {
        for (children, ready) in [(Children::Fresh, READY), (Children::Restored, READY_RESTORED)] {
            // No unassigned one beside it: that would share pages and make the bound one look smaller.
            let pool = sandbox::Pool { unassigned: 0, children: READY, ..sandbox::Pool::default() };
            let engine = Engine::with(kind, children, context.arguments, pool).await?;
            for tenants in [&TENANTS[..1], &TENANTS] {
                let memory = settled(&engine, tenants, ready).await?;
                let count = tenants.len() as f64;
                let (proportional, private) = (memory.proportional as f64 / MIB / count, memory.private as f64 / MIB / count);
                let (bound, processes) = (tenants.len(), memory.processes / tenants.len());
                table.row([engine.name().into(), ready.into(), bound.into(), proportional.into(), private.into(), processes.into()]);
                if (kind, children, bound) == (Kind::Namespace, Children::Restored, 1) {
                    report.judge(&promises::MEMORY, proportional);
                }
            }
            engine.shutdown().await;
        }
    }
    table.note("PSS counts a page that n processes share as 1/n in each; all processes of a sandbox are summed. A tenant alone pays");
    table.note("for the interpreter's own file pages too, which more tenants share. Judged: alone, children that are put back.");
    report.add(table);
    Ok(())
}

async fn settled(engine: &Engine, tenants: &[&str], ready: usize) -> anyhow::Result<cpu::Memory> {
    let mut users = BTreeSet::new();
    for tenant in tenants {
        users.insert(engine.transform(tenant, Isolation::TenantWarm).await?.attestation.uid);
    }
    tokio::time::sleep(SETTLE).await;
    let mut sum = cpu::Memory::default();
    for uid in users {
        let memory = cpu::memory(uid)?;
        anyhow::ensure!(memory.processes >= ready + BESIDE_CHILDREN, "only {} processes of a sandbox are visible", memory.processes);
        sum.proportional += memory.proportional;
        sum.private += memory.private;
        sum.processes += memory.processes;
    }
    Ok(sum)
}
