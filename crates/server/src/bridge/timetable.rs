//! Times of cron expressions in the time zones of the IANA database.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use domain::schedule::{CronFault, Timetable};
use domain::time::Timestamp;
use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;

/// The fields of an expression, in order.
const FIELDS: [&str; 5] = ["minute", "hour", "day of month", "month", "day of week"];
/// What a field may be whatever the others are.
const ANY: &str = "*";

/// Reads expressions of five fields, in which a minute is the shortest period.
pub(crate) struct CronTimetable;

impl Timetable for CronTimetable {
    fn check(&self, cron: &str) -> Result<(), CronFault> {
        let Err(error) = read(cron) else { return Ok(()) };
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let place = if fields.len() == FIELDS.len() { faulty(&fields) } else { None };
        let description = match place {
            Some(at) => format!("`{}` is none: {error}", fields[at]),
            None if fields.len() == FIELDS.len() => error.to_string(),
            None => format!("{} fields, where there must be 5: minute, hour, day of month, month, day of week", fields.len()),
        };
        Err(CronFault { place: place.map(|at| FIELDS[at]), description })
    }

    fn next(&self, cron: &str, zone: &str, after: Timestamp) -> Option<Timestamp> {
        let after = Instant::from_millisecond(i64::try_from(after.as_millis()).ok()?).ok()?;
        let after = after.to_zoned(TimeZone::get(zone).ok()?);
        let next = read(cron).ok()?.find_next_occurrence(&after, false).ok()?;
        u64::try_from(next.timestamp().as_millisecond()).ok().map(Timestamp::from_millis)
    }
}

/// The first field that is none by itself: the whole says only that one is.
fn faulty(fields: &[&str]) -> Option<usize> {
    (0..fields.len()).find(|at| {
        let mut alone = [ANY; FIELDS.len()];
        alone[*at] = fields[*at];
        read(&alone.join(" ")).is_err()
    })
}

fn read(cron: &str) -> Result<Cron, croner::errors::CronError> {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(cron)
}

#[cfg(test)]
mod tests;
