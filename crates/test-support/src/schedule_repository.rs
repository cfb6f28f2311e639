//! What every store of schedules promises, which is the one of executions, too: both are stored in one commit. Each check wants an empty store.

use std::time::Duration;

use domain::execution::{Enqueued, ExecutionQueue, ExecutionRepository, Room};
use domain::lease::Fence;
use domain::name::{ExecutionName, ScheduleId, ScheduleName, SecretName, UtilityName};
use domain::page::PageRequest;
use domain::request::{Committed, Expected, RequestKey};
use domain::revision::Revision;
use domain::schedule::{
    CatchUp, Due, Fired, FiredAs, Firing, MAX_SCHEDULES, Program, Schedule, ScheduleChange, ScheduleQuery, ScheduleRepository,
};
use futures_util::future::join_all;

use crate::execution_queue::waiting;
use crate::sample::{self, at, execution, execution_id, scope, tenant, user};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty store of all three.
#[macro_export]
macro_rules! schedule_repository_contract {
    ($make:expr) => {
        $crate::schedule_repository_contract! { $make;
            a_schedule_survives_whole_with_its_parameters,
            a_schedule_changes_only_from_the_expected_revision,
            schedules_are_listed_by_their_ids_in_pages_and_by_their_owners,
            what_is_due_is_found_of_all_tenants_the_oldest_first,
            no_tenant_gets_more_schedules_than_it_may_have,
            a_remembered_request_about_a_schedule_is_answered_once,
            a_time_starts_one_execution_whoever_is_quicker,
            a_schedule_that_was_changed_starts_nothing,
            what_finds_no_room_leaves_its_schedule_as_it_was,
        }
    };
    ($make:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            let store = $make;
            $crate::schedule_repository::$check(&*store, &*store, &*store).await;
        })*
    };
}

type Schedules<'a> = &'a dyn ScheduleRepository;
type Executions<'a> = &'a dyn ExecutionRepository;
type Queue<'a> = &'a dyn ExecutionQueue;

/// Servers that start the same at the same time.
const SERVERS: u64 = 8;
const ROOM: Room = Room { of_tenant: 100, in_all: 1_000 };

/// Reads the id of a schedule.
pub fn id(text: &str) -> ScheduleId {
    ScheduleId::parse("schedule", text).expect("the id is one")
}

/// A schedule with every field filled.
pub fn schedule(code: &str, schedule: &str) -> Schedule {
    let secret = SecretName::parse("secret", &format!("tenants/{code}/secrets/github")).expect("the name is one");
    let refused = FiredAs::Refused { reason: "NOT_FOUND".to_owned(), description: "it is \"gone\"".to_owned() };
    Schedule {
        name: ScheduleName { tenant: tenant(code), schedule: id(schedule) },
        description: "for \"tests\"".to_owned(),
        owner: user("ann"),
        program: Program {
            utility: UtilityName { tenant: tenant(code), utility: sample::utility_id("extract") },
            version: Some(3),
            params_json: "{\"text\": \"\u{1F600}\"}".to_owned(),
            secrets: [("token".to_owned(), secret)].into(),
            timeout: Some(Duration::from_millis(1_500)),
            retry_if_lost: true,
        },
        cron: "every 10".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        catch_up: CatchUp::All,
        paused: false,
        next: Some(at(5_000)),
        last: Some(Fired { due: at(3), at: at(4), outcome: refused }),
        missed: 7,
        created: at(1),
        updated: at(2),
        edition: 3,
        revision: Revision::from_stored(9),
    }
}

/// Makes a schedule.
pub fn creation(schedule: &Schedule) -> ScheduleChange {
    ScheduleChange { expected: Expected::Absent, schedule: schedule.clone(), deletes: false, request: None }
}

/// Changes a schedule.
pub fn change(before: &Schedule, after: &Schedule) -> ScheduleChange {
    let schedule = Schedule { revision: before.revision.next(), ..after.clone() };
    ScheduleChange { expected: Expected::Revision(before.revision), schedule, deletes: false, request: None }
}

fn deletion(of: &Schedule) -> ScheduleChange {
    ScheduleChange { expected: Expected::Revision(of.revision), schedule: of.clone(), deletes: true, request: None }
}

/// That a schedule goes on to a time, by an execution.
fn firing(of: &Schedule, number: u64) -> Firing {
    let started = ExecutionName { tenant: of.name.tenant.clone(), execution: execution_id(number) };
    let last = Some(Fired { due: at(5_000), at: at(5_001), outcome: FiredAs::Started(started) });
    Firing { schedule: Schedule { last, next: Some(at(9_000)), revision: of.revision.next(), ..of.clone() }, expected: of.revision }
}

fn without_params(schedule: &Schedule) -> Schedule {
    Schedule { program: Program { params_json: String::new(), ..schedule.program.clone() }, ..schedule.clone() }
}

async fn commit(schedules: Schedules<'_>, change: ScheduleChange) -> Committed<Schedule> {
    let scope = scope(change.schedule.name.tenant.as_str());
    schedules.commit(&scope, change).await.expect("the store answers")
}

async fn find(schedules: Schedules<'_>, code: &str, schedule: &str) -> Option<Schedule> {
    schedules.find(&scope(code), &id(schedule)).await.expect("the store answers").open_for_system()
}

/// Whatever may be there or not is kept as it is.
pub async fn a_schedule_survives_whole_with_its_parameters(schedules: Schedules<'_>, _: Executions<'_>, _: Queue<'_>) {
    let one = schedule("acme", "a");
    let program = Program { version: None, secrets: Default::default(), timeout: None, retry_if_lost: false, ..one.program.clone() };
    let started = FiredAs::Started(ExecutionName { tenant: tenant("beta"), execution: execution_id(4) });
    let last = Some(Fired { due: at(3), at: at(4), outcome: started });
    let other = Schedule { program, last, paused: true, next: None, time_zone: String::new(), ..schedule("beta", "a") };
    let bare = Schedule { last: Some(Fired { due: at(3), at: at(4), outcome: FiredAs::Missed }), ..schedule("beta", "b") };
    for each in [&one, &other, &bare] {
        assert_eq!(commit(schedules, creation(each)).await, Committed::Stored);
    }
    assert_eq!(commit(schedules, creation(&one)).await, Committed::Conflict);
    assert_eq!((find(schedules, "acme", "a").await, find(schedules, "acme", "b").await), (Some(one), None));
    assert_eq!((find(schedules, "beta", "a").await, find(schedules, "beta", "b").await), (Some(other), Some(bare)));
}

/// A change from another revision stores nothing, and what is deleted is gone.
pub async fn a_schedule_changes_only_from_the_expected_revision(schedules: Schedules<'_>, _: Executions<'_>, _: Queue<'_>) {
    let first = schedule("acme", "a");
    assert_eq!(commit(schedules, change(&first, &first)).await, Committed::Conflict, "there is none");
    commit(schedules, creation(&first)).await;
    let params = Program { params_json: "{}".to_owned(), ..first.program.clone() };
    let second = Schedule { cron: "every 3".to_owned(), program: params, owner: user("bob"), ..first.clone() };
    assert_eq!(commit(schedules, change(&first, &second)).await, Committed::Stored);
    assert_eq!(commit(schedules, change(&first, &first)).await, Committed::Conflict);
    assert_eq!(commit(schedules, deletion(&first)).await, Committed::Conflict);
    let stored = Schedule { revision: first.revision.next(), ..second };
    assert_eq!(find(schedules, "acme", "a").await, Some(stored.clone()));
    assert_eq!(commit(schedules, deletion(&stored)).await, Committed::Stored);
    assert_eq!(find(schedules, "acme", "a").await, None);
    assert_eq!(commit(schedules, creation(&first)).await, Committed::Stored, "the name is free again");
}

/// A page ends where the next one begins, and says no parameters.
pub async fn schedules_are_listed_by_their_ids_in_pages_and_by_their_owners(schedules: Schedules<'_>, _: Executions<'_>, _: Queue<'_>) {
    for name in ["c", "a", "b"] {
        commit(schedules, creation(&schedule("acme", name))).await;
    }
    commit(schedules, creation(&Schedule { owner: user("bob"), ..schedule("acme", "d") })).await;
    commit(schedules, creation(&schedule("beta", "e"))).await;
    let list = async |owner: Option<&'static str>, after| {
        let query = ScheduleQuery { owner: owner.map(user) };
        let page = schedules.list(&scope("acme"), &query, &PageRequest { size: 2, after }).await.expect("the store answers");
        let page = page.open_for_system().expect("there is a page");
        let ids: Vec<_> = page.items.iter().map(|schedule| schedule.name.schedule.to_string()).collect();
        assert!(page.items.iter().all(|listed| *listed == without_params(listed)));
        (ids.join(" "), page.next)
    };
    let (first, next) = list(None, None).await;
    assert_eq!((first.as_str(), list(None, next).await), ("a b", ("c d".to_owned(), None)));
    assert_eq!(list(Some("bob"), None).await, ("d".to_owned(), None));
}

/// What is paused, and what has time still, is not.
pub async fn what_is_due_is_found_of_all_tenants_the_oldest_first(schedules: Schedules<'_>, _: Executions<'_>, _: Queue<'_>) {
    let next = |code, name, millis| Schedule { next: Some(at(millis)), ..schedule(code, name) };
    for each in [next("beta", "a", 20), next("acme", "b", 20), next("acme", "a", 20), next("beta", "b", 10), next("acme", "c", 31)] {
        commit(schedules, creation(&each)).await;
    }
    commit(schedules, creation(&Schedule { next: None, paused: true, ..schedule("acme", "d") })).await;
    let mut found: Vec<Due> = Vec::new();
    loop {
        let step = schedules.due(at(30), found.last(), 2).await.expect("the store answers");
        if step.is_empty() {
            break;
        }
        assert!(step.len() <= 2);
        found.extend(step);
    }
    let expected = [("beta", "b", 10), ("acme", "a", 20), ("acme", "b", 20), ("beta", "a", 20)];
    let expected = expected.map(|(code, name, millis)| Due { next: at(millis), name: schedule(code, name).name });
    assert_eq!(found, expected);
}

/// Another tenant's do not count, nor do those that are gone.
pub async fn no_tenant_gets_more_schedules_than_it_may_have(schedules: Schedules<'_>, _: Executions<'_>, _: Queue<'_>) {
    commit(schedules, creation(&schedule("beta", "a"))).await;
    for number in 0..MAX_SCHEDULES {
        commit(schedules, creation(&schedule("acme", &format!("s-{number}")))).await;
    }
    let more = schedule("acme", "one-more");
    let refused = schedules.commit(&scope("acme"), creation(&more)).await.expect_err("it is full");
    assert_eq!(refused.reason(), "TOO_MANY_SCHEDULES");
    assert_eq!(find(schedules, "acme", "one-more").await, None);
    assert_eq!(commit(schedules, deletion(&schedule("acme", "s-0"))).await, Committed::Stored);
    assert_eq!(commit(schedules, creation(&more)).await, Committed::Stored);
}

/// It is answered as it is by now; one that is gone is not made again, and a deletion is answered with what was deleted.
pub async fn a_remembered_request_about_a_schedule_is_answered_once(schedules: Schedules<'_>, _: Executions<'_>, _: Queue<'_>) {
    let one = schedule("acme", "a");
    let key = |method, body| sample::request(method, "one", body);
    let ask = |key: RequestKey, change: ScheduleChange| ScheduleChange { request: Some(key), ..change };
    assert_eq!(commit(schedules, ask(key("CreateSchedule", 1), creation(&one))).await, Committed::Stored);
    let second = Schedule { cron: "every 3".to_owned(), revision: one.revision.next(), ..one.clone() };
    commit(schedules, change(&one, &second)).await;
    let again = commit(schedules, ask(key("CreateSchedule", 1), creation(&one))).await;
    assert_eq!(again, Committed::Answered(Box::new(second.clone())));
    assert_eq!(commit(schedules, ask(key("CreateSchedule", 2), creation(&one))).await, Committed::KeyReused);
    assert_eq!(commit(schedules, ask(key("DeleteSchedule", 1), deletion(&second))).await, Committed::Stored);
    let removed = Committed::Removed { resource: one.name.to_string() };
    assert_eq!(commit(schedules, ask(key("CreateSchedule", 1), creation(&one))).await, removed);
    let deleted = schedules.find_answer(&scope("acme"), &key("DeleteSchedule", 1)).await.expect("the store answers");
    assert_eq!(deleted, Some(Committed::Answered(Box::new(without_params(&second)))));
    assert_eq!(find(schedules, "acme", "a").await, None, "nothing was done again");
}

/// Of servers that start the same at the same time, one does, whether it runs there or waits.
pub async fn a_time_starts_one_execution_whoever_is_quicker(schedules: Schedules<'_>, executions: Executions<'_>, queue: Queue<'_>) {
    let (acme, one) = (scope("acme"), schedule("acme", "a"));
    commit(schedules, creation(&one)).await;
    let (scope, schedule) = (&acme, &one);
    let server = |number: u64| async move {
        let firing = firing(schedule, number);
        if number.is_multiple_of(2) {
            return executions.insert(scope, &execution(scope, number), None, &[], Some(&firing)).await.expect("the store answers");
        }
        match queue.enqueue(scope, &waiting(scope, number), None, &[], Some(&firing), ROOM).await.expect("the store answers") {
            Enqueued::Committed(committed) => committed,
            Enqueued::TenantFull | Enqueued::Full => unreachable!("there is room"),
        }
    };
    let answers = join_all((1..=SERVERS).map(server)).await;
    let mut started = Vec::new();
    for (number, answer) in (1..=SERVERS).zip(answers) {
        let is_there = executions.find(&acme, &execution_id(number)).await.expect("the store answers").open_for_system().is_some();
        assert_eq!(is_there, answer == Committed::Stored, "{number}: {answer:?}");
        match answer {
            Committed::Stored => started.push(number),
            other => assert_eq!(other, Committed::Conflict),
        }
    }
    assert_eq!(started.len(), 1, "{started:?}");
    assert_eq!(find(schedules, "acme", "a").await, Some(firing(&one, started[0]).schedule), "with the parameters that it had");
    assert_eq!(schedules.due(at(8_999), None, 10).await.expect("the store answers"), []);
}

/// Neither is one that is gone started, whatever it was.
pub async fn a_schedule_that_was_changed_starts_nothing(schedules: Schedules<'_>, executions: Executions<'_>, queue: Queue<'_>) {
    let (acme, one) = (scope("acme"), schedule("acme", "a"));
    let start = async |number: u64| {
        let (fires, here, there) = (firing(&one, number), execution(&acme, number), waiting(&acme, number + 1));
        let inserted = executions.insert(&acme, &here, None, &[], Some(&fires)).await.expect("the store answers");
        let enqueued = queue.enqueue(&acme, &there, None, &[], Some(&fires), ROOM).await.expect("the store answers");
        assert_eq!((inserted, enqueued), (Committed::Conflict, Enqueued::Committed(Committed::Conflict)));
    };
    start(1).await;
    commit(schedules, creation(&one)).await;
    let paused = Schedule { paused: true, next: None, ..one.clone() };
    commit(schedules, change(&one, &paused)).await;
    start(3).await;
    assert_eq!(find(schedules, "acme", "a").await.map(|schedule| schedule.paused), Some(true));
    assert_eq!(queue.tenants_waiting(None, 10).await.expect("the store answers"), []);
    for number in 1..=4 {
        let found = executions.find(&acme, &execution_id(number)).await.expect("the store answers");
        assert_eq!(found.open_for_system(), None, "{number}");
    }
}

/// It is due still, and starts once there is room.
pub async fn what_finds_no_room_leaves_its_schedule_as_it_was(schedules: Schedules<'_>, _: Executions<'_>, queue: Queue<'_>) {
    let (acme, one) = (scope("acme"), schedule("acme", "a"));
    commit(schedules, creation(&one)).await;
    let (fires, there) = (firing(&one, 1), waiting(&acme, 1));
    for (of_tenant, in_all, answer) in [(0, 1, Enqueued::TenantFull), (1, 0, Enqueued::Full)] {
        let answered = queue.enqueue(&acme, &there, None, &[], Some(&fires), Room { of_tenant, in_all }).await;
        assert_eq!(answered.expect("the store answers"), answer);
        assert_eq!(find(schedules, "acme", "a").await, Some(one.clone()));
    }
    let answered = queue.enqueue(&acme, &there, None, &[], Some(&fires), Room { of_tenant: 1, in_all: 1 }).await;
    assert_eq!(answered.expect("the store answers"), Enqueued::Committed(Committed::Stored));
    let claimed = queue.claim(&acme, &execution_id(1), &Fence { token: 1, ..sample::fence("a", 1) }).await.expect("the store answers");
    assert!(claimed.is_some());
}
