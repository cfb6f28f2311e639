//! The parts of a run and their order. A part that cannot be measured is reported, and the others still run.

use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum as _;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::part::Part;
use crate::report::Report;
use crate::{
    abuse, against, audit, cache, differential, fairness, first_output, gateway, get_utility, kill, list, locks, memory, soak, t1, tiers,
    timeline, transform, validate,
};

/// Runs the chosen parts one after the other; answers those that failed.
pub async fn run(arguments: &Arguments, report: &mut Report) -> Vec<&'static str> {
    let mut failed = Vec::new();
    if let Some(earlier) = &arguments.against {
        eprintln!("measuring {} beside this build ...", earlier.display());
        if let Err(error) = compare(earlier, arguments, report).await {
            report.fail(against::PART, &error);
            failed.push(against::PART);
        }
        return failed;
    }
    for &part in Part::value_variants().iter().filter(|part| arguments.wants(**part)) {
        eprintln!("measuring {} ...", part.name());
        if let Err(error) = run_one(part, arguments, report).await {
            eprintln!("  failed: {error:#}");
            report.fail(part.name(), &error);
            failed.push(part.name());
        }
    }
    failed
}

async fn compare(earlier: &Path, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    // A server starts in a directory of its own, where a relative name would mean another file.
    let earlier = earlier.canonicalize().with_context(|| format!("no build lies at {}", earlier.display()))?;
    let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(arguments.data_parent()?)?;
    against::run(&earlier, arguments, scratch.path(), report).await
}

async fn run_one(part: Part, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(arguments.data_parent()?)?;
    let context = Context { arguments, effort: arguments.effort(), scratch: scratch.path() };
    match part {
        Part::T1 => t1::run(&context, report).await,
        Part::Tiers => tiers::run(&context, report).await,
        Part::Memory => memory::run(&context, report).await,
        Part::Kill => kill::run(&context, report).await,
        Part::Fairness => fairness::run(&context, report).await,
        Part::Transform => transform::run(&context, report).await,
        Part::Get => get_utility::run(&context, report).await,
        Part::Gateway => gateway::run(&context, report).await,
        Part::Cache => cache::run(&context, report).await,
        Part::Output => first_output::run(&context, report).await,
        Part::List => list::run(&context, report).await,
        Part::Validate => validate::run(&context, report).await,
        Part::Abuse => abuse::run(&context, report).await,
        Part::Audit => audit::run(&context, report).await,
        Part::Refusals => audit::refusals(&context, report).await,
        Part::SignIns => audit::sign_ins(&context, report).await,
        Part::Timeline => timeline::run(&context, report).await,
        Part::Locks => locks::run(&context, report).await,
        Part::Soak => soak::run(&context, report).await,
        Part::Differential => differential::run(&context, report).await,
    }
}
