//! The sandboxes themselves, in this process: ten tenants.

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::census::Place;
use super::stages::{EXECUTIONS_OF_A_SANDBOX, IDLE, IN_FLIGHT, STOCK, Stages, backend, executions};
use super::work::{MANY, Program};
use crate::context::Context;
use crate::peers::VALUE;
use crate::peers::sandbox::{Engine, Kind, job};
use crate::report::Report;
use domain::json::JsonText;
use domain::sandbox::Entry;

const TENANTS: usize = 10;

/// Soaks one backend; answers what leaks.
pub async fn soak(kind: Kind, context: &Context<'_>, report: &mut Report) -> anyhow::Result<Vec<String>> {
    let pool = sandbox::Pool {
        idle: IDLE,
        max_executions: EXECUTIONS_OF_A_SANDBOX,
        max_unassigned: STOCK,
        unassigned: STOCK,
        ..Default::default()
    };
    let engine = Engine::open(kind, context.arguments, pool).await?;
    let place = Place { pid: std::process::id(), directory: engine.directory(), data: None };
    let soaked = Stages::of(&place, executions(context.arguments), |numbers| all(&engine, numbers)).await;
    engine.shutdown().await;
    let subject = format!("the sandboxes of {TENANTS} tenants, {}", backend(kind));
    let mut leaks = soaked?.report(&subject, report);
    leaks.extend(place.remains()?.into_iter().map(|left| format!("{subject}: {left}")));
    Ok(leaks)
}

async fn all(engine: &Engine, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    futures_util::stream::iter(numbers).map(|number| one(engine, number)).buffer_unordered(IN_FLIGHT).try_collect().await
}

async fn one(engine: &Engine, number: usize) -> anyhow::Result<()> {
    let program = Program::of(number);
    let values = |count: usize| Entry::Transform(vec![JsonText::read(VALUE); count]);
    let entry = match program {
        Program::One | Program::Single => values(1),
        Program::Many => values(MANY),
        _ => Entry::Script,
    };
    let tenant = format!("soak-{}", number % TENANTS);
    let job = job(&tenant, program.isolation(), program.code(), entry, program.limits())?;
    let ran = engine.run_until(job, program == Program::Cancel).await?;
    program.check(ran.outcome.err().map_or("", |failure| failure.reason.as_str()))
}
