//! What every local command has at hand.

use server::config::Config;
use settings::Surroundings;

/// What every local command has at hand.
pub struct Context {
    /// The effective configuration.
    pub config: Config,
    /// What client commands use of it.
    pub client: cli::Context,
    /// What was odd about it. A server logs that; everybody else has read it by now.
    pub warnings: Vec<String>,
    /// What the process found around itself.
    pub surroundings: Surroundings,
}
