//! The second level: what was read lately, in a Redis that servers share, sealed. It answers or it does not, and nobody is told why: whoever
//! gets no answer reads the store.
//!
//! Each value says at which epoch of its tenant it was read; whether that is still the epoch, its reader decides. Keys are
//! `zona:{TENANT}:AREA:...`, so that everything of a tenant lies in one slot of a cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::name::TenantId;
use fred::bytes::Bytes;
use fred::interfaces::KeysInterface as _;
use fred::types::Expiration;
use resilience::{Failure, Standing};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};
use zeroize::Zeroizing;

use crate::redis::{Connection, speaks_against};
use crate::sealing::Sealing;

/// How long a value is kept at most.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// Bytes of a value at most, sealed: the largest utility has some more than a MiB.
const MAX_VALUE: usize = 2 << 20;
/// KiB of values that wait to be written, together; what comes beyond is not written.
const MAX_WAITING_KIB: usize = 16 << 10;
/// Values that wait to be written: beside the bytes, so that tiny ones are bounded, too.
const MAX_WAITING: usize = 4_096;

/// Where a value lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    /// Its key in Redis, the tenant included.
    pub(crate) key: String,
}

/// The second level.
pub(crate) struct Second {
    connection: Connection,
    sealing: Arc<dyn Sealing>,
    waiting: mpsc::Sender<Waiting>,
    written: Mutex<mpsc::Receiver<Waiting>>,
    room: Arc<Semaphore>,
    counts: Counts,
}

/// What the second level did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondStats {
    /// Reads that it answered at the epoch of their tenant.
    pub hits: u64,
    /// Reads that it answered not at all, or at another epoch.
    pub misses: u64,
    /// Values that do not open, or are none.
    pub unreadable: u64,
    /// Values that were not written: Redis refuses them, or too many wait.
    pub unwritten: u64,
    /// How reading goes.
    pub reads: Standing,
    /// How writing goes.
    pub writes: Standing,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    unreadable: AtomicU64,
    unwritten: AtomicU64,
}

struct Waiting {
    place: Place,
    text: Zeroizing<String>,
    /// Given back once it is written, or is not to be.
    _room: OwnedSemaphorePermit,
}

impl Place {
    /// The place of this name in an area of a tenant.
    pub(crate) fn new(tenant: &TenantId, area: &str, name: &str) -> Self {
        Place { tenant: tenant.clone(), key: format!("zona:{{{tenant}}}:{area}:{name}") }
    }
}

impl Second {
    pub(crate) fn new(connection: Connection, sealing: Arc<dyn Sealing>) -> Self {
        let (waiting, written) = mpsc::channel(MAX_WAITING);
        Second {
            connection,
            sealing,
            waiting,
            written: Mutex::new(written),
            room: Arc::new(Semaphore::new(MAX_WAITING_KIB)),
            counts: Counts::default(),
        }
    }

    /// What lies at a place and is what `read` takes it for: opened, and of the epoch that it wants.
    pub(crate) async fn find<T>(&self, place: &Place, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let client = self.connection.command();
        // Of what somebody else has put there, no more comes than one of ours may have; where nothing is, nothing comes.
        let get = || client.getrange::<Bytes, _>(place.key.as_str(), 0, MAX_VALUE);
        let asked = self.connection.reads.ask(speaks_against, get).await;
        let found = asked.ok().filter(|sealed| (1..=MAX_VALUE).contains(&sealed.len())).and_then(|sealed| {
            let opened = self.sealing.open(&place.tenant, &place.key, &sealed);
            let text = opened.as_ref().and_then(|text| std::str::from_utf8(text).ok());
            if text.is_none() {
                self.counts.unreadable.fetch_add(1, Ordering::Relaxed);
            }
            read(text?)
        });
        let count = if found.is_some() { &self.counts.hits } else { &self.counts.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Has a text written to a place, some time.
    pub(crate) fn put(&self, place: Place, text: Zeroizing<String>) {
        let kib = u32::try_from(text.len() / 1_024 + 1).unwrap_or(u32::MAX);
        let is_too_large = text.len() > MAX_VALUE;
        let room = (!is_too_large).then(|| Arc::clone(&self.room).try_acquire_many_owned(kib).ok()).flatten();
        let taken = room.is_some_and(|room| self.waiting.try_send(Waiting { place, text, _room: room }).is_ok());
        if !taken {
            self.counts.unwritten.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what is to be written, without end.
    pub(crate) async fn write(&self) {
        let mut written = self.written.lock().await;
        while let Some(Waiting { place, text, _room }) = written.recv().await {
            let sealed = self.sealing.seal(&place.tenant, &place.key, text.as_bytes());
            if self.write_one(&place.key, sealed).await.is_err() {
                self.counts.unwritten.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn write_one(&self, key: &str, sealed: Vec<u8>) -> Result<(), Failure<fred::error::Error>> {
        let (client, sealed) = (self.connection.command(), Bytes::from(sealed));
        let expires = Some(Expiration::EX(KEPT.as_secs().cast_signed()));
        let set = || client.set::<(), _, _>(key, sealed.clone(), expires.clone(), None, false);
        self.connection.writes.ask(speaks_against, set).await
    }

    /// Returns once Redis is there.
    pub(crate) async fn is_there(&self) {
        self.connection.is_there().await;
    }

    /// What it did.
    pub(crate) fn stats(&self) -> SecondStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SecondStats {
            hits: read(&self.counts.hits),
            misses: read(&self.counts.misses),
            unreadable: read(&self.counts.unreadable),
            unwritten: read(&self.counts.unwritten),
            reads: self.connection.reads.standing(),
            writes: self.connection.writes.standing(),
        }
    }
}
