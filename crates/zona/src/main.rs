//! The one binary: `zona dev` and `zona demo`, the client commands, and the local tools. The only place that reads the
//! environment and that names adapters together (see [`server`]).

mod agent;
mod cli;
mod client;
mod command;
mod config;
mod document;
mod exit;
mod failure;
mod output;
mod server;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::config::Surroundings;

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
