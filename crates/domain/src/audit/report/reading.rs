//! Reading the records of a period: by their places in the log, and each by the time that it says itself. What an index says of a record
//! nobody has signed.
//!
//! A log has the order in which its records were stored, which is nearly that of their times. So what is read begins where records are
//! of long before the period, and ends where they are of long after it. Where a clock was wrong, records in a row say that of themselves
//! although others of the period lie behind them, so no place is left out at which the index has a record of the period: it may make the
//! reading longer, and never shorter.

use std::ops::Range;
use std::time::Duration;

use super::period::Period;
use crate::access::Permit;
use crate::audit::actions::BuildAuditReport;
use crate::audit::record::AuditRecord;
use crate::audit::repository::AuditRepository;
use crate::error::Result;

/// How much later than what it tells of a record may be stored: one waits in memory while the store fails, and clocks differ.
const LATE: Duration = Duration::from_secs(7 * 86_400);
/// Bytes of records that are read at once.
const STEP_BYTES: usize = 256 * 1024;
/// The same where it is only looked for the beginning: more than one record, as one may be late or have a wrong time.
const LOOK_BYTES: usize = 16 * 1024;
/// A log of so many records is read from the first that is there: they are one step.
const SHORT: u64 = 256;

/// How far a log was read.
pub(super) struct Reading {
    /// The first record that is there.
    kept: u64,
    /// How many records of the log are looked at, with those that are gone.
    size: u64,
    /// The first record that had to be as it is for what was read to be all.
    first: u64,
    /// The next place; none before it was looked where to begin.
    next: Option<u64>,
}

impl Reading {
    /// Of these records: those before them were removed, and those behind them were added since.
    pub(super) fn new(records: Range<u64>) -> Self {
        Reading { kept: records.start, size: records.end, first: records.start, next: None }
    }

    /// The first and the last record that had to be as they are for what was read to be all.
    pub(super) fn read(&self) -> Option<(u64, u64)> {
        let behind = self.next.filter(|next| *next > self.first);
        behind.map(|next| (self.first, next - 1))
    }

    /// Records of the period that come next, perhaps none; `None` where there are no more.
    pub(super) async fn step(
        &mut self,
        repository: &dyn AuditRepository,
        permit: &Permit<BuildAuditReport>,
        period: &Period,
    ) -> Result<Option<Vec<AuditRecord>>> {
        let next = match self.next {
            Some(next) => next,
            None => self.begin(repository, permit, period).await?,
        };
        if next >= self.size {
            return Ok(None);
        }
        let mut found = permit.open_page(repository.since(&permit.scope(), next, STEP_BYTES).await?).items;
        found.retain(|record| record.sequence < self.size);
        // Where the last ones are missing, they count as read, and verifying says that they are not there.
        self.next = Some(found.last().map_or(self.size, |last| last.sequence + 1));
        let after = period.before().plus(LATE);
        let is_past = found.iter().all(|record| record.entry.time >= after);
        if is_past && indexed(repository, permit, period).await?.is_none_or(|(_, last)| Some(last) < self.next) {
            return Ok(None);
        }
        found.retain(|record| period.holds(record.entry.time));
        Ok(Some(found))
    }

    /// The place before which everything is of before the period, by halves.
    async fn begin(&mut self, repository: &dyn AuditRepository, permit: &Permit<BuildAuditReport>, period: &Period) -> Result<u64> {
        let before = period.from().minus(LATE);
        let (mut begin, mut end) = (self.kept, if self.size > self.kept + SHORT { self.size } else { self.kept });
        while begin < end {
            let middle = begin + (end - begin) / 2;
            let found = permit.open_page(repository.since(&permit.scope(), middle, LOOK_BYTES).await?).items;
            if !found.is_empty() && found.iter().all(|record| record.entry.time < before) {
                begin = middle + 1;
            } else {
                end = middle;
            }
        }
        if begin > 0 {
            begin = indexed(repository, permit, period).await?.map_or(begin, |(first, _)| begin.min(first));
        }
        // The record before says that there is nothing earlier.
        self.first = begin.saturating_sub(1).max(self.kept);
        self.next = Some(begin);
        Ok(begin)
    }
}

/// The first and the last place at which the index has a record of the period. By days, so that no question is a long one.
async fn indexed(repository: &dyn AuditRepository, permit: &Permit<BuildAuditReport>, period: &Period) -> Result<Option<(u64, u64)>> {
    let mut all: Option<(u64, u64)> = None;
    for (from, before) in period.days() {
        if let Some((first, last)) = repository.places(&permit.scope(), from, before).await? {
            all = Some(all.map_or((first, last), |(lowest, highest)| (lowest.min(first), highest.max(last))));
        }
    }
    Ok(all)
}
