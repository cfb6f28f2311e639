//! How the program of a child ended, and who is told.

use std::time::Instant;

use sandbox_protocol::control::{Exit, Usage};
use tokio::sync::watch;

/// How the program of a child ended: the child is gone with all its processes, or was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) how: How,
    pub(crate) usage: Usage,
    pub(crate) at: Instant,
}

/// What ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It exited, or a signal ended it.
    Exit(Exit),
    /// The kernel killed it for lack of memory in the sandbox.
    OutOfMemory,
    /// Its whole sandbox ended.
    SandboxLost,
    /// The server shuts down.
    Shutdown,
}

/// The end of a program, not yet told.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(super) end: watch::Sender<Option<End>>,
    /// Whether this is the end of a program, not of a child whose last program had ended before.
    pub(crate) news: bool,
    /// Whether a program ran in it.
    pub(crate) ran: bool,
    /// Whether its program was a probe of ours.
    pub(crate) probe: bool,
    /// Which program it was; none before there was one.
    pub(crate) program: Option<ProgramKey>,
}

/// Tells the programs of tenants apart, as far as anything is remembered of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProgramKey {
    pub(crate) tenant: u64,
    pub(crate) program: u64,
}

// === impl Notice ===

impl Notice {
    /// Tells the user of the child, who has heard nothing yet.
    pub(crate) fn tell(self, end: End) {
        if self.news {
            self.end.send_replace(Some(end));
        }
    }
}
