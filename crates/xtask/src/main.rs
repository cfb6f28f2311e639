//! The one task runner of the workspace: `cargo xtask TASK`. It installs what the checks need, runs them in order, and holds
//! the fences that the compiler cannot hold ([`tidy`]). It ships nothing: no product code depends on it.

mod bench;
mod busy;
mod command_line;
mod console;
mod contract;
mod coverage;
mod fuzz;
mod known_modules;
mod openapi;
mod permissions;
mod process;
mod second_model;
mod settings;
mod setup;
mod steps;
mod suite;
mod tidy;
mod timed;
mod workspace;

use std::{process::ExitCode, time::Duration};

use clap::Parser as _;

use crate::{
    command_line::{CommandLine, Task},
    setup::Need,
    suite::{Effort, Length},
    workspace::Workspace,
};

fn main() -> ExitCode {
    match perform(CommandLine::parse().task) {
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
        Task::Test { only, long, busy } => steps::test(&workspace, &only, Effort { length: Length::of(long), busy }),
        Task::Setup => {
            setup::provide(&workspace, &Need::ALL, &mut Vec::new())?.leave_running();
            Ok(())
        }
        Task::Tidy { figures: true } => tidy::figures(&workspace),
        Task::Tidy { figures: false } => tidy::run(&workspace),
        Task::Settings => settings::write_table(&workspace),
        Task::KnownModules => known_modules::write_list(&workspace),
        Task::Permissions => permissions::write_tables(&workspace),
        Task::Console => console::build(&workspace),
        Task::Openapi => openapi::write(&workspace),
        Task::Fuzz { seconds } => {
            let provided = setup::provide(&workspace, steps::FUZZ_NEEDS, &mut Vec::new())?;
            fuzz::run_targets(&workspace, &provided.path, Duration::from_secs(seconds))
        }
        Task::Coverage { crates } => coverage::measure(&workspace, &crates),
        Task::Image { name, force } => setup::runtimes::images(&workspace, name.as_deref(), force),
        Task::Runtime { name, into, python } => setup::runtimes::directory(&workspace, &name, &into, python.as_deref()),
        Task::Bench { arguments } => bench::run_benchmarks(&workspace, &arguments),
        Task::AcceptContract { note } => contract::accept(&workspace, &note),
    }
}
