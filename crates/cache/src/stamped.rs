//! Entries of one kind that are as good as the epoch of their tenant: what was loaded at an epoch is answered while that is the epoch, and
//! at no other. So nothing has to be forgotten when something changes, and no message has to arrive.
//!
//! That something is absent is kept, too: who asks for many names that do not exist displaces nothing that is asked for more often.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Result;
use moka::sync::Cache;

use crate::flights::{Flights, Landing, Seat};
use crate::stats::Stats;

/// How long something is kept at most.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// What an entry costs beside its value: key, counters and places in the cache's lists. Bounds the number of entries, too.
const ENTRY_BYTES: u32 = 512;

/// A bounded map of what was loaded, each at its epoch.
pub(crate) struct Stamped<K: Hash + Eq, V> {
    entries: Cache<K, Entry<V>>,
    loading: Flights<(K, u64)>,
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Entry<V> {
    epoch: u64,
    value: Option<Arc<V>>,
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Entry { epoch: self.epoch, value: self.value.clone() }
    }
}

impl<K, V> Stamped<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// An empty map of at most `max_bytes`, as `weight` counts them.
    pub(crate) fn new(max_bytes: u64, weight: fn(&V) -> u32) -> Self {
        let weigher = move |_: &K, entry: &Entry<V>| ENTRY_BYTES.saturating_add(entry.value.as_deref().map_or(0, weight));
        Stamped {
            entries: Cache::builder().max_capacity(max_bytes).weigher(weigher).time_to_live(KEPT).build(),
            loading: Flights::new(),
            hits: AtomicU64::default(),
            misses: AtomicU64::default(),
        }
    }

    /// What is kept under the key at this epoch, or else what `load` gives. Several who ask at one epoch have it loaded once.
    ///
    /// # Errors
    /// Those of `load`.
    pub(crate) async fn find<L>(&self, key: &K, epoch: u64, load: impl Fn() -> L + Send) -> Result<Option<Arc<V>>>
    where
        L: Future<Output = Result<Option<V>>> + Send,
    {
        let flight = (key.clone(), epoch);
        loop {
            if let Some(found) = self.kept(key, epoch) {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(found);
            }
            match self.loading.take(&flight) {
                Seat::First(flight) => {
                    self.misses.fetch_add(1, Ordering::Relaxed);
                    let loaded = load().await.map(|value| value.map(Arc::new));
                    if let Ok(value) = &loaded {
                        self.entries.insert(key.clone(), Entry { epoch, value: value.clone() });
                    }
                    flight.land(if loaded.is_ok() { Landing::Done } else { Landing::Failed });
                    return loaded;
                }
                Seat::Behind(other) => match other.landing().await {
                    // What is too large to be kept is loaded by each who wants it.
                    Landing::Done if self.kept(key, epoch).is_some() => {}
                    Landing::GivenUp => {}
                    Landing::Done | Landing::Failed => {
                        self.misses.fetch_add(1, Ordering::Relaxed);
                        return load().await.map(|value| value.map(Arc::new));
                    }
                },
            }
        }
    }

    /// What is kept under the key at this epoch: `Some(None)` where it is known to be absent.
    pub(crate) fn kept(&self, key: &K, epoch: u64) -> Option<Option<Arc<V>>> {
        self.entries.get(key).filter(|entry| entry.epoch == epoch).map(|entry| entry.value)
    }

    /// Forgets everything.
    #[cfg(test)]
    pub(crate) fn forget_all(&self) {
        self.entries.invalidate_all();
    }

    /// The bytes that it holds, all counted: what was put in last is else counted some time.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries.run_pending_tasks();
        self.entries.weighted_size()
    }

    /// Adds what this map did and holds.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        stats.hits += self.hits.load(Ordering::Relaxed);
        stats.misses += self.misses.load(Ordering::Relaxed);
        stats.entries += self.entries.entry_count();
        stats.bytes += self.entries.weighted_size();
    }
}
