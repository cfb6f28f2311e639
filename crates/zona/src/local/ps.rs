//! `zona ps ...`: what the process manager says of a manifest without an engine: whether it is right, in which order its services start, and
//! what would be done. The rules are those of the crate `process`.

use clap::Subcommand;
use cli::Result;
use cli::output::write_out;

use crate::context::Context;

mod difference;
mod file;
mod graph;
mod import;
mod plan;
mod validate;

#[derive(Debug, Subcommand)]
pub enum Ps {
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
    pub fn run(&self, context: &Context) -> Result {
        match self {
            Ps::Validate(validate) => validate.run(context),
            Ps::Graph(graph) => graph.run(context),
            Ps::Plan(plan) => plan.run(context),
            Ps::Difference(difference) => difference.run(context),
            Ps::Import(import) => import.run(context),
            Ps::Schema => schema(),
        }
    }
}

fn schema() -> Result {
    write_out(&format!("{:#}\n", process::manifest::manifest_schema()))?;
    Ok(cli::Exit::Ok)
}
