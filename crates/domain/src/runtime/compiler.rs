//! The port of a runtime's own compiler, run in a sandbox. Nothing is ever executed.

use std::sync::Arc;

use async_trait::async_trait;

use crate::code::Code;
use crate::name::TenantId;
use crate::runtime::{Package, Runtime};
use crate::sandbox;

/// Port: the compiler of a runtime, run in a sandbox; it compiles and never executes.
#[async_trait]
pub trait Compiler: Send + Sync {
    /// Names of the runtimes that this server is configured to have.
    fn names(&self) -> Vec<String>;

    /// What this server offers, with the reason where nothing can run on a runtime now.
    ///
    /// # Errors
    /// When that is not known, with what an operator can do.
    async fn runtimes(&self) -> Result<Vec<Runtime>, sandbox::Error>;

    /// Packages of a runtime that bring one of these top-level modules; `None` when there is no such runtime or it is not known
    /// yet. Waits for nothing: it is asked whenever a utility is read.
    fn packages_of(&self, runtime: &str, modules: &[String]) -> Option<Vec<Package>>;

    /// The digest of a runtime as it is installed now; `None` when there is no such runtime or it is not known yet.
    fn digest(&self, runtime: &str) -> Option<Arc<str>>;

    /// Compiles `code` on the runtime.
    ///
    /// # Errors
    /// When no sandbox could be had, or the compiler did not answer in time: nothing is known about the code then.
    async fn compile(&self, tenant: &TenantId, runtime: &str, code: &Code) -> Result<Verdict, sandbox::Error>;
}

/// What a runtime's compiler says of a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It compiles on the runtime with this digest.
    Compiles {
        /// The runtime's digest.
        digest: String,
    },
    /// It does not.
    Refused {
        /// Line, from 1; 0 where the compiler names none.
        line: u32,
        /// Column, from 1; 0 where the compiler names none.
        column: u32,
        /// The compiler's words.
        message: String,
    },
}
