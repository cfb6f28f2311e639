//! Tests of cron expressions, the days on which clocks are set among them.

use super::*;

const BERLIN: &str = "Europe/Berlin";

/// The times behind `after` in the zone, as far as `count` goes, as they are in UTC.
fn times(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let mut at: Instant = after.parse().unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        let millis = Timestamp::from_millis(at.as_millisecond() as u64);
        let Some(next) = CronTimetable.next(cron, zone, millis) else { break };
        at = Instant::from_millisecond(next.as_millis() as i64).unwrap();
        times.push(at.strftime("%m-%d %H:%M:%S").to_string());
    }
    times
}

#[test]
fn an_expression_names_times_of_its_zone() {
    assert_eq!(times("30 8 * * MON-FRI", BERLIN, "2026-01-09T07:30:00Z", 2), ["01-12 07:30:00", "01-13 07:30:00"]);
    assert_eq!(times("30 8 * * 1-5", "UTC", "2026-01-09T07:30:00Z", 1), ["01-09 08:30:00"]);
    assert_eq!(times("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 1), ["02-29 00:00:00"]);
    assert_eq!(times("@hourly", "UTC", "2026-01-01T00:00:59Z", 1), ["01-01 01:00:00"]);
}

#[test]
fn the_next_time_is_behind_the_last_one_however_little() {
    let next = |millis| CronTimetable.next("* * * * *", "UTC", Timestamp::from_millis(millis));
    assert_eq!([next(60_000), next(60_001), next(119_999)], [Some(Timestamp::from_millis(120_000)); 3]);
}

/// In Berlin, 02:00 is followed by 03:00 on 29 March 2026, which is 01:00 UTC.
#[test]
fn a_time_that_clocks_leave_out_is_the_moment_at_which_they_go_on() {
    let around = times("30 2 * * *", BERLIN, "2026-03-28T00:00:00Z", 3);
    assert_eq!(around, ["03-28 01:30:00", "03-29 01:00:00", "03-30 00:30:00"]);
    let often = times("*/30 * * * *", BERLIN, "2026-03-29T00:29:00Z", 3);
    assert_eq!(often, ["03-29 00:30:00", "03-29 01:00:00", "03-29 01:30:00"]);
}

/// In Berlin, 03:00 is followed by 02:00 on 25 October 2026, which is 01:00 UTC.
#[test]
fn of_a_time_that_comes_twice_a_daily_schedule_means_the_first_and_a_periodic_one_both() {
    let daily = times("30 2 * * *", BERLIN, "2026-10-24T00:00:00Z", 3);
    assert_eq!(daily, ["10-24 00:30:00", "10-25 00:30:00", "10-26 01:30:00"]);
    let often = times("*/30 * * * *", BERLIN, "2026-10-25T00:00:00Z", 4);
    assert_eq!(often, ["10-25 00:30:00", "10-25 01:00:00", "10-25 01:30:00", "10-25 02:00:00"]);
}

#[test]
fn what_never_comes_has_no_time_and_no_zone_is_made_up() {
    assert!(times("0 0 30 2 *", BERLIN, "2026-01-01T00:00:00Z", 1).is_empty());
    assert!(times("* * * * *", "Europe/Nowhere", "2026-01-01T00:00:00Z", 1).is_empty());
}

#[test]
fn a_fault_names_the_field_that_is_none() {
    let place = |cron: &str| CronTimetable.check(cron).map_err(|fault| fault.place);
    for (cron, field) in [
        ("61 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * * XYZ", "day of week"),
        ("*/0 * * * *", "minute"),
        ("5-1 25 * * *", "minute"),
    ] {
        assert_eq!(place(cron), Err(Some(field)), "{cron}");
    }
    for cron in ["", "* * * *", "* * * * * *", "0 * * * * * 2026", "@often"] {
        assert_eq!(place(cron), Err(None), "{cron}");
    }
    for cron in ["* * * * *", "0,30 9-17 1-7 JAN,JUL SUN", "@daily", "0 12 L * *"] {
        assert_eq!(place(cron), Ok(()), "{cron}");
    }
}
