//! Passwords as argon2id hashes. Hashing is meant to be expensive, so only a few are made at once and only a bounded number waits:
//! whoever signs in by the hundred takes neither the processors nor the memory from executions.
//!
//! Who may try how often is deliberately not known here.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use argon2::Params;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc};
use async_trait::async_trait;
use domain::identity::{PasswordHash, PasswordHasher, PasswordVerdict, Secret};
use domain::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization as _;

use hashing::Hashing;

mod hashing;

/// Least memory of a hash in KiB. Source: OWASP, Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
pub const LEAST_MEMORY_KIB: u32 = 19 * 1024;
/// Least number of passes; see [`LEAST_MEMORY_KIB`].
pub const LEAST_ITERATIONS: u32 = 2;
/// Least number of lanes; see [`LEAST_MEMORY_KIB`].
pub const LEAST_PARALLELISM: u32 = 1;

/// Most that wait for their turn. At 50 ms for each they wait 6 s at most with one at once, which clients still wait for.
const MAX_WAITING: usize = 128;
/// When somebody who found no place may try again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How much nicer a thread that hashes is; a sandbox is nicer than the server by 5.
const NICER: i32 = 10;
/// What is hashed in place of the password of nobody.
const NOBODY: &[u8] = b"nobody has this password";

/// How passwords are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Memory of a hash in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes, which are computed one after the other here.
    pub parallelism: u32,
    /// How many are made at once.
    pub at_once: NonZeroUsize,
}

/// Passwords as argon2id hashes. Cheap to clone.
#[derive(Clone)]
pub struct Argon2Passwords {
    hashing: Hashing,
    /// A hash under the present parameters that no password of anybody has.
    nobodys: Arc<phc::PasswordHash>,
    /// Those that compute.
    turns: Arc<Semaphore>,
    /// Those that compute or wait.
    places: Arc<Semaphore>,
    /// As many as those may be.
    most: usize,
}

/// A place of one that computes or waits. With the last of them goes the memory of all.
struct Place {
    permit: Option<OwnedSemaphorePermit>,
    passwords: Argon2Passwords,
}

// === impl Argon2Passwords ===

impl Argon2Passwords {
    /// Passwords under these parameters. Computes one hash.
    ///
    /// # Errors
    /// [`Error::Internal`] for parameters that argon2 does not take, or without random numbers.
    pub fn new(config: Config) -> Result<Self> {
        let parameters = Params::new(config.memory_kib, config.iterations, config.parallelism, None);
        let parameters = parameters.map_err(|error| Error::internal("set the parameters of argon2", error))?;
        let hashing = Hashing::new(parameters);
        let nobodys = hashing.hash_password(NOBODY).map_err(|error| Error::internal("hash a password", error))?;
        hashing.rest();
        let at_once = config.at_once.get();
        let most = at_once + MAX_WAITING;
        Ok(Argon2Passwords {
            hashing,
            nobodys: Arc::new(nobodys),
            turns: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(most)),
            most,
        })
    }

    fn place(&self) -> Result<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_taken| busy())?;
        Ok(Place { permit: Some(permit), passwords: self.clone() })
    }

    /// Computes on a thread of its own, when it is its turn. A caller who goes away gives up what has not begun; what has keeps its turn
    /// to its end.
    async fn compute<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let place = self.place()?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|error| Error::internal("wait for a turn to hash", error))?;
        let this = self.clone();
        let (answer, computed) = oneshot::channel();
        let thread = thread::Builder::new().name("password".to_owned()).spawn(move || {
            give_way();
            let done = work(&this);
            // Given back first: whoever has the answer must find the place free.
            drop::<(OwnedSemaphorePermit, Place)>((turn, place));
            // Whoever asked may be gone.
            let _ = answer.send(done);
        });
        thread.map_err(|error| Error::internal("start a thread to hash a password", error))?;
        computed.await.map_err(|panicked| Error::internal("hash a password", panicked))?
    }

    fn is_current(&self, hash: &phc::PasswordHash) -> bool {
        hash.algorithm == self.nobodys.algorithm && hash.version == self.nobodys.version && hash.params == self.nobodys.params
    }

    fn judge(&self, password: &Secret, hash: Option<&PasswordHash>) -> Result<PasswordVerdict> {
        let stored = match hash {
            Some(hash) => Some(phc::PasswordHash::new(hash.as_str()).map_err(|error| Error::internal("read a password's hash", error))?),
            None => None,
        };
        let compared = stored.as_ref().unwrap_or(&self.nobodys);
        let right = match self.hashing.verify_password(password.expose().as_bytes(), compared) {
            Ok(()) => true,
            Err(argon2::password_hash::Error::PasswordInvalid) => false,
            Err(error) => return Err(Error::internal("compare a password with its hash", error)),
        };
        Ok(match &stored {
            // Nobody is signed in, whatever was compared.
            None => PasswordVerdict::Wrong,
            Some(_) if !right => PasswordVerdict::Wrong,
            Some(hash) if self.is_current(hash) => PasswordVerdict::Right,
            Some(_) => PasswordVerdict::RightButOutdated,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.permit.take());
        let Argon2Passwords { places, most, hashing, .. } = &self.passwords;
        if places.available_permits() == *most {
            hashing.rest();
        }
    }
}

#[async_trait]
impl PasswordHasher for Argon2Passwords {
    async fn hash(&self, password: &Secret) -> Result<PasswordHash> {
        let password = normalized(password);
        let hash = self.compute(move |this| {
            let hash = this.hashing.hash_password(password.expose().as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| Error::internal("hash a password", error))
        });
        Ok(PasswordHash::new(hash.await?))
    }

    async fn verify(&self, password: &Secret, hash: Option<&PasswordHash>) -> Result<PasswordVerdict> {
        let (password, hash) = (normalized(password), hash.cloned());
        self.compute(move |this| this.judge(&password, hash.as_ref())).await
    }
}

/// The same password on every keyboard: an accent may be typed as one character or as two. Source: NIST SP 800-63B, 5.1.1.2.
fn normalized(password: &Secret) -> Secret {
    Secret::new(password.expose().nfkc().collect::<String>())
}

/// Makes this thread less urgent than everything else of the server and than sandboxes: of a processor that is busy it gets what a tenth
/// of a call gets, and a hash costs as much as many calls. On Linux it is the thread alone that changes, and it cannot change back.
fn give_way() {
    // Where it is refused, sign-ins are as urgent as the rest.
    let _ = rustix::process::nice(NICER);
}

fn busy() -> Error {
    Error::Exhausted {
        reason: "SIGN_IN_BUSY",
        subject: "identity".to_owned(),
        description: "too many passwords wait to be checked".to_owned(),
        retry_after: RETRY_AFTER,
    }
}

#[cfg(test)]
mod tests;
