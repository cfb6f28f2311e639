//! The commands: one file each.

use std::pin::Pin;

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
pub use parameters::ParameterArgs;
pub use policy::Policy;
pub use run::Run;
pub use runtime::Runtime;
pub use server::info;
pub use transform::{MAX_CALL_VALUES, Transform};
pub use utility::{Preset, Utility};

/// A command at work. Boxed: the code of a plain `async fn` is compiled where it is awaited, which put all of this crate, and the
/// client below it, into the last crate of the build, while nothing else was left to compile.
pub type Pending<'a> = Pin<Box<dyn Future<Output = crate::Result> + 'a>>;
