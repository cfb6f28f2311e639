//! The server's ends of a child's pipes: for one program, and for as long as the child lives.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use tokio::net::unix::pipe;

use super::anomaly::Anomaly;
use crate::wire::CHILD_DESCRIPTORS;

/// The server's ends of a child's pipes, non-blocking.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) request: pipe::Sender,
    pub(crate) result: pipe::Receiver,
    pub(crate) stdout: pipe::Receiver,
    pub(crate) stderr: pipe::Receiver,
}

/// The same ends, kept while a child waits for its next program: those of each program are copies.
#[derive(Debug)]
pub(super) struct Kept([OwnedFd; CHILD_DESCRIPTORS]);

// === impl Pipes ===

impl Pipes {
    /// Takes them as they came: request, result, stdout, stderr.
    pub(super) fn from_descriptors(descriptors: Vec<OwnedFd>) -> Result<Self, Anomaly> {
        let descriptors: [OwnedFd; CHILD_DESCRIPTORS] =
            descriptors.try_into().map_err(|found: Vec<_>| Anomaly::Descriptors(found.len()))?;
        Self::open(descriptors).map_err(Anomaly::NotAPipe)
    }

    fn open([request, result, stdout, stderr]: [OwnedFd; CHILD_DESCRIPTORS]) -> io::Result<Self> {
        Ok(Pipes {
            request: pipe::Sender::from_owned_fd(request)?,
            result: pipe::Receiver::from_owned_fd(result)?,
            stdout: pipe::Receiver::from_owned_fd(stdout)?,
            stderr: pipe::Receiver::from_owned_fd(stderr)?,
        })
    }

    /// Copies to keep; none where this process may open no more.
    pub(super) fn keep(&self) -> io::Result<Kept> {
        let copy = |end: BorrowedFd<'_>| end.try_clone_to_owned();
        Ok(Kept([copy(self.request.as_fd())?, copy(self.result.as_fd())?, copy(self.stdout.as_fd())?, copy(self.stderr.as_fd())?]))
    }
}

// === impl Kept ===

impl Kept {
    /// Whether nothing lies in any of the pipes: what one program wrote, or left unread, is never the next one's.
    pub(super) fn are_empty(&self) -> bool {
        self.0.iter().all(|end| matches!(rustix::io::ioctl_fionread(end), Ok(0)))
    }

    /// The ends for the next program.
    pub(super) fn pipes(&self) -> io::Result<Pipes> {
        let [request, result, stdout, stderr] = &self.0;
        Pipes::open([request.try_clone()?, result.try_clone()?, stdout.try_clone()?, stderr.try_clone()?])
    }
}
