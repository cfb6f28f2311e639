//! What every client command has at hand, and the way to its server.

use crate::client::Client;
use crate::client::names::Tenant;
use crate::credential::Credential;
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
    /// What proves there who calls.
    pub credential: Credential,
}

impl Context {
    /// Asks a server as nobody who is known.
    pub fn unsigned(server: String, output: Output) -> Self {
        Context { server, tenant: Tenant::usual(), output, credential: Credential::Absent }
    }

    /// Connects to the server.
    ///
    /// # Errors
    /// Nobody answers there, or what proves who calls must not be sent there, or has ended.
    pub async fn connect(&self) -> Result<Client> {
        Client::connect(&self.server, self.credential.clone()).await
    }
}
