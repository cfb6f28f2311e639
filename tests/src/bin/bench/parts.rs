//! The parts of a run and their order. A part that cannot be measured is reported, and the others still run.

use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::arguments::{Arguments, Effort};
use crate::report::Report;
use crate::{against, fairness, first_output, get_utility, kill, list, memory, soak, t1, tiers, transform, validate};

/// What can be chosen with `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// T1 on both backends beside a bare interpreter, bubblewrap and a Docker one-shot
    T1,
    /// T2 and T3 on both backends
    Tiers,
    /// Memory of one bound tenant
    Memory,
    /// Deadline -> whole tree gone
    Kill,
    /// Quiet tenants beside a loud one
    Fairness,
    /// Transform end to end over gRPC
    Transform,
    /// GetUtility beside a bare tonic echo
    Get,
    /// First output byte -> client
    Output,
    /// List pages in a small and a large tenant; with `--full` among one million utilities too
    List,
    /// The code check beside other parsers
    Validate,
    /// 20,000 executions on each backend: what is held before and after; only when it is asked for
    Soak,
}

/// What every part needs.
#[derive(Debug)]
pub struct Context<'a> {
    /// The command line.
    pub arguments: &'a Arguments,
    /// How long things are measured.
    pub effort: Effort,
    /// A directory for scratch files, on the file system of the data directory.
    pub scratch: &'a Path,
}

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
        Part::Output => first_output::run(&context, report).await,
        Part::List => list::run(&context, report).await,
        Part::Validate => validate::run(&context, report).await,
        Part::Soak => soak::run(&context, report).await,
    }
}

// === impl Part ===

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::T1 => "t1",
            Part::Tiers => "tiers",
            Part::Memory => "memory",
            Part::Kill => "kill",
            Part::Fairness => "fairness",
            Part::Transform => "transform",
            Part::Get => "get",
            Part::Output => "output",
            Part::List => "list",
            Part::Validate => "validate",
            Part::Soak => "soak",
        }
    }

    /// Whether it takes many minutes, so that it runs only when it is asked for.
    pub fn is_long(self) -> bool {
        self == Part::Soak
    }
}
