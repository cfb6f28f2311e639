//! What every local command has at hand.

use cli::Setup;
use cli::output::Output;
use server::config::Config;
use settings::Surroundings;

/// What every local command has at hand.
pub struct Context {
    /// The effective configuration.
    pub config: Config,
    /// What client commands use of it.
    pub client: Setup,
    /// Whether somebody has said where the gateway listens.
    pub gateway_is_set: bool,
    /// The printer.
    pub output: Output,
    /// What was odd about it. A server logs that; everybody else has read it by now.
    pub warnings: Vec<String>,
    /// What the process found around itself.
    pub surroundings: Surroundings,
}
