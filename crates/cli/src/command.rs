//! The commands: one file each. What a command needs of the configuration is in [`Context`].

use crate::client::Client;
use crate::client::names::Tenant;
use crate::failure::Result;
use crate::output::Output;

mod execution;
mod parameters;
mod policy;
mod run;
mod runtime;
mod server;
pub mod streamed;
mod transform;
mod utility;

pub use execution::Execution;
pub use policy::Policy;
pub use run::Run;
pub use runtime::Runtime;
pub use server::info;
pub use transform::{MAX_CALL_VALUES, Transform};
pub use utility::Utility;

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
