//! What is to be done about a schedule whose time has come: pure, by its policy.

use std::collections::VecDeque;
use std::time::Duration;

use crate::schedule::{CatchUp, Schedule, Timetable};
use crate::time::Timestamp;

/// As late something is on time still: less than lies between two times of any schedule, and more than it takes another server to go on
/// where one has died.
pub const ON_TIME: Duration = Duration::from_secs(60);
/// Most times that are caught up on one by one: of more, the last.
pub const MAX_CAUGHT_UP: usize = 100;
/// So many times are counted one by one. Of what has rested for longer, only the last are looked at.
const MAX_COUNTED: usize = 1_000;
/// In that, no schedule has more than [`MAX_CAUGHT_UP`] times.
const LOOKED_BACK: Duration = Duration::from_secs(60 * MAX_CAUGHT_UP as u64);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The time for which something is started.
    pub(super) fires: Option<Timestamp>,
    /// The time that is due behind that.
    pub(super) next: Option<Timestamp>,
    /// How many times pass by it without an execution, at least.
    pub(super) missed: u64,
    /// The last time that is dealt with.
    pub(super) dealt_with: Timestamp,
}

/// The times that have passed, the last of them at least.
struct Passed {
    times: VecDeque<Timestamp>,
    dropped: u64,
    next: Option<Timestamp>,
}

/// What is to be done at `now` about a schedule that is due since `first`.
pub(super) fn plan(schedule: &Schedule, first: Timestamp, zone: &str, now: Timestamp, timetable: &dyn Timetable) -> Plan {
    let Passed { mut times, dropped, next } = passed(schedule, first, zone, now, timetable);
    let (count, last) = (times.len() as u64, times.back().copied().unwrap_or(first));
    let is_on_time = now.since(last) < ON_TIME;
    match schedule.catch_up {
        CatchUp::Skip if !is_on_time => Plan { fires: None, next, missed: dropped + count, dealt_with: last },
        CatchUp::Skip | CatchUp::Once => Plan { fires: Some(last), next, missed: dropped + count.saturating_sub(1), dealt_with: last },
        CatchUp::All => {
            let fires = times.pop_front().unwrap_or(first);
            Plan { fires: Some(fires), next: times.front().copied().or(next), missed: dropped, dealt_with: fires }
        }
    }
}

fn passed(schedule: &Schedule, first: Timestamp, zone: &str, now: Timestamp, timetable: &dyn Timetable) -> Passed {
    let (mut times, mut dropped, mut counted) = (VecDeque::new(), 0, 0);
    let mut at = Some(first);
    while let Some(time) = at.filter(|time| *time <= now) {
        if times.len() == MAX_CAUGHT_UP {
            times.pop_front();
            dropped += 1;
        }
        times.push_back(time);
        counted += 1;
        let after = if counted == MAX_COUNTED { time.max(now.minus(LOOKED_BACK)) } else { time };
        at = timetable.next(&schedule.cron, zone, after);
    }
    Passed { times, dropped, next: at }
}

#[cfg(test)]
mod tests;
