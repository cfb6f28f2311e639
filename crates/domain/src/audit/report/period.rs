//! The days that a report is about. Where they begin, calendars and time zones say, which whoever asks has looked up.

use crate::time::Timestamp;

/// Most days of a report.
pub const MAX_DAYS: usize = 366;

/// Whole days, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The beginning of each day; at least one.
    begins: Vec<Timestamp>,
    before: Timestamp,
}

impl Period {
    /// The days that begin at these times, each later than the one before, of which the last ends at `before`. `None` where they are
    /// none, more than [`MAX_DAYS`], or not in order.
    pub fn new(begins: Vec<Timestamp>, before: Timestamp) -> Option<Self> {
        let ordered = begins.is_sorted_by(|one, next| one < next) && begins.last().is_some_and(|last| *last < before);
        (ordered && begins.len() <= MAX_DAYS).then_some(Period { begins, before })
    }

    /// Its beginning.
    pub fn from(&self) -> Timestamp {
        self.begins[0]
    }

    /// Its end, which no longer belongs to it.
    pub fn before(&self) -> Timestamp {
        self.before
    }

    /// Whether a time lies in it.
    pub(super) fn holds(&self, time: Timestamp) -> bool {
        self.from() <= time && time < self.before
    }

    /// The beginning of each day.
    pub(super) fn begins(&self) -> &[Timestamp] {
        &self.begins
    }

    /// The beginning of each day, and its end.
    pub(super) fn days(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let ends = self.begins[1..].iter().chain([&self.before]);
        self.begins.iter().copied().zip(ends.copied())
    }

    /// Which day a time of the period lies in.
    pub(super) fn day(&self, time: Timestamp) -> usize {
        self.begins.partition_point(|begin| *begin <= time).saturating_sub(1)
    }
}
