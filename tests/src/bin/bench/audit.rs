//! What identity, authorization and the audit log cost: calls of somebody who is signed in beside calls that show nothing and beside a
//! bare echo, proofs over a long log, what refusals take, and sign-ins beside Transform.

mod denials;
mod proofs;
mod reads;
mod sign_ins;
pub mod signed_in;

use crate::context::Context;
use crate::report::Report;
use crate::server::Zona;

/// Measures calls and proofs.
///
/// # Errors
/// When a server does not start or a call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    reads::run(&server, context, report).await?;
    server.stop().await?;
    proofs::run(context, report).await
}

/// Measures refusals.
///
/// # Errors
/// When a server does not start, or something is not refused.
pub async fn refusals(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    denials::run(&server, context, report).await?;
    server.stop().await
}

/// Measures sign-ins.
///
/// # Errors
/// When a server does not start, or a call fails.
pub async fn sign_ins(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    sign_ins::run(&server, context, report).await?;
    server.stop().await
}
