//! A whole server process behind gRPC: store, events, sandboxes.

use std::path::PathBuf;

use anyhow::Context as _;
use e2e::server::Backend;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::census::Place;
use super::stages::{EXECUTIONS_OF_A_SANDBOX, IDLE, IN_FLIGHT, STOCK, Stages, backend, executions};
use super::work::{MANY, Program};
use crate::context::Context;
use crate::peers::VALUE;
use crate::peers::sandbox::Kind;
use crate::report::Report;
use crate::rpc::{Client, TENANT};
use crate::server::Zona;

/// Soaks one backend; answers what leaks.
pub async fn soak(kind: Kind, context: &Context<'_>, report: &mut Report) -> anyhow::Result<Vec<String>> {
    let data = context.scratch.join(format!("soak-{}", backend(kind)));
    let engine = match kind {
        Kind::Namespace => Backend::Namespace,
        Kind::Docker => Backend::Docker,
    };
    let server = Zona::configured(data.clone(), engine, configuration()).await?;
    let soaked = stages(&server, data, context).await;
    server.stop().await?;
    Ok(soaked?.report(&format!("a server, {}", backend(kind)), report))
}

async fn stages(server: &Zona, data: PathBuf, context: &Context<'_>) -> anyhow::Result<Stages> {
    let directories = e2e::host::footprint(server.pid()).directories;
    let directory = directories.first().context("a server has a runtime directory")?.clone();
    let place = Place { pid: server.pid(), directory, data: Some(data) };
    let client = server.client();
    for program in Program::ALL {
        client.create_limited(&program.id(), program.code(), program.isolation(), program.limits().wall).await?;
    }
    Stages::of(&place, executions(context.arguments), |numbers| all(&client, numbers)).await
}

fn configuration() -> String {
    let idle = IDLE.as_secs();
    format!("[sandbox]\nidle = \"{idle}s\"\nmax_executions = {EXECUTIONS_OF_A_SANDBOX}\nwarm = {STOCK}\nmax_warm = {STOCK}\n")
}

async fn all(client: &Client, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    futures_util::stream::iter(numbers).map(|number| one(client, number)).buffer_unordered(IN_FLIGHT).try_collect().await
}

async fn one(client: &Client, number: usize) -> anyhow::Result<()> {
    let program = Program::of(number);
    let name = format!("{TENANT}/utilities/{}", program.id());
    let values = |count: usize| vec![VALUE.to_owned(); count];
    match program {
        Program::One | Program::Single => client.transform(&name, values(1)).await.map(drop),
        Program::Many => client.transform(&name, values(MANY)).await.map(drop),
        _ => program.check(&client.reason(&name, program == Program::Cancel).await?),
    }
}
