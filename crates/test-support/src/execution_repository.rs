//! What every `ExecutionRepository` promises. Run all of it with
//! [`execution_repository_contract!`](crate::execution_repository_contract); each check wants an empty repository.

use std::time::Duration;

use domain::Error;
use domain::access::TenantScope;
use domain::execution::{Body, Bounds, Event, Execution, ExecutionQuery, ExecutionRepository, Pruned, State};
use domain::json::JsonText;
use domain::lease::Fence;
use domain::name::TenantId;
use domain::page::PageRequest;
use domain::request::{Committed, REQUEST_KEY_TTL, RequestKey};
use domain::time::Timestamp;

use crate::sample::{at, attestation, ended, execution, execution_id, fence, output, request, scope, user, utility_id};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! execution_repository_contract {
    ($make:expr) => {
        $crate::execution_repository_contract!($make;
            an_absent_execution_is_found_nowhere,
            an_execution_is_found_whole_at_each_stage,
            an_id_is_taken_once,
            a_repeated_request_attaches_to_the_first_execution,
            a_request_id_with_another_body_is_refused,
            what_was_never_inserted_cannot_be_saved,
            tenants_do_not_see_each_other,
            events_come_back_in_order_and_byte_for_byte,
            events_resume_after_any_number,
            repeated_events_are_stored_once,
            numbers_that_do_not_ascend_are_refused,
            the_last_event_carries_the_stored_execution,
            lists_filter_by_each_field_and_all_together,
            both_orders_page_without_gap_or_repeat,
            a_strange_page_token_is_invalid,
            old_executions_are_pruned_with_their_events,
            the_oldest_go_until_the_output_fits,
            nothing_of_excepted_tenants_is_pruned,
            what_has_not_ended_is_never_pruned,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::execution_repository::$check(&*repository).await;
        }
    )+};
}

type Repository<'a> = &'a dyn ExecutionRepository;

const NO_LIMIT: usize = usize::MAX;

/// Nothing is found under a free id.
pub async fn an_absent_execution_is_found_nowhere(repository: Repository<'_>) {
    let acme = scope("acme");
    assert_eq!(repository.find(&acme, &execution_id(1)).await.expect("found").open_for_system(), None);
    assert_eq!(repository.events_after(&acme, &execution_id(1), 0, NO_LIMIT).await.expect("read"), Vec::new());
    assert_eq!(listed(repository, &acme, &ExecutionQuery::default(), 10).await, Vec::<u64>::new());
    assert_eq!(repository.abandoned(at(0), 10).await.expect("found"), Vec::new());
    assert_eq!(pruned(repository, at(0), 0, &[]).await, Pruned::default());
}

/// Every field survives, at the beginning and at the end.
pub async fn an_execution_is_found_whole_at_each_stage(repository: Repository<'_>) {
    let acme = scope("acme");
    let first = inserted(repository, &acme, 1).await;
    assert_eq!(repository.find(&acme, &first.name.execution).await.expect("found").open_for_system(), Some(first.clone()));
    let last = saved(repository, &acme, ended(&first, 20), &[]).await;
    assert_eq!(repository.find(&acme, &first.name.execution).await.expect("found").open_for_system(), Some(last));

    let born_ended = ended(&execution(&acme, 2), 30);
    assert_eq!(repository.insert(&acme, &born_ended, None, &[], None).await.expect("stored"), Committed::Stored);
    assert_eq!(repository.find(&acme, &born_ended.name.execution).await.expect("found").open_for_system(), Some(born_ended));
}

/// A second execution of the same id changes nothing.
pub async fn an_id_is_taken_once(repository: Repository<'_>) {
    let acme = scope("acme");
    let first = inserted(repository, &acme, 1).await;
    let other = Execution { params_json: JsonText::read("{}"), ..first.clone() };
    assert_eq!(repository.insert(&acme, &other, None, &[], None).await.expect("answered"), Committed::Conflict);
    assert_eq!(repository.find(&acme, &first.name.execution).await.expect("found").open_for_system(), Some(first));
}

/// The duplicate sees the first execution as it is by then.
pub async fn a_repeated_request_attaches_to_the_first_execution(repository: Repository<'_>) {
    let acme = scope("acme");
    let key = request("ExecuteUtility", "r-1", 1);
    let first = execution(&acme, 1);
    assert_eq!(repository.find_answer(&acme, &key).await.expect("found"), None);
    assert_eq!(repository.insert(&acme, &first, Some(&key), &[], None).await.expect("stored"), Committed::Stored);
    assert_eq!(repository.find_answer(&acme, &key).await.expect("found"), Some(Committed::Answered(Box::new(first.clone()))));
    assert_eq!(repository.find_answer(&scope("zeta"), &key).await.expect("found"), None);
    let answered = repository.insert(&acme, &execution(&acme, 2), Some(&key), &[], None).await.expect("answered");
    assert_eq!(answered, Committed::Answered(Box::new(first.clone())));

    let last = saved(repository, &acme, ended(&first, 9), &[]).await;
    let answered = repository.insert(&acme, &execution(&acme, 3), Some(&key), &[], None).await.expect("answered");
    assert_eq!(answered, Committed::Answered(Box::new(last)));
    assert_eq!(listed(repository, &acme, &ExecutionQuery::default(), 10).await, [1]);
}

/// A request id stands for one body, for each caller and method by itself.
pub async fn a_request_id_with_another_body_is_refused(repository: Repository<'_>) {
    let acme = scope("acme");
    let key = request("ExecuteUtility", "r-1", 1);
    repository.insert(&acme, &execution(&acme, 1), Some(&key), &[], None).await.expect("stored");
    let other_body = request("ExecuteUtility", "r-1", 2);
    assert_eq!(repository.insert(&acme, &execution(&acme, 2), Some(&other_body), &[], None).await.expect("answered"), Committed::KeyReused);
    assert_eq!(repository.find_answer(&acme, &other_body).await.expect("found"), Some(Committed::KeyReused));
    assert_eq!(repository.find(&acme, &execution_id(2)).await.expect("found").open_for_system(), None);

    let other_caller = RequestKey { caller: user("bob"), ..other_body };
    assert_eq!(repository.insert(&acme, &execution(&acme, 3), Some(&other_caller), &[], None).await.expect("stored"), Committed::Stored);
    let other_method = request("StartExecution", "r-1", 2);
    assert_eq!(repository.insert(&acme, &execution(&acme, 4), Some(&other_method), &[], None).await.expect("stored"), Committed::Stored);
}

/// Saves and appends change what exists and make nothing.
pub async fn what_was_never_inserted_cannot_be_saved(repository: Repository<'_>) {
    let acme = scope("acme");
    let saved = repository.save(&acme, &execution(&acme, 1), &[output(1, 3)]).await;
    assert!(matches!(saved, Err(Error::NotFound { .. })), "{saved:?}");
    let appended = repository.append(&acme, &execution_id(1), &mine(), &[output(1, 3)]).await;
    assert!(matches!(appended, Err(Error::NotFound { .. })), "{appended:?}");
    inserted(repository, &acme, 1).await;
    assert_eq!(repository.events_after(&acme, &execution_id(1), 0, NO_LIMIT).await.expect("read"), Vec::new());
}

/// A scope is a wall, and an execution must be of its own scope.
pub async fn tenants_do_not_see_each_other(repository: Repository<'_>) {
    let (acme, zeta) = (scope("acme"), scope("zeta"));
    let first = inserted(repository, &acme, 1).await;
    repository.append(&acme, &first.name.execution, &mine(), &[output(1, 3)]).await.expect("appended");
    assert_eq!(repository.find(&zeta, &first.name.execution).await.expect("found").open_for_system(), None);
    assert_eq!(repository.events_after(&zeta, &first.name.execution, 0, NO_LIMIT).await.expect("read"), Vec::new());
    assert_eq!(listed(repository, &zeta, &ExecutionQuery::default(), 10).await, Vec::<u64>::new());
    let appended = repository.append(&zeta, &first.name.execution, &mine(), &[output(2, 3)]).await;
    assert!(matches!(appended, Err(Error::NotFound { .. })), "{appended:?}");
    let smuggled = repository.insert(&zeta, &execution(&acme, 2), None, &[], None).await;
    assert!(matches!(smuggled, Err(Error::Internal { .. })), "{smuggled:?}");
    inserted(repository, &zeta, 1).await;
    assert_eq!(repository.events_after(&zeta, &first.name.execution, 0, NO_LIMIT).await.expect("read"), Vec::new());
}

/// Output is bytes, and every kind of event survives, however the writes were cut.
pub async fn events_come_back_in_order_and_byte_for_byte(repository: Repository<'_>) {
    let acme = scope("acme");
    let held = inserted(repository, &acme, 1).await;
    let queued = Event { sequence: 1, time: at(1), body: Body::Queued { position: 4 } };
    let started = Event { sequence: 2, time: at(2), body: Body::Started(Box::new(attestation())) };
    let mut all = vec![queued, started];
    all.extend((3..60).map(|sequence| output(sequence, if sequence == 30 { 0 } else { 64 * 1024 })));
    repository.append(&acme, &held.name.execution, &mine(), &all[..1]).await.expect("appended");
    saved(repository, &acme, Execution { state: State::Running, ..held.clone() }, &all[1..7]).await;
    repository.append(&acme, &held.name.execution, &mine(), &[]).await.expect("appended");
    repository.append(&acme, &held.name.execution, &mine(), &all[7..]).await.expect("appended");
    assert_eq!(repository.events_after(&acme, &held.name.execution, 0, NO_LIMIT).await.expect("read"), all);
}

/// A page begins right after the number, respects the bound, and holds at least one event.
pub async fn events_resume_after_any_number(repository: Repository<'_>) {
    let acme = scope("acme");
    let held = inserted(repository, &acme, 1).await;
    let id = &held.name.execution;
    let all: Vec<Event> = (1..=40).map(|sequence| output(sequence, 20_000)).collect();
    for some in all.chunks(7) {
        repository.append(&acme, id, &mine(), some).await.expect("appended");
    }
    for after in 0..=41 {
        let rest = repository.events_after(&acme, id, after, NO_LIMIT).await.expect("read");
        assert_eq!(rest, all[(after as usize).min(40)..], "after {after}");
        let one = repository.events_after(&acme, id, after, 0).await.expect("read");
        assert_eq!(one, rest[..rest.len().min(1)], "one after {after}");
        let some = repository.events_after(&acme, id, after, 50_000).await.expect("read");
        assert_eq!(some, rest[..rest.len().min(2)], "some after {after}");
    }
    assert_eq!(repository.events_after(&acme, id, u64::MAX, NO_LIMIT).await.expect("read"), Vec::new());
}

/// A writer that was not answered in time repeats its append.
pub async fn repeated_events_are_stored_once(repository: Repository<'_>) {
    let acme = scope("acme");
    let held = inserted(repository, &acme, 1).await;
    let id = &held.name.execution;
    let all: Vec<Event> = (1..=9).map(|sequence| output(sequence, 100)).collect();
    repository.append(&acme, id, &mine(), &all[..4]).await.expect("appended");
    repository.append(&acme, id, &mine(), &all[..4]).await.expect("appended");
    repository.append(&acme, id, &mine(), &all[2..6]).await.expect("appended");
    saved(repository, &acme, held.clone(), &all).await;
    assert_eq!(repository.events_after(&acme, id, 0, NO_LIMIT).await.expect("read"), all);
    saved(repository, &acme, ended(&held, 5), &[]).await;
    let removed = pruned(repository, at(6), u64::MAX, &[]).await;
    assert_eq!(removed, Pruned { executions: 1, output_bytes: 900, more: false });
}

/// Events out of order are a bug of the caller, and nothing of them is stored.
pub async fn numbers_that_do_not_ascend_are_refused(repository: Repository<'_>) {
    let acme = scope("acme");
    let held = inserted(repository, &acme, 1).await;
    for wrong in [vec![output(0, 1)], vec![output(2, 1), output(1, 1)], vec![output(1, 1), output(1, 1)]] {
        let appended = repository.append(&acme, &held.name.execution, &mine(), &wrong).await;
        assert!(matches!(appended, Err(Error::Internal { .. })), "{appended:?}");
        let saved = repository.save(&acme, &ended(&held, 5), &wrong).await;
        assert!(matches!(saved, Err(Error::Internal { .. })), "{saved:?}");
    }
    assert_eq!(repository.events_after(&acme, &held.name.execution, 0, NO_LIMIT).await.expect("read"), Vec::new());
    assert_eq!(repository.find(&acme, &held.name.execution).await.expect("found").open_for_system(), Some(held));
}

/// State and last event are one commit, and the event shows the state.
pub async fn the_last_event_carries_the_stored_execution(repository: Repository<'_>) {
    let acme = scope("acme");
    let held = inserted(repository, &acme, 1).await;
    let last = Execution { last_sequence: 2, ..ended(&held, 20) };
    let finished = Event { sequence: 2, time: at(20), body: Body::Finished(Box::new(last.clone())) };
    saved(repository, &acme, last, &[output(1, 10), finished.clone()]).await;
    let read = repository.events_after(&acme, &held.name.execution, 1, NO_LIMIT).await.expect("read");
    assert_eq!(read, [finished]);
}

/// Filters narrow, alone and together, in both orders.
pub async fn lists_filter_by_each_field_and_all_together(repository: Repository<'_>) {
    let acme = scope("acme");
    let states = [State::Pending, State::Running, State::Failed];
    for number in 0..24_u64 {
        let mut one = execution(&acme, number);
        one.state = states[(number % 3) as usize];
        one.ended = one.state.is_terminal().then(|| at(number));
        one.caller = user(if number % 2 == 0 { "ann" } else { "bob" });
        if number >= 12 {
            one.version.utility.utility = utility_id("other");
        }
        repository.insert(&acme, &one, None, &[], None).await.expect("stored");
    }
    for bits in 0..64_u32 {
        let on = |bit: u32| bits & bit != 0;
        let query = ExecutionQuery {
            utility: on(1).then(|| utility_id("other")),
            states: if on(2) { vec![State::Running, State::Failed, State::Lost] } else { Vec::new() },
            created_from: on(4).then(|| at(5)),
            created_before: on(8).then(|| at(20)),
            caller: on(16).then(|| user("bob")),
            oldest_first: on(32),
        };
        let wanted = (0..24_u64).filter(|number| {
            (!on(1) || *number >= 12)
                && (!on(2) || number % 3 != 0)
                && (!on(4) || *number >= 5)
                && (!on(8) || *number < 20)
                && (!on(16) || number % 2 == 1)
        });
        let mut wanted: Vec<u64> = wanted.collect();
        if !on(32) {
            wanted.reverse();
        }
        assert_eq!(listed(repository, &acme, &query, 3).await, wanted, "{query:?}");
    }
}

/// Keyset pages join to the whole list, also where many share a time.
pub async fn both_orders_page_without_gap_or_repeat(repository: Repository<'_>) {
    const COUNT: u64 = 23;
    let acme = scope("acme");
    for number in 0..COUNT {
        let mut one = execution(&acme, number * 7 % COUNT);
        one.created = at(one.created.since(at(0)).as_millis() as u64 / 6);
        one.state = State::ALL[(number % 10) as usize];
        repository.insert(&acme, &one, None, &[], None).await.expect("stored");
    }
    for oldest_first in [false, true] {
        let query = ExecutionQuery { oldest_first, ..ExecutionQuery::default() };
        let wanted: Vec<u64> = if oldest_first { (0..COUNT).collect() } else { (0..COUNT).rev().collect() };
        for size in [1, 2, 5, 22, 23, 1_000] {
            assert_eq!(listed(repository, &acme, &query, size).await, wanted, "pages of {size}");
        }
    }
}

/// Tokens that this list did not make are the caller's mistake.
pub async fn a_strange_page_token_is_invalid(repository: Repository<'_>) {
    let acme = scope("acme");
    for number in 1..=3 {
        inserted(repository, &acme, number).await;
    }
    let page = repository
        .list(&acme, &ExecutionQuery::default(), &PageRequest { size: 1, after: None })
        .await
        .expect("listed")
        .open_for_system()
        .expect("a page is always there");
    let of_another_order = page.next.expect("there are more");
    let oldest_first = ExecutionQuery { oldest_first: true, ..ExecutionQuery::default() };
    for token in ["", "x", "1:oldest:0:", "🦀", &of_another_order] {
        let listed = repository.list(&acme, &oldest_first, &PageRequest { size: 1, after: Some(token.to_owned()) }).await;
        assert!(matches!(&listed, Err(Error::Invalid(all)) if all[0].field == "page_token"), "{token}: {listed:?}");
    }
}

/// Age is counted from the end; what is pruned leaves no event, and its request stays answered: nothing runs a second time.
pub async fn old_executions_are_pruned_with_their_events(repository: Repository<'_>) {
    let acme = scope("acme");
    let key = request("ExecuteUtility", "r-1", 1);
    let first = execution(&acme, 1);
    repository.insert(&acme, &first, Some(&key), &[], None).await.expect("stored");
    saved(repository, &acme, ended(&first, 100), &[output(1, 500)]).await;
    let second = inserted(repository, &acme, 2).await;
    saved(repository, &acme, ended(&second, 200), &[output(1, 70)]).await;

    assert_eq!(pruned(repository, at(100), u64::MAX, &[]).await, Pruned::default());
    assert_eq!(pruned(repository, at(101), u64::MAX, &[]).await, Pruned { executions: 1, output_bytes: 500, more: false });
    assert_eq!(repository.find(&acme, &first.name.execution).await.expect("found").open_for_system(), None);
    assert_eq!(repository.events_after(&acme, &first.name.execution, 0, NO_LIMIT).await.expect("read"), Vec::new());
    assert_eq!(repository.events_after(&acme, &second.name.execution, 0, NO_LIMIT).await.expect("read").len(), 1);
    let removed = Committed::Removed { resource: first.name.to_string() };
    assert_eq!(repository.find_answer(&acme, &key).await.expect("found"), Some(removed.clone()));
    assert_eq!(repository.insert(&acme, &execution(&acme, 3), Some(&key), &[], None).await.expect("answered"), removed);
    assert_eq!(repository.find(&acme, &execution_id(3)).await.expect("found").open_for_system(), None);
}

/// Size is a bound on all tenants together, and the oldest end goes first.
pub async fn the_oldest_go_until_the_output_fits(repository: Repository<'_>) {
    const COUNT: u64 = 150;
    for number in 1..=COUNT {
        let tenant = scope(if number % 2 == 0 { "acme" } else { "zeta" });
        let held = inserted(repository, &tenant, number).await;
        saved(repository, &tenant, ended(&held, 1_000 - number), &[output(1, 100)]).await;
    }
    let fits = pruned(repository, at(0), COUNT * 100, &[]).await;
    assert_eq!(fits, Pruned::default());
    let removed = pruned(repository, at(0), 1_050, &[]).await;
    assert_eq!(removed, Pruned { executions: COUNT - 10, output_bytes: (COUNT - 10) * 100, more: false });
    assert_eq!(listed(repository, &scope("acme"), &ExecutionQuery::default(), 100).await, [10, 8, 6, 4, 2]);
    assert_eq!(listed(repository, &scope("zeta"), &ExecutionQuery::default(), 100).await, [9, 7, 5, 3, 1]);
}

/// Removes in steps until nothing is left to remove.
async fn pruned(repository: Repository<'_>, ended_before: Timestamp, max_output_bytes: u64, except: &[TenantId]) -> Pruned {
    let bounds = Bounds { ended_before, max_output_bytes, except: except.to_vec() };
    let due = repository.is_prunable(&bounds).await.expect("said");
    let mut all = Pruned::default();
    loop {
        let step = repository.prune(&bounds).await.expect("pruned");
        all.executions += step.executions;
        all.output_bytes += step.output_bytes;
        if !step.more {
            assert_eq!(due, all.executions > 0, "it is said before whether anything goes");
            assert!(!repository.is_prunable(&bounds).await.expect("said"));
            return all;
        }
    }
}

/// Neither for its age nor for its size, and the others go all the same.
pub async fn nothing_of_excepted_tenants_is_pruned(repository: Repository<'_>) {
    for number in 1..=140 {
        let tenant = scope(if number <= 130 { "acme" } else { "zeta" });
        let held = inserted(repository, &tenant, number).await;
        saved(repository, &tenant, ended(&held, number), &[output(1, 100)]).await;
    }
    let except = [scope("acme").tenant().clone()];
    let removed = pruned(repository, at(136), u64::MAX, &except).await;
    assert_eq!(removed, Pruned { executions: 5, output_bytes: 500, more: false });
    let removed = pruned(repository, at(0), 450, &except).await;
    assert_eq!(removed, Pruned { executions: 1, output_bytes: 100, more: false }, "what others must keep takes nobody's place");
    assert_eq!(listed(repository, &scope("acme"), &ExecutionQuery::default(), 200).await.len(), 130);
}

/// A run keeps its output however much there is.
pub async fn what_has_not_ended_is_never_pruned(repository: Repository<'_>) {
    let acme = scope("acme");
    let held = inserted(repository, &acme, 1).await;
    repository.append(&acme, &held.name.execution, &mine(), &[output(1, 1_000)]).await.expect("appended");
    assert_eq!(pruned(repository, at(u32::MAX.into()), 0, &[]).await, Pruned::default());
    assert_eq!(repository.find(&acme, &held.name.execution).await.expect("found").open_for_system(), Some(held));
}

/// A request is remembered for its time to live and then forgotten; `advance` moves the repository's clock.
pub async fn an_answered_request_is_forgotten_in_time(repository: Repository<'_>, advance: &dyn Fn(Duration)) {
    let acme = scope("acme");
    let key = request("ExecuteUtility", "r-1", 1);
    repository.insert(&acme, &execution(&acme, 1), Some(&key), &[], None).await.expect("stored");
    advance(REQUEST_KEY_TTL - Duration::from_secs(1));
    let answered = repository.insert(&acme, &execution(&acme, 2), Some(&key), &[], None).await.expect("answered");
    assert!(matches!(answered, Committed::Answered(_)), "{answered:?}");
    advance(Duration::from_secs(2));
    assert_eq!(repository.insert(&acme, &execution(&acme, 3), Some(&key), &[], None).await.expect("stored"), Committed::Stored);
}

/// The fence of every sample.
fn mine() -> Fence {
    fence("server-1", 1)
}

async fn inserted(repository: Repository<'_>, scope: &TenantScope, number: u64) -> Execution {
    let execution = execution(scope, number);
    assert_eq!(repository.insert(scope, &execution, None, &[], None).await.expect("stored"), Committed::Stored);
    execution
}

async fn saved(repository: Repository<'_>, scope: &TenantScope, execution: Execution, events: &[Event]) -> Execution {
    repository.save(scope, &execution, events).await.expect("saved");
    execution
}

/// The numbers of all executions of a list, read in pages.
async fn listed(repository: Repository<'_>, scope: &TenantScope, query: &ExecutionQuery, size: u32) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = repository
            .list(scope, query, &PageRequest { size, after })
            .await
            .expect("listed")
            .open_for_system()
            .expect("a page is always there");
        assert!(page.items.len() <= size as usize && !(page.items.is_empty() && page.next.is_some()));
        found.extend(page.items.iter().map(number));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn number(execution: &Execution) -> u64 {
    let id = execution.name.execution.as_str();
    u64::from_str_radix(&id[24..], 16).expect("samples end in their number")
}
