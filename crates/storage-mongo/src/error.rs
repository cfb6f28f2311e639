//! Why the store failed, and which of the domain's errors that is: the one place that tells a store that may recover from one
//! that a person must look at.
//!
//! What the database says of a failure may quote what is stored. So nothing of it is kept but its code and its name, and the text only
//! where it is about addresses, names of hosts and files.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::name::TenantId;
use mongodb::error::{ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure};
use storage_rules::{Failure, Refusal};

/// Result of the store.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Codes of the database that say: not now. Changes of the primary, shutdowns, elections, timeouts and locks, of
/// <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>.
const PASSING: [i32; 24] =
    [6, 7, 24, 46, 50, 64, 89, 91, 112, 133, 189, 202, 216, 225, 251, 262, 317, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436];
/// Codes that say: not you. No right to do that, and two for a name or password that is not right.
const REFUSED: [i32; 3] = [13, 18, 8_000];
/// A unique key is taken.
const DUPLICATE: i32 = 11_000;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, or something on its way, cannot be read, or could be somebody else's work.
    #[error("a file of the store's configuration cannot be used")]
    Untrusted(#[from] file_trust::Error),
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The configuration would send what it must not send.
    #[error("the address of the database is refused: {0}")]
    Unsafe(&'static str),
    /// The database holds something else.
    #[error("the database `{database}` is not one of Zona: it holds collections, and no schema")]
    Foreign {
        /// Its name.
        database: String,
    },
    /// The database was written by a newer program.
    #[error("the database has schema {found}, and this program knows schemas up to {known}; start the newer program")]
    Newer {
        /// Schema of the database.
        found: u32,
        /// Newest schema of this program.
        known: u32,
    },
    /// The database is that of another installation: of other keys.
    #[error(
        "the database belongs to the installation {owner}, and the directory of keys to {installation}: all servers of one database share one \
         `keys.directory`; set it to theirs, or bring it back from its backup"
    )]
    OfAnother {
        /// Of whom the keys are.
        installation: String,
        /// Of whom the database is.
        owner: String,
    },
    /// The address is not that of a cluster that shards.
    #[error("the database is not sharded: the address must be that of a `mongos`")]
    NotSharded,
    /// Another server brings the database to the newest schema, and is not done.
    #[error("another server migrates the database, and was not done after {0:?}")]
    Migrating(Duration),
    /// The database failed.
    #[error("the database failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: Cause,
    },
    /// Others changed the same again and again.
    #[error("{doing} met changes of others {attempts} times")]
    Contended {
        /// What was being done.
        doing: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
    /// Somebody else stored the same key at the same time; the transaction is tried again.
    #[error("the key was stored by another transaction")]
    Raced,
    /// A document is larger than the database takes.
    #[error("a document of `{table}` has {bytes} bytes, and the database takes {most}")]
    TooLarge {
        /// The collection.
        table: &'static str,
        /// Its size.
        bytes: usize,
        /// The greatest size.
        most: usize,
    },
    /// A document holds what this program does not understand.
    #[error("the document of `{table}` with key `{key}` does not decode")]
    Undecodable {
        /// The collection.
        table: &'static str,
        /// The document's key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: domain::error::Source,
    },
    /// Something sealed in a document does not open.
    #[error("what is sealed in the document of `{table}` with key `{key}`")]
    Sealed {
        /// The collection.
        table: &'static str,
        /// The document's key.
        key: String,
        /// Why not.
        #[source]
        source: keys::Error,
    },
    /// Keys that data is sealed under cannot be used.
    #[error("the keys of the store cannot be used")]
    Keys(#[from] keys::Error),
    /// The transaction that this shared with others failed; none of them is stored.
    #[error("the transaction of several writes failed")]
    Group(#[source] Arc<Error>),
    /// The transaction's work was done, and its commit failed: it may be stored.
    #[error("the transaction was not committed, as far as is known")]
    Commit(#[source] Box<Error>),
    /// Of too many commits it is not known what has become of them; this one was not begun.
    #[error("too many commits are in doubt: this one was not begun")]
    Doubtful,
    /// The operation took too long.
    #[error("the store did not answer within {0:?}")]
    Deadline(Duration),
    /// A task or a thread of the store panicked, or ended with its runtime.
    #[error("an operation of the store panicked")]
    Panicked,
    /// The tenant may have no more of something than it has.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller asked for what the port forbids.
    #[error("the store was misused: {0}")]
    Misused(&'static str),
}

/// What the database, or the way to it, said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Cause {
    text: String,
    code: Option<i32>,
    is_refused: bool,
    is_passing: bool,
    is_transient: bool,
    is_unknown_commit: bool,
}

/// A database failure while doing something: `.map_err(during("..."))` keeps what may be kept of the cause.
pub(crate) fn during(doing: &'static str) -> impl FnOnce(mongodb::error::Error) -> Error {
    move |source| Error::Database { doing, source: Cause::of(&source) }
}

impl Cause {
    fn of(error: &mongodb::error::Error) -> Self {
        let code = code(error);
        let text = match (&*error.kind, code) {
            (ErrorKind::Command(command), Some(code)) => format!("code {code} ({})", command.code_name),
            (_, Some(code)) => format!("code {code}"),
            (
                kind @ (ErrorKind::Io(_)
                | ErrorKind::DnsResolve { .. }
                | ErrorKind::ServerSelection { .. }
                | ErrorKind::ConnectionPoolCleared { .. }
                | ErrorKind::InvalidTlsConfig { .. }
                | ErrorKind::Authentication { .. }
                | ErrorKind::Transaction { .. }
                | ErrorKind::IncompatibleServer { .. }
                | ErrorKind::SessionsNotSupported
                | ErrorKind::Shutdown),
                None,
            ) => kind.to_string(),
            (ErrorKind::InvalidArgument { .. }, None) => "an argument is refused".to_owned(),
            (ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. }, None) => "an answer does not decode".to_owned(),
            (_, None) => "the driver failed".to_owned(),
        };
        let is_transient = error.contains_label(TRANSIENT_TRANSACTION_ERROR);
        let is_unknown_commit = error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
        let is_refused = matches!(&*error.kind, ErrorKind::Authentication { .. }) || code.is_some_and(|code| REFUSED.contains(&code));
        let is_passing = is_transient || is_unknown_commit || is_passing(error, code);
        Cause { text, code, is_refused, is_passing, is_transient, is_unknown_commit }
    }
}

fn code(error: &mongodb::error::Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => many.write_errors.as_ref()?.first().map(|error| error.code),
        _ => None,
    }
}

fn is_passing(error: &mongodb::error::Error, code: Option<i32>) -> bool {
    match (&*error.kind, code) {
        (_, Some(code)) => PASSING.contains(&code),
        (ErrorKind::Io(_) | ErrorKind::DnsResolve { .. } | ErrorKind::ServerSelection { .. }, None) => true,
        (ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::Shutdown, None) => true,
        _ => false,
    }
}

impl Error {
    pub(crate) fn undecodable(table: &'static str, key: impl Into<String>, source: impl Into<domain::error::Source>) -> Self {
        Error::Undecodable { table, key: key.into(), source: source.into() }
    }

    pub(crate) fn sealed(table: &'static str, key: impl Into<String>) -> impl FnOnce(keys::Error) -> Self {
        let key = key.into();
        move |source| Error::Sealed { table, key, source }
    }

    /// Whether the database does not let the user in, or does not let them do what is needed.
    pub fn is_refused_user(&self) -> bool {
        matches!(self, Error::Database { source, .. } if source.is_refused)
    }

    // === what a transaction asks ===

    /// Whether the whole transaction may be tried again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Error::Raced => true,
            Error::Database { source, .. } => source.is_transient,
            _ => false,
        }
    }

    /// Whether it is known that nothing of the transaction is stored, so that it may be tried again, commit and all.
    pub(crate) fn is_undone(&self) -> bool {
        self.is_transient() && !matches!(self, Error::Database { source, .. } if source.is_unknown_commit)
    }

    /// Whether a unique key is taken.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Error::Database { source, .. } if source.code == Some(DUPLICATE))
    }

    /// Whether what was asked for may be stored: a commit was begun, and nobody has said what has become of it.
    pub(crate) fn may_be_stored(&self) -> bool {
        match self {
            // Where the task that commits panicked, it may have committed.
            Error::Commit(cause) => cause.is_unavailability() || matches!(**cause, Error::Panicked),
            Error::Group(cause) => cause.may_be_stored(),
            _ => false,
        }
    }

    /// Whether a key is stored in another form than it should be.
    pub(crate) fn is_of_a_damaged_key(&self) -> bool {
        matches!(self, Error::Sealed { source: keys::Error::Form | keys::Error::Damaged, .. })
    }

    /// Whether the same operation may succeed later without a person's help.
    pub(crate) fn is_unavailability(&self) -> bool {
        match self {
            Error::Deadline(_) | Error::Doubtful | Error::Contended { .. } | Error::Raced | Error::Migrating(_) => true,
            Error::Keys(keys::Error::Guard { .. }) => true,
            Error::Database { source, .. } => source.is_passing,
            Error::Group(cause) => cause.is_unavailability(),
            Error::Commit(cause) => cause.is_unavailability(),
            Error::Untrusted(_)
            | Error::File { .. }
            | Error::Unsafe(_)
            | Error::Foreign { .. }
            | Error::OfAnother { .. }
            | Error::Newer { .. } => false,
            Error::NotSharded
            | Error::TooLarge { .. }
            | Error::Undecodable { .. }
            | Error::Sealed { .. }
            | Error::Keys(_)
            | Error::Panicked => false,
            Error::Refused(_) | Error::Misused(_) => false,
        }
    }
}

impl Failure for Error {
    fn undecodable(table: &'static str, key: String, source: domain::error::Source) -> Self {
        Error::Undecodable { table, key, source }
    }

    fn unopened(table: &'static str, key: String, source: keys::Error) -> Self {
        Error::Sealed { table, key, source }
    }

    fn destroyed(tenant: &TenantId) -> Self {
        Error::Refused(Refusal::Destroyed { tenant: tenant.clone() })
    }

    fn is_of_one_thing(&self) -> bool {
        matches!(self, Error::Undecodable { .. } | Error::Sealed { .. } | Error::Refused(Refusal::Destroyed { .. }))
    }
}

impl From<Error> for domain::Error {
    fn from(error: Error) -> Self {
        if let Error::Refused(refusal) = &error {
            return refusal.into();
        }
        let (unavailable, unsettled) = (error.is_unavailability(), error.may_be_stored());
        let source: Box<dyn StdError + Send + Sync> = Box::new(error);
        match (unavailable, unsettled) {
            (_, true) => domain::Error::unsettled("store", source),
            (true, false) => domain::Error::unavailable("store", source),
            (false, false) => domain::Error::internal("the store failed", source),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ErrorKind as Kind;
    use mongodb::bson::doc;

    use super::*;

    fn check(code: i32, expected: Kind) {
        let answer = doc! { "code": code, "codeName": "Some", "errmsg": "dup key: { name: \"Ann\" }" };
        let command = mongodb::bson::deserialize_from_document(answer).unwrap();
        let error = during("testing")(ErrorKind::Command(command).into());
        let Error::Database { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.to_string(), format!("code {code} (Some)"), "what is stored is not quoted");
        assert_eq!(domain::Error::from(error).kind(), expected, "{code}");
    }

    #[test]
    fn a_change_of_the_primary_is_unavailable_and_a_refused_user_internal() {
        for code in [91, 189, 10_107, 11_600, 50] {
            check(code, Kind::Unavailable);
        }
        for code in [13, 18, 8_000, 9] {
            check(code, Kind::Internal);
        }
    }

    #[test]
    fn a_commit_of_which_nobody_has_said_what_became_of_it_may_be_stored() {
        let late = || Error::Commit(Box::new(Error::Deadline(Duration::from_secs(1))));
        for error in [late(), Error::Group(Arc::new(late())), Error::Commit(Box::new(Error::Panicked))] {
            assert_eq!(domain::Error::from(error).reason(), "OUTCOME_UNKNOWN");
        }
        assert_eq!(domain::Error::from(Error::Deadline(Duration::from_secs(1))).reason(), "DEPENDENCY_UNAVAILABLE");
    }

    #[test]
    fn a_connection_that_ends_is_unavailable() {
        let cause = io::Error::from(io::ErrorKind::ConnectionReset);
        let error = during("testing")(mongodb::error::Error::from(cause));
        assert_eq!(domain::Error::from(error).kind(), Kind::Unavailable);
    }
}
