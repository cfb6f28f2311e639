//! Days in the time zones of the IANA database: the one of the host, or the one that Zona carries where the host has none.

use domain::tenant::Calendar;
use domain::time::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp as Instant};

/// The calendar of `jiff`.
pub(crate) struct IanaCalendar;

impl Calendar for IanaCalendar {
    fn knows(&self, zone: &str) -> bool {
        TimeZone::get(zone).is_ok()
    }

    fn day_begun(&self, zone: &str, now: Timestamp, days_before: u32) -> Option<Timestamp> {
        let now = Instant::from_millisecond(i64::try_from(now.as_millis()).ok()?).ok()?;
        let today = now.to_zoned(TimeZone::get(zone).ok()?).date();
        let day = today.checked_sub(Span::new().try_days(days_before).ok()?).ok()?;
        // Where clocks are set forward at midnight, the day begins later.
        let begun = day.to_zoned(TimeZone::get(zone).ok()?).ok()?.start_of_day().ok()?;
        u64::try_from(begun.timestamp().as_millisecond()).ok().map(Timestamp::from_millis)
    }
}

#[cfg(test)]
mod tests;
