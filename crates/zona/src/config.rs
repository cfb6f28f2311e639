//! The configuration of the binary: the sections of the server and of client commands together. Each declares its own settings.

use std::path::Path;

use cli::settings::Client;
use server::config::{self as of_server, SECTIONS};
use settings::{Flag, Loaded, Problems, Reader, Schema, Sources, Surroundings};

/// What the whole process is configured with.
#[derive(Debug)]
pub struct Config {
    /// For client commands.
    pub client: Client,
    /// For servers and local tools.
    pub server: of_server::Config,
}

/// Reads the configuration. `file` is what `--config` names; `defaults` are those of the command, in place of the usual ones.
///
/// # Errors
/// Every problem at once.
pub fn load(file: Option<&Path>, defaults: Vec<Flag>, flags: Vec<Flag>, surroundings: &Surroundings) -> Result<Loaded<Config>, Problems> {
    let defaults = of_server::Config::defaults(surroundings).into_iter().chain(defaults).collect();
    settings::load(schema(), Sources { file, defaults, flags }, surroundings, read)
}

/// Every setting, in the order in which they are printed.
fn schema() -> Schema {
    Schema::new([Client::SECTION].into_iter().chain(SECTIONS))
}

fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let client = Client::read(reader, Client::SECTION.path());
    let server = of_server::Config::read(reader);
    Some(Config { client: client?, server: server? })
}

#[cfg(test)]
mod tests;
