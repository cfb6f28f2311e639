//! The command line of the task runner: its tasks and their arguments. What it does not know it refuses with its usage and the
//! exit status 2, before anything starts.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::steps::{self, Step};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Tasks of the Zona workspace")]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// One task.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Installs and starts what the checks need, then runs them
    Test {
        /// Runs only these checks, in the usual order
        #[arg(long, value_delimiter = ',', value_name = "STEP")]
        only: Vec<Step>,
        /// Repeats kills, restarts and random seeds in large numbers, and fuzzes for longer
        #[arg(long)]
        long: bool,
        /// Keeps every processor busy beside the Rust tests, for what depends on timing
        #[arg(long)]
        busy: bool,
    },
    /// Installs and starts everything the checks need, and leaves the Docker daemon running
    Setup,
    /// Checks crate arrows, file shapes, circles between files, swallowed failures, forbidden words and the names in documents
    Tidy {
        /// Prints figures of the tree instead: circles, the largest file and function, the number of files
        #[arg(long)]
        figures: bool,
    },
    /// Writes the table of settings in docs/operations.md from their declarations
    Settings,
    /// Writes the list of modules of well-known packages from the sources that crates/python-check/tools/known_modules.py names
    KnownModules,
    /// Builds the console, console/dist, which the server's binary holds; needs npm
    Console,
    /// Writes the description of JSON over HTTP, docs/openapi.json, from the contract
    Openapi,
    /// Writes the tables in docs/permissions.md from the contract and the matrix of roles
    Permissions,
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
    /// Measures which lines of each crate its own tests reach (with cargo-tarpaulin, for some minutes a crate)
    Coverage {
        /// Only these [default: every one whose tests need no daemon]
        crates: Vec<String>,
    },
    /// Builds release binaries and runs the benchmarks
    Bench {
        /// Handed to the benchmark runner (`cargo xtask bench -- --help` lists them)
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

#[cfg(test)]
mod tests;
