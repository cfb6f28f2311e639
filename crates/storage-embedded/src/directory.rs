//! The data directory: private to its user, and owned by one server at a time.
//!
//! What makes it trusted is the crate `file-trust`'s: here stands what lies in it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use file_trust::Directory;

use crate::error::{Error, Result};

const DATABASE: &str = "zona.db";
const LOCK: &str = "zona.lock";
/// The write-ahead log and its index. They take the mode of the database when they are made; these are of an earlier start.
const LOGS: [&str; 2] = ["zona.db-wal", "zona.db-shm"];
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Exclusive use of a data directory. Ends when it is dropped, or when the process does.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory where it is absent, makes it private, and takes it. Nothing that is somebody else's is opened: afterwards the
    /// engine finds by name what was looked at here, since nobody else can put another thing there.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let directory = Directory::make(path, DIRECTORY_MODE)?;
        let lock = take_lock(&directory, path)?;
        directory.file(DATABASE, FILE_MODE)?;
        for name in LOGS {
            directory.find(name, FILE_MODE)?;
        }
        Ok(DataDirectory { path: path.to_owned(), _lock: lock })
    }

    /// The database file; it exists, perhaps empty.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

fn take_lock(directory: &Directory, path: &Path) -> Result<File> {
    let file = directory.file(LOCK, FILE_MODE)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Directory(file_trust::Error::System { path: path.join(LOCK), source })),
    }
}
