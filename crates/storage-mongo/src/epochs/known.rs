//! Epochs in memory: what was read, for how long it is taken to be current, and what voids it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::name::TenantId;
use tokio::time::Instant;

/// How long an epoch that was read is taken to be current: half of the second in which a revocation takes effect everywhere.
const TRUSTED: Duration = Duration::from_millis(500);
/// Tenants whose epochs are remembered; with more, all are read again.
const MAX_KNOWN: usize = 100_000;

/// Epochs of tenants, as they were read.
#[derive(Clone, Default)]
pub(crate) struct Epochs(Arc<Mutex<HashMap<TenantId, Known>>>);

#[derive(Clone, Copy, Default)]
struct Known {
    stored: u64,
    /// From when on it was read; nothing where this server has changed it since.
    read: Option<Instant>,
    /// When this server changed it last: what was read from before is not current.
    voided: Option<Instant>,
}

impl Epochs {
    /// The epoch, where it was read lately.
    pub(crate) fn find(&self, tenant: &TenantId) -> Option<u64> {
        let known = self.with(|all| all.get(tenant).copied())?;
        known.read.filter(|read| read.elapsed() < TRUSTED).map(|_read| known.stored)
    }

    /// Takes note of what was read from `asked` on; answers the epoch.
    pub(crate) fn keep(&self, tenant: &TenantId, stored: u64, asked: Instant) -> u64 {
        self.with(|all| {
            if all.len() >= MAX_KNOWN && !all.contains_key(tenant) {
                // What was voided a moment ago must not be kept by who has read it before.
                all.retain(|_, known| known.voided.is_some_and(|voided| voided.elapsed() < TRUSTED));
            }
            let known = all.entry(tenant.clone()).or_default();
            known.stored = known.stored.max(stored);
            if known.voided.is_none_or(|voided| asked > voided) {
                known.read = Some(asked);
            }
            known.stored
        })
    }

    /// Called by the write, and again once it is stored, so that what was read beside it is kept by nobody.
    pub(crate) fn advance(&self, tenant: &TenantId) {
        self.with(|all| {
            let known = all.entry(tenant.clone()).or_default();
            *known = Known { read: None, voided: Some(Instant::now()), ..*known };
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<TenantId, Known>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use test_support::sample::scope;

    use super::*;

    #[tokio::test]
    async fn an_epoch_is_read_again_in_time_and_behind_each_change_and_never_comes_back() {
        let (epochs, acme) = (Epochs::default(), scope("acme").tenant().clone());
        assert_eq!(epochs.find(&acme), None);
        let before = Instant::now();
        assert_eq!(epochs.keep(&acme, 7, before), 7);
        assert_eq!(epochs.find(&acme), Some(7));
        epochs.advance(&acme);
        assert_eq!(epochs.find(&acme), None);
        epochs.keep(&acme, 7, before);
        assert_eq!(epochs.find(&acme), None, "it was read beside the change");
        let behind = Instant::now() + Duration::from_nanos(1);
        epochs.keep(&acme, 8, behind);
        assert_eq!(epochs.find(&acme), Some(8));
        assert_eq!(epochs.keep(&acme, 3, Instant::now()), 8, "an older answer changes nothing");
        let others = Epochs::default();
        others.keep(&acme, 8, Instant::now().checked_sub(TRUSTED).expect("the machine runs for longer"));
        assert_eq!(others.find(&acme), None, "it was read too long ago");
    }
}
