//! Cron expressions as a port: the domain reads none, and knows no time zones.

use crate::time::Timestamp;

/// What is wrong with a cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronFault {
    /// Which of its five fields, e.g. `hour`; none where it has not five.
    pub place: Option<&'static str>,
    /// What is wrong there.
    pub description: String,
}

/// Port: times of cron expressions, `minute hour day-of-month month day-of-week`, in the time zones of the IANA database.
///
/// A time that clocks leave out, as they are set forward, is the moment at which they go on. Of a time that comes twice, as they are set back,
/// an expression with fixed hours and minutes means the first one.
pub trait Timetable: Send + Sync {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`CronFault`] for the first field that is none.
    fn check(&self, cron: &str) -> Result<(), CronFault>;
    /// The first time after another; `None` where there is none, or no such zone.
    fn next(&self, cron: &str, zone: &str, after: Timestamp) -> Option<Timestamp>;
}
