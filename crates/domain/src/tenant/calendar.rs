//! Calendars as a port: the domain knows no time zones.

use crate::time::Timestamp;

/// Port: days in the time zones of the IANA database.
pub trait Calendar: Send + Sync {
    /// Whether there is such a zone, e.g. `Europe/Berlin`.
    fn knows(&self, zone: &str) -> bool;
    /// When the day began that lies so many days before the day of `now`, both as they are in the zone; `None` where there is no such zone,
    /// or no such day.
    fn day_begun(&self, zone: &str, now: Timestamp, days_before: u32) -> Option<Timestamp>;
}
