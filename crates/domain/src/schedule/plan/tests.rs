//! Tests of what is done about times that have passed.

use crate::name::{PrincipalName, ScheduleName, UtilityName};
use crate::revision::Revision;
use crate::schedule::{CronFault, Program};
use crate::secret::References;

use super::*;

/// Every ten minutes, and never again after the first ten where it says `once`.
struct EveryTenMinutes;

impl Timetable for EveryTenMinutes {
    fn check(&self, _: &str) -> Result<(), CronFault> {
        Ok(())
    }

    fn next(&self, cron: &str, _: &str, after: Timestamp) -> Option<Timestamp> {
        (cron != "once").then(|| at((after.as_millis() / 600_000 + 1) * 10))
    }
}

fn schedule(catch_up: CatchUp, cron: &str) -> Schedule {
    Schedule {
        name: ScheduleName::parse("name", "tenants/acme/schedules/nightly").unwrap(),
        description: String::new(),
        owner: PrincipalName::parse("owner", "tenants/acme/users/ann").unwrap(),
        program: Program {
            utility: UtilityName::parse("utility", "tenants/acme/utilities/extract").unwrap(),
            version: None,
            params_json: String::new(),
            secrets: References::new(),
            timeout: None,
            retry_if_lost: false,
        },
        cron: cron.to_owned(),
        time_zone: String::new(),
        catch_up,
        paused: false,
        next: Some(at(10)),
        last: None,
        missed: 0,
        created: at(0),
        updated: at(0),
        edition: 1,
        revision: Revision::FIRST,
    }
}

fn at(minute: u64) -> Timestamp {
    Timestamp::from_millis(minute * 60_000)
}

fn planned(catch_up: CatchUp, now: Timestamp) -> Plan {
    plan(&schedule(catch_up, "every"), at(10), "UTC", now, &EveryTenMinutes)
}

#[test]
fn a_time_that_has_just_come_starts_one_execution_whatever_the_policy() {
    for policy in [CatchUp::Skip, CatchUp::Once, CatchUp::All] {
        let expected = Plan { fires: Some(at(10)), next: Some(at(20)), missed: 0, dealt_with: at(10) };
        assert_eq!(planned(policy, at(10).plus(Duration::from_secs(59))), expected, "{policy:?}");
    }
}

#[test]
fn times_that_have_passed_are_skipped_made_one_or_started_one_by_one() {
    let now = at(45);
    assert_eq!(planned(CatchUp::Skip, now), Plan { fires: None, next: Some(at(50)), missed: 4, dealt_with: at(40) });
    assert_eq!(planned(CatchUp::Once, now), Plan { fires: Some(at(40)), next: Some(at(50)), missed: 3, dealt_with: at(40) });
    assert_eq!(planned(CatchUp::All, now), Plan { fires: Some(at(10)), next: Some(at(20)), missed: 0, dealt_with: at(10) });
}

#[test]
fn whoever_skips_starts_what_is_on_time_still() {
    assert_eq!(planned(CatchUp::Skip, at(40)), Plan { fires: Some(at(40)), next: Some(at(50)), missed: 3, dealt_with: at(40) });
}

#[test]
fn of_very_many_times_the_last_are_caught_up_on() {
    let most = MAX_CAUGHT_UP as u64;
    let few = planned(CatchUp::All, at(10 * (most + 5)));
    assert_eq!((few.fires, few.missed), (Some(at(60)), 5));
    let years = planned(CatchUp::All, at(10 * 1_000_000));
    assert_eq!(years.fires.map(|first| first >= at(10 * 1_000_000).minus(LOOKED_BACK)), Some(false), "those counted before are kept, too");
    assert!(years.missed >= MAX_COUNTED as u64 - most);
}

#[test]
fn a_schedule_whose_last_time_has_come_has_no_next() {
    let expected = Plan { fires: Some(at(10)), next: None, missed: 0, dealt_with: at(10) };
    assert_eq!(plan(&schedule(CatchUp::Skip, "once"), at(10), "UTC", at(10), &EveryTenMinutes), expected);
}
