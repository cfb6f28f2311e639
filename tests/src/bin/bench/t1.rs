//! T1 beside what people use instead: throughput in a closed loop, latency in an open loop at several rates, CPU for each
//! execution, and the phases of one. Peers alternate slice by slice.

mod open_loop;
mod phases;
mod prepared;
mod programs;
mod saturated;
mod slices;

use crate::context::Context;
use crate::load;
use crate::peers::sandbox::{Children, Engine, Kind};
use crate::peers::{Peer, docker, process, python};
use crate::report::Report;

const TENANT: &str = "bench";

/// Measures everything about T1 under load.
///
/// # Errors
/// When a peer cannot be set up.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut engines = Vec::new();
    for kind in [Kind::Namespace, Kind::Docker] {
        for children in [Children::Fresh, Children::Restored] {
            let engine = Engine::with(kind, children, context.arguments, sandbox::Pool::default()).await?;
            engine.warm_up(TENANT).await?;
            engines.push(engine);
        }
    }
    let measured = measure(&engines, context, report).await;
    for engine in engines {
        engine.shutdown().await;
    }
    measured
}

async fn measure(engines: &[Engine], context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut peers: Vec<Peer> = engines.iter().map(|engine| engine.peer(TENANT)).collect();
    peers.push(process::bare(&context.arguments.python, context.scratch)?);
    peers.push(process::bubblewrap(&context.arguments.python, context.scratch)?);
    peers.push(docker::one_shot(&context.arguments.image).await?);
    if context.arguments.peers {
        peers.push(python::sandlock(&context.arguments.python)?);
        peers.push(python::monty()?);
    }
    for peer in &peers {
        load::sequential(&peer.subject, 3).await.map_err(|error| error.context(format!("{} does not run the program", peer.name)))?;
    }
    phases::measure(engines, TENANT, context.effort, report).await?;
    prepared::measure(engines, TENANT, context.effort, report).await?;
    let capacity = saturated::measure(&peers, context.effort, report).await?;
    programs::measure(engines, TENANT, context.effort, report).await?;
    open_loop::measure(&peers, context.effort, &capacity, report).await
}
