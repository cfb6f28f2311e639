//! Ctrl-C: as a stream of signals, and as the end of a command.

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

/// Does a command's work until Ctrl-C, also where something in it handles the signal so that it no longer ends the process.
///
/// # Errors
/// Those of the work, or that it was interrupted.
pub async fn until_interrupted(work: impl Future<Output = Result>) -> Result {
    let mut interrupt = interrupts_of_this_process()?;
    tokio::select! {
        // First, as an interrupted question says so itself.
        biased;
        done = work => done,
        _ = interrupt.recv() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    }
}
