//! What client commands need of the configuration, and the way to its server.

use crate::client::Client;
use crate::client::names::Tenant;
use crate::failure::Result;
use crate::output::Output;

/// What every client command has at hand.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where it connects to, e.g. `http://127.0.0.1:7070`.
    pub server: String,
    /// Tenant of bare ids.
    pub tenant: Tenant,
    /// The printer.
    pub output: Output,
}

impl Context {
    /// Connects to the configured server.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn connect(&self) -> Result<Client> {
        Client::connect(&self.server).await
    }
}
