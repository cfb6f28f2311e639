//! Why a server does not start, in words that say what to change.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// Logs or traces cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] telemetry::logs::Error),
    /// The store cannot be opened.
    #[error("cannot open the store")]
    Store(#[from] storage_embedded::Error),
    /// The data directory holds no usable installation id.
    #[error("cannot use {path}")]
    Installation {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// The data directory holds no usable key of the audit log.
    #[error("cannot use {path}")]
    AuditKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// A file of the data directory could be somebody else's work.
    #[error(transparent)]
    Untrusted(#[from] file_trust::Error),
    /// The files of `[tls]` cannot be used.
    #[error("cannot serve TLS")]
    Tls(#[from] tls::Error),
    /// The authorities of receivers of webhooks cannot be used.
    #[error("cannot use the authorities of `webhooks.ca`")]
    Receivers(#[source] tls::Error),
    /// The keys of tokens cannot be used.
    #[error("cannot use the keys of access tokens")]
    Keys(#[from] auth::KeyRingError),
    /// Passwords cannot be checked.
    #[error("cannot check passwords")]
    Passwords(#[source] domain::Error),
    /// The tenants that there are from the start cannot be made.
    #[error("cannot make the tenants of the configuration")]
    Tenants(#[source] domain::Error),
    /// The file of the developer's key cannot be read.
    #[error("cannot use {}", path.display())]
    DeveloperKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// Whoever starts the server cannot be signed in.
    #[error("cannot make an account for whoever starts this server")]
    Developer(#[source] domain::Error),
    /// Nobody can be let in.
    #[error("cannot offer a code for the first super administrator")]
    Bootstrap(#[source] domain::Error),
    /// Sandboxes cannot be prepared.
    #[error("cannot prepare sandboxes")]
    Sandbox(#[from] sandbox::OpenError),
    /// Executions of a dead server cannot be ended.
    #[error("cannot recover the executions of the last server")]
    Recover(#[source] domain::Error),
    /// The examples cannot be created.
    #[error("cannot create the example utilities")]
    Seed(#[source] domain::Error),
    /// Contract and domain do not fit.
    #[error("cannot serve the contract")]
    Api(#[from] api_grpc::Error),
    /// The advisories cannot be used.
    #[error(transparent)]
    Advisories(#[from] crate::bridge::advisories::Error),
    /// Opening the store, or the keys, panicked.
    #[error("opening the data directory failed")]
    Panicked(#[source] tokio::task::JoinError),
}

impl Error {
    /// Whether another server has the data directory.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Error::Store(storage_embedded::Error::InUse { .. }))
    }
}
