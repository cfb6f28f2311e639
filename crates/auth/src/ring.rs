//! The keys that this installation signs tokens with: files in the data directory, a new one every so often, and the old ones for as
//! long as something that they signed may be valid.
//!
//! A new key is published for a while before it signs, so that whoever has fetched the public keys knows it by then. Servers on one
//! directory see each other's keys: a name that is unknown makes a server look, at most once a second.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::time::Timestamp;
use file_trust::Directory;
use serde_json::json;

use crate::signing_key::{self, SigningKey};

/// The directory is its user's alone, and so is every file in it.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// How the names of key files end. What ends otherwise is being written, or somebody else's.
const SUFFIX: &str = ".key";
/// Most bytes of a key's file; ours have about 150.
const MAX_FILE: u64 = 4 * 1024;
/// For how long a new key is published before it signs.
const SETTLING: Duration = Duration::from_secs(5 * 60);
/// Between two looks at the directory for names that nobody knows, which anybody can make up.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How keys are kept.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where; made if it is absent.
    pub directory: PathBuf,
    /// A key of this age is followed by a new one.
    pub rotate_after: Duration,
    /// For how long after its last signature a key is needed: what a token lives, and the leeway of clocks.
    pub outlives: Duration,
}

/// The keys of an installation.
pub struct KeyRing {
    config: Config,
    /// Newest first, and never empty.
    keys: RwLock<Arc<[Arc<SigningKey>]>>,
    looked: Mutex<Timestamp>,
    /// What nobody has recorded yet.
    changes: Mutex<Vec<KeyChange>>,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// A file holds no key, or no key can be made.
    #[error("cannot use {path}: {problem}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong, without anything of the file.
        problem: String,
    },
}

/// What was done to a key, with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// It was made.
    Made(String),
    /// It was removed.
    Removed(String),
}

// === impl KeyRing ===

impl KeyRing {
    /// Reads the keys of a directory, and makes the first one. Blocks.
    ///
    /// # Errors
    /// A file that is not ours alone, or no key.
    pub fn open(config: Config, now: Timestamp) -> Result<Self, Error> {
        let ring = KeyRing { config, keys: RwLock::new(Arc::new([])), looked: Mutex::new(now), changes: Mutex::default() };
        ring.tend(now)?;
        Ok(ring)
    }

    /// Sees what other servers did, makes a new key where the newest is old enough, and removes those that nothing valid was signed
    /// with. Blocks.
    ///
    /// # Errors
    /// As [`KeyRing::open`], or the directory is gone; what was known before stays in use.
    pub fn tend(&self, now: Timestamp) -> Result<(), Error> {
        // A directory that is gone may be on a mount that is lost: a key that is made in its place is one that no other server knows.
        let directory = match self.all().is_empty() {
            true => Directory::make(&self.config.directory, DIRECTORY_MODE)?,
            false => Directory::open(&self.config.directory)?,
        };
        let mut keys = self.read(&directory)?;
        // A key of the future was made while a clock was ahead. It must not keep others from being made until that time comes; one that is
        // ahead by less than a key settles is another server's, whose clock differs a little.
        let newest = keys.iter().find(|key| key.created <= now.plus(SETTLING));
        if newest.is_none_or(|newest| now.since(newest.created) >= self.config.rotate_after) {
            let made = Arc::new(self.make(&directory, now)?);
            self.changed(KeyChange::Made(made.id().to_owned()));
            keys.push(made);
            sort(&mut keys);
        }
        let needed = 1 + keys.windows(2).take_while(|pair| now <= self.needed_until(pair[0].created)).count();
        for key in keys.drain(needed..) {
            self.remove(&key)?;
            self.changed(KeyChange::Removed(key.id().to_owned()));
        }
        self.use_from_now_on(keys);
        Ok(())
    }

    /// Takes what this server has changed since the last time, for whoever records it.
    pub fn take_changes(&self) -> Vec<KeyChange> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs.
    pub(crate) fn signing(&self, now: Timestamp) -> Arc<SigningKey> {
        let keys = self.all();
        let settled = keys.iter().find(|key| now.since(key.created) >= SETTLING);
        Arc::clone(settled.or(keys.last()).expect("a ring is opened with a key"))
    }

    /// The key of this name, if this server knows it.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<SigningKey>> {
        self.all().iter().find(|key| key.id() == id).cloned()
    }

    /// Looks into the directory for a key of this name, unless it did so less than a second ago. Blocks.
    pub(crate) fn look_for(&self, id: &str, now: Timestamp) -> Option<Arc<SigningKey>> {
        if self.may_look(now)
            && let Err(error) = self.look()
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the keys of tokens cannot be read; the known ones stay in use");
        }
        self.find(id)
    }

    /// The public halves as a JSON Web Key Set (RFC 7517).
    pub(crate) fn key_set(&self) -> String {
        json!({"keys": self.all().iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
    }

    fn all(&self) -> Arc<[Arc<SigningKey>]> {
        // A panic elsewhere cannot leave half a list behind.
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn may_look(&self, now: Timestamp) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not keep it from looking.
        let may = now < *looked || now.since(*looked) >= LOOK_EVERY;
        if may {
            *looked = now;
        }
        may
    }

    fn look(&self) -> Result<(), Error> {
        let keys = self.read(&Directory::open(&self.config.directory)?)?;
        if !keys.is_empty() {
            self.use_from_now_on(keys);
        }
        Ok(())
    }

    fn changed(&self, change: KeyChange) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }

    fn use_from_now_on(&self, keys: Vec<Arc<SigningKey>>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }

    /// Until when the key before one of this age can have signed something valid.
    fn needed_until(&self, follower_created: Timestamp) -> Timestamp {
        follower_created.plus(SETTLING).plus(self.config.outlives)
    }

    fn read(&self, directory: &Directory) -> Result<Vec<Arc<SigningKey>>, Error> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.config.directory).map_err(self.failed())? {
            let name = entry.map_err(self.failed())?.file_name();
            let Some(name) = name.to_str().filter(|name| name.ends_with(SUFFIX)) else { continue };
            // Another server may have removed it meanwhile.
            if let Some(file) = directory.find(name, FILE_MODE)? {
                keys.push(Arc::new(self.read_key(name, file)?));
            }
        }
        sort(&mut keys);
        Ok(keys)
    }

    fn read_key(&self, name: &str, file: File) -> Result<SigningKey, Error> {
        let path = self.config.directory.join(name);
        let mut text = String::new();
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|source| Error::System { path: path.clone(), source })?;
        SigningKey::read(&text).map_err(|problem| unusable(&path, &problem))
    }

    /// Makes a key whose file is whole as soon as it has its name.
    fn make(&self, directory: &Directory, now: Timestamp) -> Result<SigningKey, Error> {
        let (key, text) = SigningKey::make(now).map_err(|problem| unusable(&self.config.directory, &problem))?;
        let unfinished = format!("{}.new", key.id());
        let mut file = directory.file(&unfinished, FILE_MODE)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(self.failed())?;
        fs::rename(self.config.directory.join(unfinished), self.path(&key)).map_err(self.failed())?;
        File::open(&self.config.directory).and_then(|directory| directory.sync_all()).map_err(self.failed())?;
        tracing::info!(key = key.id(), "a new key for tokens");
        Ok(key)
    }

    fn remove(&self, key: &SigningKey) -> Result<(), Error> {
        match fs::remove_file(self.path(key)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::System { path: self.path(key), source }),
            _ => Ok(()),
        }
    }

    fn path(&self, key: &SigningKey) -> PathBuf {
        self.config.directory.join(format!("{}{SUFFIX}", key.id()))
    }

    fn failed(&self) -> impl Fn(io::Error) -> Error {
        |source| Error::System { path: self.config.directory.clone(), source }
    }
}

/// Newest first.
fn sort(keys: &mut [Arc<SigningKey>]) {
    keys.sort_by(|one, other| (other.created, other.id()).cmp(&(one.created, one.id())));
}

fn unusable(path: &Path, problem: &signing_key::Error) -> Error {
    Error::Key { path: path.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests;
