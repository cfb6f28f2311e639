//! Soak: thousands of executions of every kind, good and bad, and what is held before, halfway and after. Anything that grows is a
//! leak, and fails the part.
//!
//! The sandboxes themselves work for ten tenants; a whole server process, which has one tenant, does the same work behind gRPC.

mod census;
mod sandboxes;
mod server;
mod stages;
mod work;

use crate::context::Context;
use crate::peers::sandbox::Kind;
use crate::report::Report;

use stages::backend;

/// Soaks both backends; every subject is reported before a leak fails the part.
///
/// # Errors
/// When something leaks, or an execution does not end as its program does.
pub async fn run(context: &Context<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut problems = Vec::new();
    for kind in [Kind::Namespace, Kind::Docker] {
        let (sandboxes, server) = (sandboxes::soak(kind, context, report).await, server::soak(kind, context, report).await);
        for soaked in [sandboxes, server] {
            problems.extend(soaked.unwrap_or_else(|error| vec![format!("{}: {error:#}", backend(kind))]));
        }
    }
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("; "));
    Ok(())
}
