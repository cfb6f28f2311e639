//! The one task runner of the workspace: `cargo xtask TASK`. It installs what the checks need, runs them in order, and holds
//! the fences that the compiler cannot hold ([`tidy`]). It ships nothing: no product code depends on it.

mod bench;
mod contract;
mod fuzz;
mod process;
mod setup;
mod steps;
mod tidy;
mod workspace;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::{setup::Need, steps::Step, workspace::Workspace};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Tasks of the Zona workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs and starts what the checks need, then runs them
    Test {
        /// Runs only these checks, in the usual order
        #[arg(long, value_delimiter = ',', value_name = "STEP")]
        only: Vec<Step>,
    },
    /// Installs and starts everything the checks need, and leaves the Docker daemon running
    Setup,
    /// Checks crate arrows, file shapes, circles between files, swallowed failures, forbidden words and the names in documents
    Tidy {
        /// Prints figures of the tree instead: circles, the largest file and function, the number of files
        #[arg(long)]
        figures: bool,
    },
    /// Builds the runtimes' images from their lock files, unless they are up to date
    Image {
        /// Only this one [default: every one in deploy/runtimes]
        name: Option<String>,
        /// Builds it again in any case
        #[arg(long)]
        force: bool,
    },
    /// Installs a runtime from its lock file into a directory, for the namespace backend
    Runtime {
        /// One of deploy/runtimes
        name: String,
        /// Where its packages go; what a build has put there is replaced
        #[arg(long, value_name = "DIRECTORY")]
        into: PathBuf,
        /// The interpreter that it is for [default: /usr/bin/python3]
        #[arg(long, value_name = "INTERPRETER")]
        python: Option<PathBuf>,
    },
    /// Fuzzes the code check with a nightly compiler
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = steps::FUZZ_SECONDS)]
        seconds: u64,
    },
    /// Builds release binaries and runs the benchmarks
    Bench {
        /// Handed to the benchmark runner (`--help` lists them)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Makes the current protos the contract that later ones must stay compatible with
    AcceptContract {
        /// What changes for callers, for the changelog
        #[arg(long)]
        note: String,
    },
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not returned from main: that would add a backtrace, and what failed is a program, not this code.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Test { only } => steps::test(&workspace, &only),
        Task::Setup => {
            setup::provide(&workspace, &Need::ALL)?.leave_running();
            Ok(())
        }
        Task::Tidy { figures: true } => tidy::figures(&workspace),
        Task::Tidy { figures: false } => tidy::run(&workspace),
        Task::Fuzz { seconds } => {
            let provided = setup::provide(&workspace, steps::FUZZ_NEEDS)?;
            fuzz::run_targets(&workspace, &provided.path, Duration::from_secs(seconds))
        }
        Task::Image { name, force } => setup::runtimes::images(&workspace, name.as_deref(), force),
        Task::Runtime { name, into, python } => setup::runtimes::directory(&workspace, &name, &into, python.as_deref()),
        Task::Bench { arguments } => bench::run_benchmarks(&workspace, &arguments),
        Task::AcceptContract { note } => contract::accept(&workspace, &note),
    }
}
