//! `zona completions SHELL`: a completion script on standard output.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use cli::output::write_out;
use cli::{Exit, Result};

use crate::command_line::Cli;

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell, e.g. bash
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Result {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "zona", &mut script);
        write_out(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Ok)
    }
}
