//! Why something sealed cannot be opened, or keys cannot be used.

use std::io;
use std::path::PathBuf;

use crate::guard::GuardError;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no sealed text, or of a form that this program does not know.
    #[error("is sealed in a form that this program does not know")]
    Form,
    /// It does not open.
    #[error("does not open: it was damaged, moved from another place, or sealed with another key")]
    Damaged,
    /// A wrapped key names a wrapping key that is not there.
    #[error("the key {id} is missing; restore its file from a backup of the keys")]
    Missing {
        /// The wrapping key.
        id: String,
    },
    /// A file or its directory could be somebody else's work.
    #[error(transparent)]
    Untrusted(#[from] file_trust::Error),
    /// The system refuses.
    #[error("cannot use {path}")]
    System {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds no key, or another one than its name says.
    #[error("{path} holds no key of that name; restore it from a backup of the keys")]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// A file that should hold a key holds none.
    #[error("{path} holds no key: it must be 32 random bytes, as they are, in base64 or in hexadecimal digits")]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// A file that holds a key is open to everybody.
    #[error("{path} is open to everybody, and so is the key in it; chmod o-rwx, and use another key")]
    Exposed {
        /// Which file.
        path: PathBuf,
    },
    /// A file is protected by something that this server does not ask.
    #[error("{path} is protected by {by}, and this server {asks}; set keys.protection to what protects it")]
    Guarded {
        /// Which file.
        path: PathBuf,
        /// What protects it.
        by: String,
        /// What the server asks instead, in words.
        asks: String,
    },
    /// What protects the files cannot be had, or refuses.
    #[error("{by} does not {doing} the key {id}")]
    Guard {
        /// What protects it.
        by: String,
        /// Which key.
        id: String,
        /// What was asked of it.
        doing: &'static str,
        /// Why not.
        #[source]
        source: GuardError,
    },
}
