//! Ctrl-C, as a stream of signals.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::failure::{Failure, Result};

/// Every Ctrl-C from now on.
///
/// # Errors
/// The process cannot handle signals.
pub fn interrupts_of_this_process() -> Result<Signal> {
    signal(SignalKind::interrupt()).map_err(|error| Failure::new(Exit::Unavailable, format!("cannot handle signals: {error}")))
}
