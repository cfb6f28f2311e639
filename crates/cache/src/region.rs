//! Entries of one kind, bounded by their weight. It knows nothing of what they mean.
//!
//! A load that a change overtakes must not leave what it read: each key belongs to a stripe, a change advances the stripe's
//! epoch and removes the entry under one lock, and a load keeps its value only in the epoch in which it began.

use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Result;
use moka::sync::Cache;

use crate::hearing::Hearing;
use crate::stats::Stats;

/// Changes of other keys of the same stripe keep a load from being kept, which costs one more read; enough to make that rare.
const STRIPES: usize = 256;

/// What an entry costs beside its value: key, counters and places in the cache's lists. Bounds the number of entries, too.
const ENTRY_BYTES: u32 = 512;

/// A bounded map of what was loaded.
pub(crate) struct Region<K, V> {
    entries: Cache<K, Arc<V>>,
    epochs: Box<[Mutex<u64>]>,
    hasher: RandomState,
    hearing: Arc<Hearing>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<K, V> Region<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// An empty region of at most `max_bytes`, as `weight` counts them.
    pub(crate) fn new(max_bytes: u64, weight: fn(&V) -> u32, hearing: Arc<Hearing>) -> Self {
        let weigher = move |_: &K, value: &Arc<V>| ENTRY_BYTES.saturating_add(weight(value));
        Region {
            entries: Cache::builder().max_capacity(max_bytes).weigher(weigher).build(),
            epochs: (0..STRIPES).map(|_| Mutex::new(0)).collect(),
            hasher: RandomState::new(),
            hearing,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// What is kept under the key, or else what `load` gives; nothing is kept where that is nothing.
    ///
    /// # Errors
    /// Those of `load`.
    pub(crate) async fn find<L>(&self, key: &K, load: impl FnOnce() -> L + Send) -> Result<Option<Arc<V>>>
    where
        L: Future<Output = Result<Option<V>>> + Send,
    {
        if let Some(found) = self.kept(key) {
            return Ok(Some(found));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let began = *self.epoch(key);
        let Some(value) = load().await? else { return Ok(None) };
        let value = Arc::new(value);
        self.keep(key, &value, began);
        Ok(Some(value))
    }

    /// What is kept under the key, and may be served. Only a hit is counted.
    pub(crate) fn kept(&self, key: &K) -> Option<Arc<V>> {
        if !self.hearing.is_current() {
            return None;
        }
        let found = self.entries.get(key)?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// Forgets the key, and what is being loaded for it.
    pub(crate) fn forget(&self, key: &K) {
        let mut epoch = self.epoch(key);
        *epoch += 1;
        self.entries.invalidate(key);
    }

    /// Forgets everything, and what is being loaded.
    pub(crate) fn forget_all(&self) {
        // All of them are held until everything is gone, so that whatever is kept from then on was read behind this.
        let mut epochs: Vec<MutexGuard<'_, u64>> =
            self.epochs.iter().map(|epoch| epoch.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        for epoch in &mut epochs {
            **epoch += 1;
        }
        for (key, _) in &self.entries {
            self.entries.invalidate(&*key);
        }
    }

    /// Adds what this region did and holds.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        stats.hits += self.hits.load(Ordering::Relaxed);
        stats.misses += self.misses.load(Ordering::Relaxed);
        stats.entries += self.entries.entry_count();
        stats.bytes += self.entries.weighted_size();
    }

    /// Applies what the cache has put off, so that counts are exact.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        self.entries.run_pending_tasks();
    }

    fn keep(&self, key: &K, value: &Arc<V>, began: u64) {
        // The lock is held until the value is in, so that a change comes either before, and is seen, or after, and removes it.
        let epoch = self.epoch(key);
        if *epoch == began && self.hearing.is_current() {
            self.entries.insert(key.clone(), Arc::clone(value));
        }
    }

    fn epoch(&self, key: &K) -> MutexGuard<'_, u64> {
        let stripe = self.hasher.hash_one(key) as usize % STRIPES;
        self.epochs[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
