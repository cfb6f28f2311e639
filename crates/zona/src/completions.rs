//! `zona completions SHELL`: a completion script on standard output.

use clap::{Args, Command};
use clap_complete::Shell;
use cli::output::write_out;
use cli::{Exit, Result};

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell, e.g. bash
    shell: Shell,
}

impl Completions {
    /// Prints the script of this command line.
    pub fn run(&self, mut command_line: Command) -> Result {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command_line, "zona", &mut script);
        write_out(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Ok)
    }
}
