//! `zona ps ...`: what the process manager says of a manifest without an engine, by the rules of the crate `process`: whether it is right, in
//! which order its services start, and what would be done. What a server says and does of its services is asked there; only the manifest is
//! read here.

use clap::{Args, Subcommand};
use cli::command::process::{Change, Integration, Logs, Named, Scale, Status};
use cli::output::write_out;
use cli::{Pending, Result};

use crate::context::Context;

mod apply;
mod content;
mod difference;
mod file;
mod graph;
mod import;
mod plan;
mod shown;
mod validate;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Ps {
    #[command(flatten)]
    status: Status,
    #[command(subcommand)]
    command: Option<Asked>,
}

#[derive(Debug, Subcommand)]
enum Asked {
    /// Make the platform of a server what a manifest says
    Apply(apply::Apply),
    /// Start a service, also where its manifest disables it
    Start(Named),
    /// Stop a service
    Stop(Named),
    /// Replace the replicas of a service
    Restart(Named),
    /// Change how many replicas a service has
    Scale(Scale),
    /// Show what services have put out, merged in the order of time
    Logs(Logs),
    /// Look at what runs for a tenant, start it and stop it
    #[command(subcommand)]
    Integration(Integration),
    /// Say everything that is wrong with a manifest
    Validate(validate::Validate),
    /// Show in which order the services of a manifest start, and what each waits for
    Graph(graph::Graph),
    /// Show what must be done so that what runs becomes what a manifest says
    Plan(plan::Plan),
    /// Show how an environment of a manifest differs from the rest of it
    Difference(difference::Difference),
    /// Make a manifest of Compose files, and say what was not understood and why
    Import(import::Import),
    /// Print the JSON Schema of manifests, for editors
    Schema,
}

impl Ps {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(async move {
            let Some(command) = &self.command else { return self.status.run(&context.client.context()?).await };
            match command {
                Asked::Apply(apply) => apply.run(context).await,
                Asked::Start(named) => Change::Start.run(named, &context.client.context()?).await,
                Asked::Stop(named) => Change::Stop.run(named, &context.client.context()?).await,
                Asked::Restart(named) => Change::Restart.run(named, &context.client.context()?).await,
                Asked::Scale(scale) => scale.run(&context.client.context()?).await,
                Asked::Logs(logs) => logs.run(&context.client.context()?).await,
                Asked::Integration(integration) => integration.run(&context.client.context()?).await,
                Asked::Validate(validate) => validate.run(context),
                Asked::Graph(graph) => graph.run(context),
                Asked::Plan(plan) => plan.run(context).await,
                Asked::Difference(difference) => difference.run(context),
                Asked::Import(import) => import.run(context),
                Asked::Schema => schema(),
            }
        })
    }
}

fn schema() -> Result {
    write_out(&format!("{:#}\n", process::manifest::manifest_schema()))?;
    Ok(cli::Exit::Ok)
}
