//! What every client command has at hand, and the way to its server.

use std::path::PathBuf;

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
    /// The authority of its certificate, where that is none of the system's.
    pub ca: Option<PathBuf>,
    /// Tenant of bare ids.
    pub tenant: Tenant,
    /// The printer.
    pub output: Output,
    /// What proves there who calls.
    pub credential: Credential,
}

impl Context {
    /// Asks a server with this in hand, whatever contexts there are.
    pub fn new(server: String, output: Output, credential: Credential) -> Self {
        Context { server, ca: None, tenant: Tenant::usual(), output, credential }
    }

    /// Connects to the server.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect(&self) -> Result<Client> {
        Client::connect(&self.server, self.ca.as_deref(), self.credential.clone()).await
    }
}
