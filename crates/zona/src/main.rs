//! The one binary: names the server, the client commands and the local tools together. The only place that reads the environment.

mod command;
mod command_line;
mod completions;
mod config;
mod context;
mod local;
mod refusal;

use std::process::ExitCode;

use clap::Parser as _;
use settings::Surroundings;

use crate::command_line::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command::run(cli, &Surroundings::read()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print();
            failure.exit.into()
        }
    }
}
