//! Why something is not trusted, in words that say what to change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

/// Why a path cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others have, or could have, a hand in it.
    #[error("{} cannot be trusted: {problem}; {}", path.display(), problem.remedy(path))]
    Untrusted {
        /// What is wrong: the path itself, or something on its way.
        path: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The system refuses.
    #[error("cannot use {}", path.display())]
    System {
        /// What was touched.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It belongs to somebody else.
    Owner {
        /// To whom.
        found: u32,
        /// To whom it must.
        wanted: u32,
    },
    /// It belongs to somebody whom this user namespace does not know, as it may not know the host's root.
    Unmapped {
        /// The id that stands for all such users.
        found: u32,
    },
    /// Others than its owner can write it.
    Writable {
        /// Its mode.
        mode: u32,
    },
    /// An access control list may let others than its owner and group write it.
    Listed {
        /// Its mode, in which the group's bits are the list's mask.
        mode: u32,
    },
    /// It is a link where none may be.
    Link,
    /// It is something else: a pipe, a device, a directory in the place of a file.
    Kind {
        /// What it must be.
        wanted: &'static str,
    },
    /// The file has other names, so that its content is also somebody else's.
    Names {
        /// How many.
        count: u64,
    },
}

// === impl Error ===

impl Error {
    pub(crate) fn system(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Error::System { path, source }
    }

    pub(crate) fn untrusted(path: &Path, problem: Problem) -> Self {
        Error::Untrusted { path: path.to_owned(), problem }
    }

    /// Whether there is nothing at the path.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::System { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

// === impl Problem ===

impl Problem {
    fn remedy(&self, path: &Path) -> String {
        let read_only = rustix::fs::statvfs(path).is_ok_and(|facts| facts.f_flag.contains(StatVfsMountFlags::RDONLY));
        self.remedy_where(path, read_only)
    }

    pub(crate) fn remedy_where(&self, path: &Path, read_only: bool) -> String {
        let path = path.display();
        match self {
            Problem::Unmapped { .. } => "map its owner in the user namespace of this process, or choose another place".to_owned(),
            Problem::Owner { .. } | Problem::Writable { .. } | Problem::Listed { .. } if read_only => {
                "its file system is read-only here: change it where it comes from, or choose another place".to_owned()
            }
            Problem::Owner { wanted, .. } => format!("look at what it holds, then `chown {wanted} {path}`, or choose another place"),
            Problem::Writable { .. } => format!("look at what it holds, then `chmod go-w {path}`, or choose another place"),
            Problem::Listed { .. } => format!("look at `getfacl {path}`, then `chmod go-w {path}`, or choose another place"),
            Problem::Link => "name the place that it leads to, or remove it".to_owned(),
            Problem::Kind { .. } => "move it away".to_owned(),
            Problem::Names { .. } => format!("copy it: `cp -p {path} {path}.new && mv {path}.new {path}`"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Owner { found, wanted } => write!(f, "it belongs to user {found}, and not to user {wanted}"),
            Problem::Unmapped { found } => write!(f, "it belongs to a user that is not mapped here (shown as {found})"),
            Problem::Writable { mode } => write!(f, "others can write it (mode {mode:04o})"),
            Problem::Listed { mode } => write!(f, "its access control list may let others write it (mode {mode:04o})"),
            Problem::Link => f.write_str("it is a symbolic link"),
            Problem::Kind { wanted } => write!(f, "it is no {wanted}"),
            Problem::Names { count } => write!(f, "the file has {count} names (hard links)"),
        }
    }
}
