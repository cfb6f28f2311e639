//! Days that all have 24 hours, in the one zone that there is.

use domain::tenant::Calendar;
use domain::time::Timestamp;

/// Milliseconds of a day.
const DAY: u64 = 24 * 3_600 * 1_000;

/// Knows `UTC`.
pub struct UtcCalendar;

impl Calendar for UtcCalendar {
    fn knows(&self, zone: &str) -> bool {
        zone == "UTC"
    }

    fn day_begun(&self, zone: &str, now: Timestamp, days_before: u32) -> Option<Timestamp> {
        let day = (now.as_millis() / DAY).checked_sub(u64::from(days_before))?;
        self.knows(zone).then(|| Timestamp::from_millis(day * DAY))
    }
}
