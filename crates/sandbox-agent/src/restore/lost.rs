//! Why a child is not put back.

use std::io;

use sandbox_protocol::control::Left;

/// Why a child is not put back. It is not as it was in something that cannot be undone, or cannot be compared.
#[derive(Debug)]
pub enum Lost {
    /// Pages are no longer tracked: a mapping was removed, moved or replaced.
    Uncovered {
        /// Pages that are.
        covered: usize,
        /// Pages that should be.
        tracked: usize,
    },
    /// There are tracked pages that there were not: its stack has grown.
    Grown(u64),
    /// More pages are not there than are read: the kernel is short of memory.
    Missing(usize),
    /// The kernel shows something else of it.
    Differs(Left),
    /// The kernel refuses.
    Refused(io::Error),
}

// === impl Lost ===

impl Lost {
    /// What is told of it.
    pub fn left(&self) -> Left {
        match self {
            Lost::Uncovered { .. } | Lost::Grown(_) | Lost::Missing(_) => Left::Pages,
            Lost::Differs(left) => *left,
            Lost::Refused(_) => Left::Refused,
        }
    }
}

impl From<Lost> for io::Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Refused(error) => error,
            other => io::Error::other(format!("{other:?}")),
        }
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Lost::Refused(error)
    }
}
