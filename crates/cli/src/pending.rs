//! What a command is while it works.

use std::pin::Pin;

use crate::failure::Result;

/// A command at work. Boxed: the code of a plain `async fn` is compiled where it is awaited, which put all of this crate, and the
/// client below it, into the last crate of the build, while nothing else was left to compile.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result> + 'a>>;
