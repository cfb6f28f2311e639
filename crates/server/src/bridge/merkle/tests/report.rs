//! Reports over a real store: what counts is what the records say that were signed for, and not what stands beside them.

use std::time::Duration;

use domain::access::{AccessPolicy, Caller, LocalRules};
use domain::audit::actions::BuildAuditReport;
use domain::audit::{AuditLog, BeginningFault, Building, LogPorts, Period, Report};
use domain::name::TenantName;
use futures_util::StreamExt as _;
use test_support::{FakeClock, InMemoryTenants, sample};

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
/// One an hour: more than are read from the first, and of more days than a record may be late.
const RECORDS: u64 = 600;
/// The day that is reported on.
const DAY: std::ops::Range<u64> = 240..264;

fn hour(number: u64) -> Timestamp {
    FakeClock::START.plus(HOUR * u32::try_from(number).unwrap())
}

async fn hours(world: &World, numbers: std::ops::Range<u64>) {
    let entries = numbers.map(|number| Entry { time: hour(number), ..entry(number) });
    world.store.append(entries.collect()).await.unwrap();
    world.tree.seal(&scope()).await.unwrap();
}

async fn report(world: &World) -> Report {
    let beside = MerkleTree::new(world.store.clone(), Key::from_seed(&[7; 32]), "test", Arc::new(SystemClock), Vec::new());
    let log = AuditLog::new(LogPorts {
        repository: world.store.clone(),
        tree: Arc::new(beside),
        executions: world.store.clone(),
        policies: world.store.clone(),
        clock: Arc::new(SystemClock),
    });
    let tenants = InMemoryTenants::of(Arc::new(FakeClock::default()), &["acme"]);
    let policy = AccessPolicy::new(Arc::new(LocalRules::new(scope().tenant().clone())), Arc::new(tenants));
    let target = TenantName { tenant: scope().tenant().clone() };
    let permit = policy.require::<BuildAuditReport>(&Caller::loopback(sample::user("ann")), target).await.unwrap();
    let period = Period::new(vec![hour(DAY.start)], hour(DAY.end)).unwrap();
    let built: Vec<_> = log.report(permit, period).await.unwrap().collect().await;
    match built.into_iter().last() {
        Some(Ok(Building::Done(report))) => *report,
        other => panic!("{other:?}"),
    }
}

async fn filled() -> World {
    let world = World::new();
    for numbers in [0..200, 200..250, 250..400, 400..RECORDS] {
        hours(&world, numbers).await;
    }
    world
}

#[tokio::test]
async fn a_report_counts_the_records_that_were_signed_for_whatever_somebody_has_written_beside_them() {
    let world = filled().await;
    let built = report(&world).await;
    assert_eq!((built.records, built.calls, built.days[0].allowed), (24, 24, 24));
    assert_eq!(built.verification, Some(Verification { first: 200, size: 400, checkpoints: 2, whole: true }));
    let sql = "UPDATE audit_records SET time = 0 WHERE sequence BETWEEN 245 AND 250; \
               UPDATE audit_records SET time = (SELECT time FROM audit_records WHERE sequence = 244) WHERE sequence = 1";
    let world = world.tampered(sql).await;
    assert_eq!(report(&world).await, built);
    hours(&world, RECORDS..RECORDS + 10).await;
    assert_eq!(report(&world).await, built, "the days are over");
}

#[tokio::test]
async fn a_report_has_every_record_of_its_days_although_a_clock_was_wrong_for_many_in_a_row() {
    // Of long before the days, where it is looked for the beginning first; and of long after them, more than are read at once.
    for (before, wrong, number) in [(300, Timestamp::default(), 100), (250, hour(100_000), 2_000)] {
        let world = World::new();
        hours(&world, 0..before).await;
        for _ in 0..number / 100 {
            world.store.append((0..100).map(|number| Entry { time: wrong, ..entry(number) }).collect()).await.unwrap();
        }
        hours(&world, before..500).await;
        let built = report(&world).await;
        let whole = built.verification.map(|found| found.whole);
        assert_eq!((built.records, whole), (24, Some(true)), "{before}");
    }
}

#[tokio::test]
async fn a_report_is_not_whole_where_records_of_its_days_are_missing_or_say_another_time() {
    let time = |number| hour(number).as_millis();
    let other = format!("'\"time\":{}', '\"time\":{}'", time(263), time(500));
    let changed = format!("UPDATE audit_records SET record = CAST(replace(CAST(record AS TEXT), {other}) AS BLOB) WHERE sequence = 263");
    for (sql, records) in [
        (changed.as_str(), 23),
        ("DELETE FROM audit_records WHERE sequence = 240", 23),
        ("DELETE FROM audit_records WHERE sequence BETWEEN 260 AND 263", 20),
        ("DELETE FROM audit_records WHERE sequence BETWEEN 240 AND 263", 0),
    ] {
        let world = filled().await.tampered(sql).await;
        let built = report(&world).await;
        let whole = built.verification.map(|found| found.whole);
        assert_eq!((built.records, whole), (records, Some(false)), "{sql}");
    }
}

/// Where the log begins, and what is wrong with that.
pub(super) async fn beginning(world: &World) -> (Option<u64>, Option<BeginningFault>) {
    let built = report(world).await;
    (built.oldest.map(|(sequence, _)| sequence), built.beginning)
}

const NOT_RECORDED: Option<BeginningFault> = Some(BeginningFault::NotRecorded);

#[tokio::test]
async fn a_report_says_that_records_are_gone_of_which_the_log_does_not_say_so() {
    for (sql, whole) in [
        ("UPDATE audit_logs SET first_kept = 200", true),
        // The record right before the days is read, too.
        ("DELETE FROM audit_records WHERE sequence < 200", false),
        ("UPDATE audit_logs SET first_kept = 200; DELETE FROM audit_records WHERE sequence < 200", true),
    ] {
        let world = filled().await.tampered(sql).await;
        let built = report(&world).await;
        assert_eq!((built.records, built.verification.map(|found| found.whole)), (24, Some(whole)), "{sql}");
        assert_eq!(beginning(&world).await, (Some(200), NOT_RECORDED), "{sql}");
    }
}

#[tokio::test]
async fn a_report_finds_nothing_wrong_with_a_removal_that_the_log_says_itself_and_was_signed_for() {
    let world = filled().await;
    assert_eq!(beginning(&world).await, (Some(0), None));
    let remove = async |world: &World| world.remove(Timestamp::from_millis(u64::MAX / 2)).await.unwrap();
    assert_eq!(remove(&world).await, RECORDS);
    assert_eq!(beginning(&world).await, (Some(RECORDS), None), "its record was covered for the report");
    // The record of the removal before goes with this one.
    assert_eq!(remove(&world).await, 2);
    assert_eq!(beginning(&world).await, (Some(RECORDS + 2), None));
    world.tree.seal(&scope()).await.unwrap();
    let world = world.tampered("UPDATE audit_logs SET first_kept = 603").await;
    assert_eq!(beginning(&world).await, (Some(603), NOT_RECORDED));
    let other = "UPDATE audit_records SET resource = 'tenants/acme/auditLog/records/603', \
                 record = CAST(replace(CAST(record AS TEXT), 'records/602', 'records/603') AS BLOB)";
    let world = world.tampered(other).await;
    assert_eq!(beginning(&world).await, (Some(603), NOT_RECORDED), "nobody has signed for that");
}
