//! Why the store failed, and which of the domain's errors that is: the one place that tells a store that may recover from one
//! that a person must look at.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::name::TenantId;
use rusqlite::ErrorCode;
use storage_rules::{Failure, Refusal};

/// Result of the store.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory, a file in it, or something on its way cannot be made or read, or could be somebody else's work.
    #[error("the data directory cannot be used")]
    Directory(#[from] file_trust::Error),
    /// Another server holds the directory.
    #[error("the data directory is in use by another server: {path}; stop that one, or choose another directory")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file is a SQLite database of something else.
    #[error("{path} is not a database of Zona")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database was written by a newer program.
    #[error("{path} has schema {found}, and this program knows schemas up to {known}; start the newer program, or restore a backup")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Schema of the file.
        found: u32,
        /// Newest schema of this program.
        known: u32,
    },
    /// The database engine failed.
    #[error("the database failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The engine's error.
        #[source]
        source: rusqlite::Error,
    },
    /// The commit that this write shared with others failed; none of them is stored.
    #[error("the commit of a group of writes failed")]
    Group(#[source] Arc<Error>),
    /// A row holds what this program does not understand.
    #[error("the row of `{table}` with key `{key}` does not decode")]
    Undecodable {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: domain::error::Source,
    },
    /// Something sealed in a row does not open.
    #[error("what is sealed in the row of `{table}` with key `{key}`")]
    Sealed {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// Why not.
        #[source]
        source: keys::Error,
    },
    /// Keys that data is sealed under cannot be used.
    #[error("the keys of the data directory cannot be used")]
    Keys(#[from] keys::Error),
    /// The operation took too long.
    #[error("the store did not answer within {0:?}")]
    Deadline(Duration),
    /// The store is closed, or is closing.
    #[error("the store is closed")]
    Closed,
    /// A thread of the store could not be started.
    #[error("a thread of the store could not be started")]
    Thread(#[source] io::Error),
    /// An operation panicked; nothing of it is stored.
    #[error("an operation of the store panicked")]
    Panicked,
    /// The tenant may have no more of something than it has.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller asked for what the port forbids.
    #[error("the store was misused: {0}")]
    Misused(&'static str),
}

/// A database failure while doing something: `.map_err(during("..."))` keeps the cause.
pub(crate) fn during(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |source| Error::Database { doing, source }
}

impl Error {
    pub(crate) fn undecodable(table: &'static str, key: impl Into<String>, source: impl Into<domain::error::Source>) -> Self {
        Error::Undecodable { table, key: key.into(), source: source.into() }
    }

    pub(crate) fn sealed(table: &'static str, key: impl Into<String>) -> impl FnOnce(keys::Error) -> Self {
        let key = key.into();
        move |source| Error::Sealed { table, key, source }
    }

    /// Whether a key is stored in another form than it should be.
    pub(crate) fn is_of_a_damaged_key(&self) -> bool {
        matches!(self, Error::Sealed { source: keys::Error::Form | keys::Error::Damaged, .. })
    }

    /// Whether the same operation may succeed later without a person's help, or is refused by the machine rather than by a bug.
    fn is_unavailability(&self) -> bool {
        match self {
            Error::Directory(_) | Error::InUse { .. } | Error::Deadline(_) | Error::Closed | Error::Thread(_) => true,
            Error::Keys(keys::Error::Guard { .. }) => true,
            Error::Group(cause) => cause.is_unavailability(),
            Error::Database { source, .. } => is_unavailability(source),
            Error::Foreign { .. } | Error::Newer { .. } | Error::Undecodable { .. } | Error::Sealed { .. } | Error::Keys(_) => false,
            Error::Panicked | Error::Refused(_) | Error::Misused(_) => false,
        }
    }
}

fn is_unavailability(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
                | ErrorCode::FileLockingProtocolFailed
        )
    )
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
        match self {
            Error::Undecodable { .. } | Error::Sealed { .. } | Error::Refused(Refusal::Destroyed { .. }) => true,
            Error::Database { source, .. } => is_of_another_type(source),
            _ => false,
        }
    }
}

/// Whether a column holds what it never should: a text that is none, for example.
pub(crate) fn is_of_another_type(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    matches!(error, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..))
}

impl From<Error> for domain::Error {
    fn from(error: Error) -> Self {
        if let Error::Refused(refusal) = &error {
            return refusal.into();
        }
        let unavailable = error.is_unavailability();
        let source: Box<dyn StdError + Send + Sync> = Box::new(error);
        match unavailable {
            true => domain::Error::unavailable("store", source),
            false => domain::Error::internal("the store failed", source),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ErrorKind;

    use super::*;

    fn check(code: std::ffi::c_int, expected: ErrorKind) {
        let cause = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let error = Error::Group(Arc::new(during("testing")(cause)));
        assert_eq!(domain::Error::from(error).kind(), expected);
    }

    #[test]
    fn a_full_disk_is_unavailable_and_a_corrupt_file_internal() {
        check(rusqlite::ffi::SQLITE_FULL, ErrorKind::Unavailable);
        check(rusqlite::ffi::SQLITE_BUSY, ErrorKind::Unavailable);
        check(rusqlite::ffi::SQLITE_READONLY, ErrorKind::Unavailable);
        check(rusqlite::ffi::SQLITE_IOERR, ErrorKind::Unavailable);
        check(rusqlite::ffi::SQLITE_CORRUPT, ErrorKind::Internal);
        check(rusqlite::ffi::SQLITE_CONSTRAINT, ErrorKind::Internal);
    }

    #[test]
    fn a_column_that_holds_what_it_never_should_is_the_fault_of_one_row_and_a_full_disk_of_none() {
        let of_another_type = rusqlite::Error::InvalidColumnType(0, "id".to_owned(), rusqlite::types::Type::Blob);
        assert!(during("testing")(of_another_type).is_of_one_thing());
        let full = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
        assert!(!during("testing")(full).is_of_one_thing());
    }
}
