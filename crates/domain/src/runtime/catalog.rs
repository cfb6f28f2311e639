//! The port that knows which runtimes a server has, and what they hold.

use std::sync::Arc;

use async_trait::async_trait;

use crate::name::RuntimeId;
use crate::runtime::{Package, Runtime};
use crate::sandbox;

/// Port: the runtimes of this server.
#[async_trait]
pub trait RuntimeCatalog: Send + Sync {
    /// Names of the runtimes that this server is configured to have.
    fn names(&self) -> Vec<RuntimeId>;

    /// What this server offers, with the reason where nothing can run on a runtime now.
    ///
    /// # Errors
    /// When that is not known, with what an operator can do.
    async fn runtimes(&self) -> Result<Vec<Runtime>, sandbox::Error>;

    /// Packages of a runtime that bring one of these top-level modules; `None` when there is no such runtime or it is not known
    /// yet. Waits for nothing: it is asked whenever a utility is read.
    fn packages_of(&self, runtime: &RuntimeId, modules: &[String]) -> Option<Vec<Package>>;

    /// The digest of a runtime as it is installed now; `None` when there is no such runtime or it is not known yet.
    fn digest(&self, runtime: &RuntimeId) -> Option<Arc<str>>;
}
