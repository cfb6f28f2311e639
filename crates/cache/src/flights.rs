//! Who loads what right now, so that many who want the same load it once.
//!
//! Those who come later wait for the first. Where it fails, each goes on its own, all at once: waiting for one another, they would each wait
//! for the store's deadline in turn. Where it is given up, one of them takes its place.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// What became of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landing {
    /// What was loaded is kept, or was not to be.
    Done,
    /// It failed.
    Failed,
    /// Nobody wanted it any more.
    GivenUp,
}

/// The loads that are under way.
pub(crate) struct Flights<K>(Arc<Mutex<HashMap<K, watch::Receiver<Option<Landing>>>>>);

/// A place in one.
pub(crate) enum Seat<K: Hash + Eq> {
    /// Whoever has it loads.
    First(Flight<K>),
    /// Somebody else does.
    Behind(Behind),
}

/// A load; it is given up where this is dropped.
pub(crate) struct Flight<K: Hash + Eq> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<Landing>>>>>,
    key: K,
    landing: Landing,
    told: watch::Sender<Option<Landing>>,
}

/// Waits for somebody else's load.
pub(crate) struct Behind(watch::Receiver<Option<Landing>>);

impl<K: Hash + Eq + Clone> Flights<K> {
    pub(crate) fn new() -> Self {
        Flights(Arc::default())
    }

    /// Takes a place.
    pub(crate) fn take(&self, key: &K) -> Seat<K> {
        match lock(&self.0).entry(key.clone()) {
            Entry::Occupied(other) => Seat::Behind(Behind(other.get().clone())),
            Entry::Vacant(place) => {
                let (told, watched) = watch::channel(None);
                place.insert(watched);
                Seat::First(Flight { under_way: Arc::clone(&self.0), key: key.clone(), landing: Landing::GivenUp, told })
            }
        }
    }
}

impl<K: Hash + Eq> Flight<K> {
    /// Tells the others.
    pub(crate) fn land(mut self, landing: Landing) {
        self.landing = landing;
    }
}

impl<K: Hash + Eq> Drop for Flight<K> {
    fn drop(&mut self) {
        // First this, so that nobody who is told finds it under way again.
        lock(&self.under_way).remove(&self.key);
        self.told.send_replace(Some(self.landing));
    }
}

impl Behind {
    /// What became of it.
    pub(crate) async fn landing(mut self) -> Landing {
        let landing = self.0.wait_for(Option::is_some).await.map(|landing| *landing);
        landing.ok().flatten().unwrap_or(Landing::GivenUp)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
