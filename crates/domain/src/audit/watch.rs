//! Following a log: every record from a place on, in order, then what is added, at the watcher's own pace.
//!
//! The store is asked where it tells of something, and again and again besides, as it alone knows what every server of the installation has
//! added. What is held in memory is one step of records, however far behind a watcher is.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::access::Permit;
use crate::audit::actions::WatchAuditRecords;
use crate::audit::record::AuditRecord;
use crate::audit::repository::{AuditQuery, AuditRepository};
use crate::error::{Error, Result};
use crate::news::Patience;
use crate::time::Clock;

/// Bytes of records that are read at once.
const STEP_BYTES: usize = 256 * 1024;
/// Records that the watcher does not want after which it hears how far the watch has come, before its silence is over.
const SILENT_RECORDS: u64 = 5_000;

/// What a watcher hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The next record that fits.
    Record(Box<AuditRecord>),
    /// Everything before this place was looked at.
    Reached(u64),
}

/// A watch; it has no end.
pub type Following = Pin<Box<dyn Stream<Item = Result<Followed>> + Send>>;

/// What a watch is made from.
pub(super) struct Watched {
    pub(super) repository: Arc<dyn AuditRepository>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) permit: Permit<WatchAuditRecords>,
    pub(super) query: AuditQuery,
}

struct Watcher {
    watched: Watched,
    /// The next place that is looked at in the store.
    next: u64,
    ready: VecDeque<AuditRecord>,
    patience: Patience,
    /// Records since the watcher has heard something.
    silent_records: u64,
    /// Whether the watcher has heard where it begins.
    begun: bool,
}

/// The records from `next` on that fit.
pub(super) fn watch(watched: Watched, next: u64) -> Following {
    let patience = Patience::new(watched.clock.as_ref());
    let watcher = Watcher { watched, next, ready: VecDeque::new(), patience, silent_records: 0, begun: false };
    Box::pin(try_unfold(watcher, |mut watcher| async move {
        let heard = watcher.hear().await?;
        watcher.silent_records = 0;
        watcher.patience.told(watcher.watched.clock.as_ref());
        Ok(Some((heard, watcher)))
    }))
}

impl Watcher {
    async fn hear(&mut self) -> Result<Followed> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Followed::Reached(self.next));
        }
        loop {
            while let Some(record) = self.ready.pop_front() {
                if self.watched.query.fits(&record.entry) {
                    return Ok(Followed::Record(Box::new(record)));
                }
                self.silent_records += 1;
            }
            if self.silent_records >= SILENT_RECORDS || self.patience.is_over(self.watched.clock.as_ref()) {
                return Ok(Followed::Reached(self.next));
            }
            self.look().await?;
        }
    }

    /// Reads what is there, or waits where there is nothing.
    async fn look(&mut self) -> Result<()> {
        let Watched { repository, clock, permit, .. } = &self.watched;
        let news = repository.news(&permit.scope());
        let found = permit.open_page(repository.since(&permit.scope(), self.next, STEP_BYTES).await?).items;
        if found.first().is_some_and(|record| record.sequence != self.next) {
            let first = repository.first_kept(&permit.scope()).await?;
            if self.next < first {
                return Err(removed(first));
            }
            return Err(Error::Internal { context: "a record of an audit log is missing", source: None });
        }
        match found.last() {
            Some(last) => self.next = last.sequence + 1,
            None => self.patience.wait(clock.as_ref(), news).await,
        }
        self.ready.extend(found);
        Ok(())
    }
}

/// That somebody wants records from before the first that is there.
pub(super) fn removed(first: u64) -> Error {
    let description = format!("the records before {first} were removed as their time was over; ask for that one, or a later one");
    Error::OutOfRange { reason: "RECORDS_REMOVED", description }
}
