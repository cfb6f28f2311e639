//! Directories of a server whose store lies elsewhere: its data directory, which it has alone, and the one of the keys, which servers share
//! and open one after the other.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use file_trust::Directory;
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::config::Config;

/// The lock of a data directory, which the embedded store takes, too: nobody has it beside such a server either.
const DATA_LOCK: &str = "zona.lock";
/// The lock of a directory of keys.
const KEYS_LOCK: &str = "keys.lock";
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// How long another server may open the keys: it waits for the database, which says what keys are used, and for a key management service. A
/// database is migrated before that, and sandboxes are opened behind it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Exclusive use of a data directory. Ends when it is dropped, or when the process does.
#[derive(Debug)]
pub(crate) struct DataDirectory(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// Exclusive use of a directory of keys: of two servers that start at the same time, the second finds the keys that the first has made.
#[derive(Debug)]
pub(crate) struct OpeningKeys(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl DataDirectory {
    /// Makes the directory where it is absent, makes it private, and takes it.
    ///
    /// # Errors
    /// It is somebody else's, or another server has it.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let locked = lock(path, DATA_LOCK)?;
        locked.map(DataDirectory).ok_or_else(|| Error::InUse { path: path.to_owned() })
    }
}

impl OpeningKeys {
    /// Takes the directory of the keys of a configuration, where servers share it; `None` where the data directory's lock is enough.
    ///
    /// # Errors
    /// As [`OpeningKeys::begin`].
    pub(crate) async fn of(config: &Config) -> Result<Option<Self>, Error> {
        match config.store.mongodb {
            Some(_) => OpeningKeys::begin(config.keys_directory()).await.map(Some),
            None => Ok(None),
        }
    }

    /// Takes the directory, once no other server has it any more.
    ///
    /// # Errors
    /// It is somebody else's, or another server does not get done.
    async fn begin(path: &Path) -> Result<Self, Error> {
        let until = Instant::now() + PATIENCE;
        loop {
            match lock(path, KEYS_LOCK)? {
                Some(file) => return Ok(OpeningKeys(file)),
                None if Instant::now() < until => sleep(LOOK_EVERY).await,
                None => return Err(Error::KeysBusy { path: path.to_owned(), waited: PATIENCE }),
            }
        }
    }
}

/// `None` where another process holds the lock.
fn lock(path: &Path, name: &str) -> Result<Option<File>, Error> {
    let file = Directory::make(path, DIRECTORY_MODE)?.file(name, FILE_MODE)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => {
            let path: PathBuf = path.join(name);
            Err(file_trust::Error::System { path, source }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_one_servers_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        let first = DataDirectory::take(data.path()).unwrap();
        assert!(matches!(DataDirectory::take(data.path()), Err(error) if error.is_in_use()));
        drop(first);
        DataDirectory::take(data.path()).unwrap();
    }

    #[tokio::test]
    async fn keys_are_opened_by_one_server_after_the_other() {
        let keys = tempfile::tempdir().unwrap();
        let first = OpeningKeys::begin(keys.path()).await.unwrap();
        let mut second = Box::pin(OpeningKeys::begin(keys.path()));
        assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none());
        drop(first);
        second.await.unwrap();
    }
}
