//! The commands: one file each.

mod access;
mod audit;
mod execution;
mod named_context;
mod parameters;
mod policy;
mod role;
mod run;
mod runtime;
mod server;
pub mod streamed;
mod transform;
mod utility;

pub use access::Access;
pub use audit::{AuditExport, AuditList};
pub use execution::Execution;
pub use named_context::NamedContext;
pub use parameters::ParameterArgs;
pub use policy::Policy;
pub use run::Run;
pub use runtime::Runtime;
pub use server::info;
pub use transform::{MAX_CALL_VALUES, Transform};
pub use utility::{Preset, Utility};
