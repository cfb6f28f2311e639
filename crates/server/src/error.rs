//! Why a server does not start, in words that say what to change.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What it is about a store in MongoDB that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreTrouble {
    /// Its settings, or the files that they name: keys, too.
    Settings,
    /// The database does not let the user in, or does not let them do what is needed.
    User,
    /// What is in the database is not for this program.
    Content,
    /// It does not answer, or what protects the keys does not.
    Away,
}

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
    /// The store that servers share cannot be opened.
    #[error("cannot open the store in MongoDB")]
    Shared(#[from] storage_mongo::Error),
    /// There is no such store.
    #[error("there is no MongoDB to do that with: set `store.mongodb`")]
    NotShared,
    /// Another server has the data directory.
    #[error("the data directory is in use by another server: {path}; stop that one, or choose another directory")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Another server opens the keys that both share, and does not get done.
    #[error("another server has been opening the keys in {path} for {waited:?}")]
    KeysBusy {
        /// Their directory.
        path: PathBuf,
        /// For how long at least.
        waited: Duration,
    },
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
    /// The contract has routes that cannot be served.
    #[error("cannot serve JSON over HTTP")]
    Gateway(#[from] ::gateway::Error),
    /// The authorities of receivers of webhooks cannot be used.
    #[error("cannot use the authorities of `webhooks.ca`")]
    Receivers(#[source] tls::Error),
    /// The keys of tokens cannot be used.
    #[error("cannot use the keys of access tokens")]
    Keys(#[from] auth::KeyRingError),
    /// The wrapping key that the configuration brings cannot be used.
    #[error("cannot use the wrapping key of `keys.kek_file`")]
    WrappingKey(#[source] keys::Error),
    /// The file with the password for Redis cannot be used.
    #[error("cannot use {}", path.display())]
    RedisPassword {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// There can be no way to Redis.
    #[error("cannot use `cache.redis`")]
    Redis(#[from] cache::RedisError),
    /// Nothing can be sealed that is kept in Redis.
    #[error("cannot use the wrapping keys for `cache.redis`")]
    RedisKeys(#[source] keys::Error),
    /// Large output cannot be kept there.
    #[error("cannot use `blobs.url`")]
    Blobs(#[source] blobs::Error),
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
    /// What to change about a store in MongoDB that cannot be opened; `None` where it is about something else.
    pub fn store_trouble(&self) -> Option<StoreTrouble> {
        use storage_mongo::Error as Store;
        let Error::Shared(error) = self else { return None };
        Some(match error {
            // What protects the keys may answer later.
            Store::Keys(keys::Error::Guard { .. }) => StoreTrouble::Away,
            Store::Untrusted(_) | Store::File { .. } | Store::Unsafe(_) | Store::Keys(_) => StoreTrouble::Settings,
            Store::Foreign { .. } | Store::OfAnother { .. } | Store::Newer { .. } | Store::NotSharded => StoreTrouble::Content,
            error if error.is_refused_user() => StoreTrouble::User,
            _ => StoreTrouble::Away,
        })
    }

    /// Whether another server has the data directory.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Error::InUse { .. } | Error::Store(storage_embedded::Error::InUse { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_missing_are_for_a_person_to_mend_and_what_protects_them_may_answer_later() {
        let trouble = |error: keys::Error| Error::Shared(error.into()).store_trouble();
        assert_eq!(trouble(keys::Error::Missing { id: "one".to_owned() }), Some(StoreTrouble::Settings));
        let (by, id, doing) = ("vault-transit".to_owned(), "one".to_owned(), "open");
        assert_eq!(trouble(keys::Error::Guard { by, id, doing, source: "sealed".into() }), Some(StoreTrouble::Away));
    }
}
