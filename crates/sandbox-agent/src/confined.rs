//! What a sandbox without namespaces hands to its interpreter. It deliberately does not say how such a sandbox comes to be.

use std::os::fd::OwnedFd;

/// Handed to the interpreter, and closed in the agent once it has them.
pub struct Confined {
    /// What contains a child.
    pub wall: Wall,
    /// The agent's files.
    pub files: Vec<OwnedFd>,
}

/// What takes the place of namespaces.
pub enum Wall {
    /// Landlock.
    Landlock {
        /// The rules of children.
        rules: OwnedFd,
        /// Version of the interface that they are written in.
        version: u32,
    },
    /// gVisor's kernel, from which no descriptor passes to the server: the one child's streams come from the server instead.
    Gvisor {
        /// Read end of the request's, write ends of the result's, stdout's and stderr's.
        streams: [OwnedFd; 4],
    },
}

// === impl Wall ===

impl Wall {
    /// The version of Landlock's interface; 0 without it.
    pub const fn landlock(&self) -> u32 {
        match self {
            Wall::Landlock { version, .. } => *version,
            Wall::Gvisor { .. } => 0,
        }
    }

    /// Whether it is gVisor.
    pub const fn is_gvisor(&self) -> bool {
        matches!(self, Wall::Gvisor { .. })
    }
}
