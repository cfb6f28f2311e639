//! Why certificates and keys cannot be used, in words that say what to change.

use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;

/// Why certificates and keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others could have put the file there, or could exchange it.
    #[error(transparent)]
    Untrusted(#[from] file_trust::Error),
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// It has more bytes than any such file.
    #[error("{} has more than {most} bytes, and is no such file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most.
        most: u64,
    },
    /// Everybody can read a key.
    #[error("{} has the mode {mode:04o}, so everybody on this machine can read the key: `chmod o= {}` changes that, and a new key is needed if others were here", path.display(), path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} holds no {wanted} in PEM form (`-----BEGIN ...-----`)", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// It is damaged.
    #[error("{} is not PEM as it should be", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's words; they name no content.
        #[source]
        source: pem::Error,
    },
    /// What it holds cannot be used.
    #[error("what {} holds cannot be used", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The authorities of clients cannot be used.
    #[error("the authorities in {} cannot be used", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::server::VerifierBuilderError,
    },
    /// Certificate and key do not belong together, or one of them is of a kind that is not known.
    #[error("the certificate {} and the key {} cannot be used together", certificate.display(), key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The system believes nobody.
    #[error("this system has no certificate authorities that it trusts, so no server elsewhere can be believed")]
    NoAuthorities,
}

// === impl Error ===

impl Error {
    /// Whether there is no such file, or nothing of its kind in it.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Error::Absent { .. } => true,
            Error::Read { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Error::Untrusted(error) => error.is_not_found(),
            _ => false,
        }
    }
}
