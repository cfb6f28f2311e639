//! What authorization and the audit log cost: calls of somebody who is signed in beside calls that show nothing and beside a bare
//! echo, what refusals take, proofs over a long log, and sign-ins beside Transform.

mod denials;
mod proofs;
mod reads;
mod sign_ins;
pub mod signed_in;

use crate::context::Context;
use crate::report::Report;
use crate::server::Zona;

/// Measures all of it.
///
/// # Errors
/// When a server does not start or a call fails.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let server = Zona::start(context).await?;
    reads::run(&server, context, report).await?;
    denials::run(&server, context, report).await?;
    sign_ins::run(&server, context, report).await?;
    server.stop().await?;
    proofs::run(context, report).await
}
