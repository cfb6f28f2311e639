//! The one task runner of the workspace: `cargo xtask TASK`. It installs what the checks need, runs them in order, and holds
//! the fences that the compiler cannot hold ([`tidy`]). It ships nothing: no product code depends on it.

mod bench;
mod contract;
mod process;
mod setup;
mod steps;
mod tidy;
mod workspace;

use std::process::ExitCode;

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
    /// Checks crate arrows, file shapes, forbidden words and the names in documents
    Tidy,
    /// Builds the runtime image, unless it is up to date
    Image {
        /// Builds it again in any case
        #[arg(long)]
        force: bool,
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
        Task::Tidy => tidy::run(&workspace),
        Task::Image { force } => setup::image(&workspace, force),
        Task::Bench { arguments } => bench::run_benchmarks(&workspace, &arguments),
        Task::AcceptContract { note } => contract::accept(&workspace, &note),
    }
}
