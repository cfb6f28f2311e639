//! Times without a calendar: every so many minutes since the epoch, in every zone.

use std::time::Duration;

use domain::schedule::{CronFault, Timetable};
use domain::time::Timestamp;

/// Reads `every N`, of minutes, and `never`.
pub struct EveryMinutes;

impl EveryMinutes {
    fn read(cron: &str) -> Option<u64> {
        cron.strip_prefix("every ")?.parse().ok().filter(|minutes| *minutes > 0)
    }
}

impl Timetable for EveryMinutes {
    fn check(&self, cron: &str) -> Result<(), CronFault> {
        let fault = || CronFault { place: Some("minute"), description: format!("`{cron}` is not `every N`") };
        if cron == "never" || Self::read(cron).is_some() { Ok(()) } else { Err(fault()) }
    }

    fn next(&self, cron: &str, _: &str, after: Timestamp) -> Option<Timestamp> {
        let period = Self::read(cron)? * 60_000;
        let begun = after.as_millis() / period * period;
        Some(Timestamp::from_millis(begun).plus(Duration::from_millis(period)))
    }
}
