//! The data directory: private to its user, and owned by one server at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const DATABASE: &str = "zona.db";
const LOCK: &str = "zona.lock";
/// The write-ahead log and its index take the mode of the database when they are made; here for those of an earlier start.
const FILES: [&str; 4] = [DATABASE, "zona.db-wal", "zona.db-shm", LOCK];

/// Exclusive use of a data directory. Ends when it is dropped, or when the process does.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory where it is absent, makes it private, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(failed(path))?;
        restrict(path, 0o700)?;
        let lock = take_lock(path)?;
        private_file(&path.join(DATABASE))?;
        for name in FILES {
            let file = path.join(name);
            if file.exists() {
                restrict(&file, 0o600)?;
            }
        }
        Ok(DataDirectory { path: path.to_owned(), _lock: lock })
    }

    /// The database file; it exists, perhaps empty.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

fn take_lock(directory: &Path) -> Result<File> {
    let path = directory.join(LOCK);
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Directory { path, source }),
    }
}

fn private_file(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed(path))
}

fn restrict(path: &Path, mode: u32) -> Result<()> {
    let now = fs::metadata(path).map_err(failed(path))?.permissions().mode() & 0o7777;
    if now & !mode == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Directory { path, source }
}
