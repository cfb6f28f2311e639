//! The port of a runtime's own compiler, run in a sandbox. Nothing is ever executed.

use async_trait::async_trait;

use crate::code::Code;
use crate::name::{RuntimeId, TenantId};
use crate::sandbox;

/// Port: the compiler of a runtime, run in a sandbox; it compiles and never executes.
#[async_trait]
pub trait Compiler: Send + Sync {
    /// Compiles `code` on the runtime.
    ///
    /// # Errors
    /// When no sandbox could be had, or the compiler did not answer in time: nothing is known about the code then.
    async fn compile(&self, tenant: &TenantId, runtime: &RuntimeId, code: &Code) -> Result<Verdict, sandbox::Error>;
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
