//! The epochs of tenants as they were read lately: how often a tenant's utilities have changed. The store is the truth; what was read from it
//! is taken to be current for half a second, and not behind a change that this server has made or heard of.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Result;
use domain::name::TenantId;
use tokio::time::Instant;

use crate::flights::{Flights, Landing, Seat};

/// How long an epoch that was read is taken to be current: half of the second in which a change of another server is known here, whatever
/// messages are lost.
const TRUSTED: Duration = Duration::from_millis(500);
/// Tenants whose epochs are remembered; with more, all are read again.
const MAX_KNOWN: usize = 100_000;
/// How often somebody waits for what others read: the first may have begun to read before this one came, the second has not, so its answer
/// is new enough unless it was forgotten.
const WAITS: u32 = 2;

/// Epochs of tenants.
pub(crate) struct Epochs {
    all: Mutex<All>,
    reading: Flights<TenantId>,
}

#[derive(Default)]
struct All {
    known: HashMap<TenantId, Known>,
    /// When all were voided last.
    voided: Option<Instant>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    epoch: u64,
    /// From when on it was read.
    read: Option<Instant>,
    /// When it was voided last: what was read from before is not current.
    voided: Option<Instant>,
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Epochs { all: Mutex::default(), reading: Flights::new() }
    }

    /// The epoch of a tenant, as it is or was less than [`TRUSTED`] ago, and not before a change that was heard of. `read` asks the store.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn read<R>(&self, tenant: &TenantId, read: impl Fn() -> R) -> Result<u64>
    where
        R: Future<Output = Result<u64>>,
    {
        let wanted = Instant::now();
        let mut waited = 0;
        loop {
            if let Some(epoch) = self.find(tenant, wanted) {
                return Ok(epoch);
            }
            match self.reading.take(tenant) {
                Seat::First(flight) => {
                    let asked = self.expect(tenant);
                    let epoch = read().await;
                    if let Ok(epoch) = epoch {
                        self.keep(tenant, epoch, asked);
                    }
                    flight.land(if epoch.is_ok() { Landing::Done } else { Landing::Failed });
                    return epoch;
                }
                Seat::Behind(_) if waited == WAITS => return read().await,
                Seat::Behind(other) => {
                    waited += 1;
                    if other.landing().await == Landing::Failed {
                        return read().await;
                    }
                }
            }
        }
    }

    /// Something of a tenant has changed.
    pub(crate) fn void(&self, tenant: &TenantId) {
        // What is not known and is not being read needs not be voided: messages of tenants that nobody asks for take no room.
        if let Some(known) = self.all().known.get_mut(tenant) {
            known.voided = Some(Instant::now());
        }
    }

    /// Something may have changed of which nothing was heard.
    pub(crate) fn void_all(&self) {
        let mut all = self.all();
        all.known.clear();
        all.voided = Some(Instant::now());
    }

    /// What is current, or was read only after it was wanted: that is new enough, whatever has changed since.
    fn find(&self, tenant: &TenantId, wanted: Instant) -> Option<u64> {
        let all = self.all();
        let known = all.known.get(tenant)?;
        let read = known.read?;
        let is_behind = |voided: Option<Instant>| voided.is_none_or(|voided| read > voided);
        let is_current = || read.elapsed() < TRUSTED && is_behind(known.voided) && is_behind(all.voided);
        (read > wanted || is_current()).then_some(known.epoch)
    }

    /// Has changes of a tenant noted from now on, while its epoch is read; says when that is.
    fn expect(&self, tenant: &TenantId) -> Instant {
        let mut all = self.all();
        if all.known.len() >= MAX_KNOWN && !all.known.contains_key(tenant) {
            all.known.clear();
        }
        all.known.entry(tenant.clone()).or_default();
        Instant::now()
    }

    /// The answer that was asked for last counts, not the greatest: a store that was put back to a backup has lower ones.
    fn keep(&self, tenant: &TenantId, epoch: u64, asked: Instant) {
        let mut all = self.all();
        // What was forgotten meanwhile may have been voided meanwhile.
        let Some(known) = all.known.get_mut(tenant) else { return };
        if known.read.is_none_or(|read| asked > read) {
            *known = Known { epoch, read: Some(asked), ..*known };
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use domain::Error;
    use test_support::sample::tenant;
    use tokio::time::advance;

    use super::*;

    /// A store that counts how often it was asked.
    struct Store {
        epoch: Cell<u64>,
        asked: Cell<u32>,
    }

    impl Store {
        fn new(epoch: u64) -> Self {
            Store { epoch: Cell::new(epoch), asked: Cell::new(0) }
        }

        async fn check(&self, epochs: &Epochs, expected: u64, asked: u32) {
            self.asked.set(0);
            let read = || {
                self.asked.set(self.asked.get() + 1);
                std::future::ready(Ok(self.epoch.get()))
            };
            let found = epochs.read(&tenant("acme"), read).await.unwrap();
            assert_eq!((found, self.asked.get()), (expected, asked));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_epoch_is_read_again_after_half_a_second_and_behind_each_change_that_is_heard_of() {
        let (epochs, store) = (Epochs::new(), Store::new(7));
        store.check(&epochs, 7, 1).await;
        advance(Duration::from_millis(499)).await;
        store.epoch.set(8);
        store.check(&epochs, 7, 0).await;
        advance(Duration::from_millis(1)).await;
        store.check(&epochs, 8, 1).await;
        store.epoch.set(9);
        epochs.void(&tenant("beta"));
        store.check(&epochs, 8, 0).await;
        epochs.void(&tenant("acme"));
        advance(Duration::from_nanos(1)).await;
        store.check(&epochs, 9, 1).await;
        store.check(&epochs, 9, 0).await;
        store.epoch.set(10);
        epochs.void_all();
        advance(Duration::from_nanos(1)).await;
        store.check(&epochs, 10, 1).await;
        advance(Duration::from_secs(1)).await;
        store.epoch.set(3);
        store.check(&epochs, 3, 1).await;
        store.check(&epochs, 3, 0).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_beside_a_change_is_kept_by_nobody() {
        let (epochs, store) = (Epochs::new(), Store::new(8));
        let acme = tenant("acme");
        let beside = epochs.read(&acme, || async {
            epochs.void(&tenant("acme"));
            Ok(7)
        });
        assert_eq!(beside.await.unwrap(), 7, "who asked before the change may see what was before it");
        advance(Duration::from_nanos(1)).await;
        store.check(&epochs, 8, 1).await;
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_for_what_changes_all_the_time_wait_for_two_readings_at_most() {
        const READING: Duration = Duration::from_millis(100);
        let (epochs, asked, acme) = (Epochs::new(), Cell::new(0), tenant("acme"));
        let read = || async {
            asked.set(asked.get() + 1);
            tokio::time::sleep(READING).await;
            Ok(asked.get())
        };
        let began = Instant::now();
        let one = async |after: u64| {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let came = Instant::now();
            epochs.read(&acme, read).await.unwrap();
            assert!(came.elapsed() <= 2 * READING, "{:?}", came.elapsed());
        };
        let all = futures_util::future::join_all((0..20).map(one));
        let changing = async {
            loop {
                epochs.void(&acme);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            _ = all => {}
            () = changing => {}
        }
        assert!(asked.get() <= 3 && began.elapsed() <= 3 * READING, "{} readings in {:?}", asked.get(), began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_of_tenants_that_nobody_asks_for_take_no_room() {
        let epochs = Epochs::new();
        for number in 0..100 {
            epochs.void(&tenant(&format!("tenant-{number}")));
        }
        assert_eq!(epochs.all().known.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_a_reading_that_fails_read_by_themselves_and_none_waits_for_another() {
        let (epochs, asked, acme) = (Epochs::new(), Cell::new(0), tenant("acme"));
        let read = || async {
            asked.set(asked.get() + 1);
            tokio::time::sleep(Duration::from_secs(2)).await;
            Err::<u64, _>(Error::Unavailable { dependency: "store", retry_after: Duration::ZERO, source: None })
        };
        let began = Instant::now();
        let all = futures_util::future::join_all((0..20).map(|_| epochs.read(&acme, read)));
        assert!(all.await.iter().all(Result::is_err));
        assert_eq!((asked.get(), began.elapsed()), (20, Duration::from_secs(4)), "the first, and then the others at once");
    }
}
