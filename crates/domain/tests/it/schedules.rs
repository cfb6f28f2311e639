//! Schedules: what they start, once and on whose behalf, whatever becomes of servers and owners.

use std::sync::Arc;
use std::time::Duration;

use domain::access::Reach;
use domain::audit::{AuditQuery, AuditRepository, Outcome};
use domain::execution::{Execution, ExecutionQuery, ExecutionRepository};
use domain::identity::{Asked, Role, actions};
use domain::name::ScheduleName;
use domain::page::PageRequest;
use domain::request::{Committed, Expected};
use domain::schedule::{
    CatchUp, Fired, FiredAs, Firing, LOOK_EVERY, Schedule, ScheduleAsked, ScheduleChange, ScheduleDraft, SchedulePatch, ScheduleRepository,
};
use domain::tenant::TenantState;
use domain::time::Clock as _;
use domain::{Error, Result};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use test_support::schedule_repository::id;
use test_support::{FakeClock, sample};

use crate::installation::{ADA, Installed};
use crate::world::{World, acme, eventually, name, start};

const SCRIPT: &str = "#: print hello\n";
const MINUTE: Duration = Duration::from_secs(60);

fn draft(schedule: &str) -> ScheduleDraft {
    ScheduleDraft {
        id: Some(id(schedule)),
        description: String::new(),
        cron: "every 10".to_owned(),
        time_zone: String::new(),
        catch_up: CatchUp::Skip,
        paused: false,
        version: None,
        params_json: r#"{"n": 1}"#.to_owned(),
        secrets: Default::default(),
        timeout: None,
        retry_if_lost: false,
    }
}

async fn make(world: &World, draft: ScheduleDraft) -> Result<Schedule> {
    world.schedules().create(&world.permit(name("report")).await, draft, ScheduleAsked::default()).await
}

/// A world with a utility, and a schedule that starts it every ten minutes.
async fn scheduled(draft: ScheduleDraft) -> (World, Schedule) {
    let world = World::new();
    world.create("report", SCRIPT).await.unwrap();
    let schedule = make(&world, draft).await.unwrap();
    (world, schedule)
}

async fn stored(world: &World, schedule: &ScheduleName) -> Schedule {
    let schedules: &dyn ScheduleRepository = &*world.stores().executions;
    let found = schedules.find(&sample::scope("acme"), &schedule.schedule).await.unwrap();
    found.open_for_system().expect("it is there")
}

/// Every execution that was started, the newest first.
async fn started(world: &World) -> Vec<Execution> {
    let page = PageRequest { size: 1_000, after: None };
    world.executions.list(&world.permit(acme()).await, ExecutionQuery::default(), &page).await.unwrap().items
}

/// What the log says of what schedules have started: intents and outcomes.
async fn recorded(world: &World) -> Vec<(Outcome, String)> {
    let page = PageRequest { size: 1_000, after: None };
    let query = AuditQuery { action: Some("schedule.fire".to_owned()), ..AuditQuery::default() };
    let log: &dyn AuditRepository = &*world.stores().executions;
    let mut found = log.list(&sample::scope("acme"), &query, &page).await.unwrap().open_for_system().unwrap().items;
    found.sort_by_key(|record| record.sequence);
    found.into_iter().map(|record| (record.entry.outcome, record.entry.reason)).collect()
}

#[tokio::test]
async fn a_time_that_has_come_starts_one_execution_on_behalf_of_its_owner_and_says_so() {
    let (world, schedule) = scheduled(draft("nightly")).await;
    assert_eq!(schedule.next, Some(FakeClock::START.plus(10 * MINUTE)));
    let scheduler = world.scheduler();
    world.clock.advance(10 * MINUTE - Duration::from_millis(1));
    scheduler.look().await.unwrap();
    assert_eq!(started(&world).await, [], "not before");
    world.clock.advance(Duration::from_millis(1));
    for _ in 0..3 {
        scheduler.look().await.unwrap();
    }
    let all = started(&world).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&all[0].caller, &*all[0].params_json), (&sample::user("ann"), r#"{"n": 1}"#));
    let after = stored(&world, &schedule.name).await;
    assert_eq!(after.next, Some(FakeClock::START.plus(20 * MINUTE)));
    let fired = after.last.clone().expect("it has fired");
    assert_eq!((fired.due, fired.outcome), (FakeClock::START.plus(10 * MINUTE), FiredAs::Started(all[0].name.clone())));
    assert_eq!((after.etag(), after.missed), (schedule.etag(), 0), "to start something is no change");
    eventually_recorded(&world, 2).await;
    assert_eq!(recorded(&world).await.iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>(), [Outcome::Intent, Outcome::Allowed]);
}

/// Outcomes are recorded behind the answer.
async fn eventually_recorded(world: &World, records: usize) {
    for _ in 0..1_000 {
        if recorded(world).await.len() >= records {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{:?}", recorded(world).await);
}

#[tokio::test]
async fn of_two_servers_that_look_at_the_same_time_one_starts_it() {
    let (first, schedule) = scheduled(ScheduleDraft { catch_up: CatchUp::All, ..draft("nightly") }).await;
    let second = first.beside("second").begun();
    first.clock.advance(50 * MINUTE);
    for round in 1..=5 {
        let both = [first.scheduler(), second.scheduler()];
        for looked in join_all(both.iter().map(|scheduler| scheduler.look())).await {
            looked.unwrap();
        }
        assert!(started(&first).await.len() >= round.min(5), "{round}");
    }
    let all = started(&first).await;
    assert_eq!(all.len(), 5, "one for each of five times");
    assert_eq!(stored(&first, &schedule.name).await.next, Some(FakeClock::START.plus(60 * MINUTE)));
}

#[tokio::test]
async fn a_server_that_dies_before_the_commit_loses_no_time_and_one_that_dies_behind_it_doubles_none() {
    let (first, schedule) = scheduled(draft("nightly")).await;
    first.clock.advance(10 * MINUTE);
    // Before: what it would have stored is not, and the schedule is as it was.
    first.stores().executions.faults().fail_next("insert", 1);
    assert!(first.scheduler().look().await.is_err());
    first.kill();
    assert_eq!((started(&first).await.len(), stored(&first, &schedule.name).await.last), (0, None));
    // Behind: another server finds nothing to do.
    let second = first.beside("second").begun();
    second.scheduler().look().await.unwrap();
    assert_eq!(started(&second).await.len(), 1);
    second.kill();
    let third = first.beside("third").begun();
    third.scheduler().look().await.unwrap();
    assert_eq!(started(&third).await.len(), 1);
    assert_eq!(stored(&third, &schedule.name).await.next, Some(FakeClock::START.plus(20 * MINUTE)));
}

#[tokio::test]
async fn what_has_passed_while_no_server_was_there_is_caught_up_on_as_the_schedule_says() {
    for (catch_up, executions, missed) in [(CatchUp::Skip, 0, 4), (CatchUp::Once, 1, 3), (CatchUp::All, 4, 0)] {
        let (world, schedule) = scheduled(ScheduleDraft { catch_up, ..draft("nightly") }).await;
        world.clock.advance(45 * MINUTE);
        let scheduler = world.scheduler();
        for _ in 0..6 {
            scheduler.look().await.unwrap();
        }
        let after = stored(&world, &schedule.name).await;
        assert_eq!((started(&world).await.len(), after.missed), (executions, missed), "{catch_up:?}");
        assert_eq!(after.next, Some(FakeClock::START.plus(50 * MINUTE)), "{catch_up:?}");
        assert_eq!(after.last.map(|last| last.outcome == FiredAs::Missed), Some(executions == 0), "{catch_up:?}");
    }
}

#[tokio::test]
async fn an_owner_who_may_not_start_it_any_more_starts_nothing_and_the_schedule_says_why() {
    let (world, schedule) = scheduled(draft("nightly")).await;
    let scheduler = world.scheduler();
    world.now.set(None);
    world.clock.advance(10 * MINUTE);
    scheduler.look().await.unwrap();
    assert_eq!(refusal(&world, &schedule).await, "PERMISSION_DENIED");
    eventually_recorded(&world, 2).await;
    let said: Vec<_> = recorded(&world).await;
    assert_eq!(said[1], (Outcome::Denied, "PERMISSION_DENIED".to_owned()));
    world.now.set(Some(Reach::Tenant));
    world.clock.advance(10 * MINUTE);
    scheduler.look().await.unwrap();
    assert_eq!(started(&world).await.len(), 1, "once they may again");
    assert_eq!(stored(&world, &schedule.name).await.next, Some(FakeClock::START.plus(30 * MINUTE)));
}

#[tokio::test]
async fn nothing_starts_for_whom_nobody_knows_nor_of_a_suspended_tenant() {
    let (world, schedule) = scheduled(draft("nightly")).await;
    let scheduler = world.scheduler();
    let other = Schedule { owner: sample::user("gone"), revision: schedule.revision.next(), ..schedule.clone() };
    let change = ScheduleChange { expected: Expected::Revision(schedule.revision), schedule: other, deletes: false, request: None };
    let schedules: Arc<dyn ScheduleRepository> = world.stores().executions.clone();
    assert_eq!(schedules.commit(&sample::scope("acme"), change).await.unwrap(), Committed::Stored);
    world.clock.advance(10 * MINUTE);
    scheduler.look().await.unwrap();
    assert_eq!(refusal(&world, &schedule).await, "SCHEDULE_OWNER_UNKNOWN");

    let (world, schedule) = scheduled(draft("nightly")).await;
    world.stores().tenants.turn("acme", TenantState::Suspended);
    world.clock.advance(10 * MINUTE);
    world.scheduler().look().await.unwrap();
    assert_eq!(refusal(&world, &schedule).await, "TENANT_SUSPENDED");
}

#[tokio::test]
async fn a_schedule_of_a_deleted_owner_does_not_come_alive_for_who_is_made_under_the_same_name() {
    let (world, schedule) = scheduled(draft("nightly")).await;
    let installed = Installed::new().await;
    let ann = schedule.owner.as_str();
    installed.make(ann, Role::Creator).await;
    let permit = installed.by::<actions::DeleteUser>(ADA, schedule.owner.clone()).await.unwrap();
    installed.identities.delete_user(&permit, Asked::default()).await.unwrap();
    installed.clock.advance(MINUTE);
    installed.make(ann, Role::Admin).await;
    world.clock.advance(10 * MINUTE);
    world.scheduler_knowing(Arc::new(installed.authentication)).look().await.unwrap();
    assert_eq!(refusal(&world, &schedule).await, "SCHEDULE_OWNER_UNKNOWN");
    assert_eq!(started(&world).await, []);
}

/// Why its last time has started nothing.
async fn refusal(world: &World, schedule: &Schedule) -> String {
    assert_eq!(world.executions.load_now().running, 0);
    match stored(world, &schedule.name).await.last.map(|last| last.outcome) {
        Some(FiredAs::Refused { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_utility_that_is_gone_is_said_to_be_gone_and_keeps_no_other_schedule_from_starting() {
    let (world, gone) = scheduled(draft("gone")).await;
    world.create("other", SCRIPT).await.unwrap();
    let permit = world.permit(name("other")).await;
    world.schedules().create(&permit, draft("there"), ScheduleAsked::default()).await.unwrap();
    world.utilities.delete(&world.permit(name("report")).await, Default::default()).await.unwrap();
    world.clock.advance(10 * MINUTE);
    world.scheduler().look().await.unwrap();
    let said = stored(&world, &gone.name).await.last.map(|last| last.outcome);
    assert!(matches!(said, Some(FiredAs::Refused { .. })), "{said:?}");
    assert_eq!(started(&world).await.len(), 1);
}

#[tokio::test]
async fn while_everything_is_full_a_time_is_due_still_and_starts_once_there_is_room() {
    let world = crate::queue::narrow(1);
    world.create("report", crate::queue::WAITING).await.unwrap();
    let schedule = make(&world, draft("nightly")).await.unwrap();
    for _ in 0..2 {
        start(&world, "report").await;
    }
    world.clock.advance(10 * MINUTE);
    let scheduler = world.scheduler();
    scheduler.look().await.unwrap();
    assert_eq!((started(&world).await.len(), stored(&world, &schedule.name).await.last), (2, None));
    world.release();
    eventually(|| world.executions.load_now().running == 0).await;
    // It is left alone for a moment.
    world.clock.advance(Duration::from_secs(2));
    scheduler.look().await.unwrap();
    assert_eq!(started(&world).await.len(), 3);
}

#[tokio::test]
async fn a_paused_schedule_starts_nothing_and_a_resumed_one_nothing_of_what_has_passed() {
    let (world, schedule) = scheduled(ScheduleDraft { catch_up: CatchUp::All, ..draft("nightly") }).await;
    let (schedules, scheduler) = (world.schedules(), world.scheduler());
    let paused = schedules.pause(&world.permit(schedule.name.clone()).await, ScheduleAsked::default()).await.unwrap();
    assert_eq!((paused.paused, paused.next), (true, None));
    assert_ne!(paused.etag(), schedule.etag());
    world.clock.advance(35 * MINUTE);
    scheduler.look().await.unwrap();
    let resumed = schedules.resume(&world.permit(schedule.name.clone()).await, ScheduleAsked::default()).await.unwrap();
    assert_eq!(resumed.next, Some(FakeClock::START.plus(40 * MINUTE)));
    scheduler.look().await.unwrap();
    assert_eq!(started(&world).await, []);
    world.clock.advance(5 * MINUTE);
    scheduler.look().await.unwrap();
    assert_eq!(started(&world).await.len(), 1);
}

#[tokio::test]
async fn a_change_that_meets_a_start_loses_neither() {
    let (world, schedule) = scheduled(draft("nightly")).await;
    world.clock.advance(10 * MINUTE);
    // Between the look of the change and its commit, another server starts it.
    let (store, name, revision) = (world.stores().executions.clone(), schedule.name.clone(), schedule.revision);
    let execution = sample::execution(&sample::scope("acme"), 7);
    let outcome = FiredAs::Started(execution.name.clone());
    let last = Some(Fired { due: FakeClock::START.plus(10 * MINUTE), at: world.clock.now(), outcome });
    let next = Some(FakeClock::START.plus(20 * MINUTE));
    let fired = Schedule { last, next, revision: revision.next(), ..schedule.clone() };
    let firing = std::sync::Mutex::new(Some(Firing { schedule: fired, expected: revision }));
    world.stores().executions.faults().meanwhile("commit_schedule", move || {
        if let Some(firing) = firing.lock().unwrap().take() {
            let (scope, repository): (_, &dyn ExecutionRepository) = (sample::scope("acme"), &*store);
            let inserted = repository.insert(&scope, &execution, None, &[], Some(&firing)).now_or_never();
            assert_eq!(inserted.expect("stores in memory answer at once").unwrap(), Committed::Stored);
        }
    });
    let patch = SchedulePatch { cron: Some("every 7".to_owned()), ..SchedulePatch::default() };
    let asked = ScheduleAsked { etag: schedule.etag(), ..ScheduleAsked::default() };
    let changed = world.schedules().update(&world.permit(name).await, patch, asked).await.unwrap();
    assert_eq!((changed.cron.as_str(), started(&world).await.len()), ("every 7", 1));
    assert!(matches!(changed.last.map(|last| last.outcome), Some(FiredAs::Started(_))), "what it has started stays known");
    let stale = ScheduleAsked { etag: schedule.etag(), ..ScheduleAsked::default() };
    let refused = world.schedules().delete(&world.permit(schedule.name.clone()).await, stale).await;
    assert!(matches!(refused, Err(Error::Stale { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_record_of_a_change_names_every_field_that_has_changed() {
    let (world, schedule) = scheduled(draft("nightly")).await;
    let patch = SchedulePatch {
        description: Some("other".to_owned()),
        cron: Some("every 7".to_owned()),
        time_zone: Some("UTC".to_owned()),
        catch_up: Some(CatchUp::All),
        version: Some(Some(1)),
        params_json: Some("{}".to_owned()),
        secrets: None,
        timeout: Some(Some(MINUTE)),
        retry_if_lost: Some(true),
    };
    let permit = world.permit(schedule.name.clone()).await;
    world.schedules().update(&permit, patch, ScheduleAsked::default()).await.unwrap();
    let entry = world.auditor().own_entry(sample::tenant("acme"), "schedule.update", &schedule.name);
    let entry = permit.notes().take().applied_to(entry);
    let fields: Vec<_> = entry.changes.iter().filter_map(|change| change.field.split('=').next()).collect();
    let every = ["description", "cron", "time_zone", "catch_up", "version", "params_json", "timeout", "retry_if_lost"];
    assert_eq!(fields, every);
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_said_at_its_fields() {
    let world = World::new();
    world.create("report", SCRIPT).await.unwrap();
    let long = "x".repeat(64 * 1024 + 1);
    let cases = [
        (ScheduleDraft { cron: "sometimes".to_owned(), ..draft("a") }, vec![("schedule.cron", "NOT_CRON")]),
        (ScheduleDraft { cron: "never".to_owned(), ..draft("a") }, vec![("schedule.cron", "NEVER")]),
        (ScheduleDraft { time_zone: "Nowhere/Else".to_owned(), ..draft("a") }, vec![("schedule.time_zone", "UNKNOWN_ZONE")]),
        (
            ScheduleDraft { description: "x".repeat(501), params_json: long, ..draft("a") },
            vec![("schedule.description", "TOO_LONG"), ("schedule.params_json", "TOO_LONG")],
        ),
    ];
    for (draft, expected) in cases {
        let Err(Error::Invalid(found)) = make(&world, draft).await else { panic!("{expected:?}") };
        assert_eq!(found.iter().map(|one| (one.field.as_str(), one.reason)).collect::<Vec<_>>(), expected);
    }
    make(&world, draft("a")).await.unwrap();
    assert!(matches!(make(&world, draft("a")).await, Err(Error::AlreadyExists { .. })));
}

#[tokio::test]
async fn one_server_looks_and_another_goes_on_once_it_has_stopped() {
    let (first, _) = scheduled(draft("nightly")).await;
    let second = first.beside("second").begun();
    let (stop, stopped) = futures_channel::oneshot::channel::<()>();
    let scheduler = first.scheduler();
    let looking = tokio::spawn(async move { scheduler.go_on_until(async { stopped.await.unwrap_or_default() }).await });
    eventually(|| first.clock.sleepers() > 0).await;
    first.clock.advance(10 * MINUTE);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    first.clock.advance(LOOK_EVERY);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(started(&first).await.len(), 1);
    stop.send(()).unwrap();
    looking.await.unwrap();
    let scheduler = second.scheduler();
    let other = tokio::spawn(async move { scheduler.go_on_until(std::future::pending()).await });
    first.clock.advance(10 * MINUTE);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(started(&second).await.len(), 2);
    other.abort();
}
