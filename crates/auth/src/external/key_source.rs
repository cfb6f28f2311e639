//! The keys of another issuer over time: kept, asked for anew now and then, and used for a day when nobody answers.
//!
//! Anybody can name keys that nobody has. So a name that is unknown makes a server ask, but for all of them together at most every 30
//! seconds, and one question serves all who wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;
use domain::{Error, Result};

use super::fetch::{self, KeyPlace};
use crate::public_key::PublicKey;

/// Between two questions, answered or not.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(30);
/// Keys of this age are asked for anew: a key that its issuer has withdrawn verifies for no longer.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// Keys of this age are not used any more, when nobody has answered since.
pub(super) const USABLE: Duration = Duration::from_secs(24 * 3600);

/// Where the keys of an issuer come from, and those that it had.
pub(crate) struct KeySource {
    place: KeyPlace,
    known: Mutex<Known>,
    /// Held by the one who asks.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default, Clone)]
struct Known {
    keys: Option<(Timestamp, Arc<[PublicKey]>)>,
    asked: Option<Timestamp>,
}

// === impl KeySource ===

impl KeySource {
    pub(crate) fn new(place: KeyPlace) -> Self {
        KeySource { place, known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The key of this name, if the issuer has it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while no keys of the issuer are known that could be used.
    pub(crate) async fn find(&self, id: &str, now: Timestamp) -> Result<Option<PublicKey>> {
        let known = self.known().clone();
        let found = known.find(id, now);
        if found.is_some() && known.is_fresh(now) {
            return Ok(found);
        }
        if found.is_some() {
            // One of those who have a key that can be used asks; the others need not wait.
            if let Ok(_turn) = self.asking.try_lock() {
                self.ask_if_due(now).await;
            }
        } else {
            let _turn = self.asking.lock().await;
            // The answer that was waited for may have it.
            if self.known().find(id, now).is_none() {
                self.ask_if_due(now).await;
            }
        }
        let known = self.known().clone();
        match known.usable(now) {
            Some(_) => Ok(known.find(id, now)),
            None => Err(Error::unavailable("issuer", "its keys cannot be had")),
        }
    }

    async fn ask_if_due(&self, now: Timestamp) {
        {
            let mut known = self.known();
            if known.asked.is_some_and(|asked| is_younger(asked, ASK_EVERY, now)) {
                return;
            }
            known.asked = Some(now);
        }
        match fetch::keys(&self.place).await {
            Ok(keys) => self.known().keys = Some((now, keys.into())),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(place = %self.place, error, "the keys of an issuer cannot be had; the known ones are used for a day");
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere cannot leave half of it behind.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn usable(&self, now: Timestamp) -> Option<&[PublicKey]> {
        self.keys.as_ref().filter(|(fetched, _)| is_younger(*fetched, USABLE, now)).map(|(_, keys)| &**keys)
    }

    fn find(&self, id: &str, now: Timestamp) -> Option<PublicKey> {
        self.usable(now)?.iter().find(|key| key.id() == id).cloned()
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.keys.as_ref().is_some_and(|(fetched, _)| is_younger(*fetched, FRESH, now))
    }
}

/// Whether something is younger than that. The age of what is of the future, since the clock was set back, nobody knows.
pub(super) fn is_younger(of: Timestamp, age: Duration, now: Timestamp) -> bool {
    of <= now && now.since(of) < age
}

#[cfg(test)]
mod tests;
