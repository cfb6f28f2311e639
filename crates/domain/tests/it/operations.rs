//! Batches: each item becomes an execution exactly once, whatever its server does, and the report says of each what became of it.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::access::Reach;
use domain::audit::{AuditQuery, AuditRepository, Outcome};
use domain::code::{Parameter, ValueType};
use domain::error::ErrorKind;
use domain::execution::{ExecutionQuery, ExecutionRepository, State};
use domain::lease::Keeper;
use domain::name::{ExecutionName, OperationName, RuntimeId, SecretName};
use domain::operation::{
    BatchAsked, Counts, Item, ItemOutcome, MAX_CONCURRENCY, MAX_ITEMS, Operation, OperationRepository, OperationState, Reported,
    WatchedOperation, actions,
};
use domain::page::PageRequest;
use domain::sandbox::Limits;
use domain::secret::References;
use domain::utility::{Call, Draft};
use domain::{Error, Result, admission};
use futures_util::StreamExt as _;
use test_support::{ADVANCE_ANSWERED, sample};

use crate::queue::WAITING;
use crate::world::{World, acme, eventually, name};

const QUICK: &str = "#: return 1\n";
const FAILS: &str = "#: raise ValueError broken\n";

fn item(utility: &str) -> Item {
    Item {
        utility: name(utility),
        version: None,
        params_json: String::new(),
        secrets: References::new(),
        timeout: None,
        on_output_limit: None,
        retry_if_lost: false,
    }
}

fn asked(items: Vec<Item>, concurrency: u32) -> BatchAsked {
    BatchAsked { items, concurrency, request: None }
}

async fn begin(world: &World, items: Vec<Item>, concurrency: u32) -> Result<Operation> {
    world.operations.start_batch(&world.permit(acme()).await, asked(items, concurrency)).await
}

async fn stored(world: &World, name: &OperationName) -> Operation {
    let found = OperationRepository::find(&*world.stores().executions, &sample::scope("acme"), &name.operation).await.unwrap();
    found.open_for_system().expect("it is stored")
}

async fn report(world: &World, name: &OperationName) -> Vec<Reported> {
    let permit = world.permit::<actions::ListBatchItems>(name.clone()).await;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = world.operations.report(&permit, &PageRequest { size: 70, after }).await.unwrap();
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// Lets time pass and work go on, with a round of each server from time to time, until the operation is so.
async fn until(worlds: &[&World], operation: &OperationName, holds: impl Fn(&Operation) -> bool) -> Operation {
    for round in 0..20_000 {
        let found = stored(worlds[0], operation).await;
        if holds(&found) {
            return found;
        }
        for world in worlds {
            if round % 20 == 0 {
                world.executions.tend().await;
                world.operations.tend().await;
            }
            world.executions.claim().await;
            world.release();
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        worlds[0].clock.advance(Duration::from_millis(500));
    }
    panic!("it never came to hold: {:?}", stored(worlds[0], operation).await);
}

/// All executions that there are.
async fn executions(world: &World) -> Vec<(ExecutionName, State)> {
    let (scope, query) = (sample::scope("acme"), ExecutionQuery::default());
    let page = PageRequest { size: 1_000, after: None };
    let found = ExecutionRepository::list(&*world.stores().executions, &scope, &query, &page).await.unwrap();
    found.open_for_system().unwrap().items.into_iter().map(|execution| (execution.name, execution.state)).collect()
}

/// That each item has one execution, that there is no other, and that all of them have ended as the report says.
async fn check_each_ran_once(world: &World, operation: &Operation) {
    let reported = report(world, &operation.name).await;
    assert_eq!(reported.iter().map(|item| item.index).collect::<Vec<_>>(), (0..operation.batch.total).collect::<Vec<_>>());
    let named: BTreeSet<_> = reported.iter().map(|item| item.execution.clone().expect("it was started").execution).collect();
    let there = executions(world).await;
    assert_eq!((there.len(), named.len()), (operation.batch.total as usize, operation.batch.total as usize));
    assert!(there.iter().all(|(name, _)| named.contains(&name.execution)));
    for item in &reported {
        let (_, state) = there.iter().find(|(name, _)| Some(name) == item.execution.as_ref()).expect("it is there");
        assert!(matches!(&item.outcome, Some(ItemOutcome::Ended { state: told, .. }) if told == state), "{item:?} {state:?}");
    }
}

#[tokio::test]
async fn some_hundred_items_run_each_once_and_no_more_at_a_time_than_asked_for() {
    let world = World::new();
    world.create("quick", QUICK).await.unwrap();
    world.create("fails", FAILS).await.unwrap();
    let items = (0..230).map(|index| item(if index % 10 == 7 { "fails" } else { "quick" })).collect();
    let begun = begin(&world, items, 7).await.unwrap();
    assert_eq!((begun.state, begun.batch.next, begun.batch.total), (OperationState::Running, 0, 230));
    let most = |operation: &Operation| {
        assert!(operation.batch.open.len() <= 7, "{operation:?}");
        operation.has_ended()
    };
    let ended = until(&[&world], &begun.name, most).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(ended.batch.counts, Counts { succeeded: 207, failed: 23, ..Counts::default() });
    check_each_ran_once(&world, &ended).await;
    assert!(world.incidents.kinds().is_empty());
}

#[tokio::test]
async fn what_is_refused_is_reported_and_keeps_nothing_else_from_running() {
    let world = World::new();
    world.create("quick", QUICK).await.unwrap();
    let other = Item { utility: domain::name::UtilityName { tenant: sample::tenant("beta"), ..name("quick") }, ..item("quick") };
    let items = vec![item("quick"), item("none"), other, Item { version: Some(9), ..item("quick") }, item("quick")];
    let begun = begin(&world, items, 2).await.unwrap();
    let ended = until(&[&world], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(ended.batch.counts, Counts { succeeded: 2, refused: 3, ..Counts::default() });
    let reasons: Vec<_> = report(&world, &begun.name)
        .await
        .into_iter()
        .map(|item| match item.outcome {
            Some(ItemOutcome::Refused(refusal)) => {
                assert_eq!(item.execution, None);
                refusal.reason
            }
            outcome => format!("{outcome:?}"),
        })
        .collect();
    assert_eq!((reasons[1].as_str(), reasons[2].as_str(), reasons[3].as_str()), ("NOT_FOUND", "PERMISSION_DENIED", "NOT_FOUND"));
    assert_eq!(executions(&world).await.len(), 2);
}

#[tokio::test]
async fn an_item_that_asks_for_a_secret_that_may_not_be_had_leaves_a_record_of_that() {
    let world = World::new();
    world.create("quick", QUICK).await.unwrap();
    let secret = "tenants/beta/secrets/other";
    let secrets: References = [("token".to_owned(), SecretName::parse("secret", secret).unwrap())].into();
    let begun = begin(&world, vec![Item { secrets, ..item("quick") }], 1).await.unwrap();
    let ended = until(&[&world], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.batch.counts, Counts { refused: 1, ..Counts::default() });
    let log: &dyn AuditRepository = &*world.stores().executions;
    let page = PageRequest { size: 1_000, after: None };
    let found = log.list(&sample::scope("acme"), &AuditQuery::default(), &page).await.unwrap().open_for_system().unwrap();
    let denied: Vec<_> = found.items.iter().filter(|record| record.entry.outcome == Outcome::Denied).collect();
    assert_eq!(denied.iter().map(|record| record.entry.resource.as_str()).collect::<Vec<_>>(), [secret]);
}

#[tokio::test]
async fn code_is_read_once_for_however_many_items_of_a_call() {
    let world = World::new();
    let value = Parameter {
        name: "value".to_owned(),
        value_type: ValueType::Any,
        required: false,
        default_json: None,
        enum_json: Vec::new(),
        secret: false,
        description: String::new(),
    };
    let code = b"def transform(value):\n    return value\n".to_vec();
    let draft = Draft { code, limits: Limits::DEFAULT, parameters: Some(vec![value]), ..Draft::default() };
    world.utilities.create(&world.permit(acme()).await, Some(sample::utility_id("maps")), draft, Call::default()).await.unwrap();
    let before = world.binder.read();
    begin(&world, vec![item("maps"); 50], 1).await.unwrap();
    assert_eq!(world.binder.read() - before, 1);
}

#[tokio::test]
async fn a_batch_that_is_none_begins_nothing_and_says_all_that_is_wrong() {
    let world = World::new();
    for (items, concurrency, wrong) in [
        (Vec::new(), MAX_CONCURRENCY + 1, vec!["items", "concurrency"]),
        (vec![item("quick"); MAX_ITEMS + 1], 1, vec!["items"]),
        (vec![item("quick")], 0, vec!["concurrency"]),
    ] {
        let Err(Error::Invalid(violations)) = begin(&world, items, concurrency).await else { panic!("it is refused") };
        assert_eq!(violations.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(), wrong);
    }
    let page = PageRequest { size: 10, after: None };
    assert!(world.operations.list(&world.permit(acme()).await, &page).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn who_loses_the_right_to_start_starts_nothing_more() {
    let world = World::new();
    world.create("waits", WAITING).await.unwrap();
    let begun = begin(&world, vec![item("waits"); 5], 2).await.unwrap();
    eventually(|| world.running() == 2).await;
    world.now.set(None);
    let ended = until(&[&world], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.batch.counts, Counts { succeeded: 2, refused: 3, ..Counts::default() });
    world.now.set(Some(Reach::Tenant));
    assert_eq!(executions(&world).await.len(), 2);
}

#[tokio::test]
async fn what_a_server_cannot_contain_for_now_is_not_refused_for_good() {
    let world = World::new();
    world.create("quick", QUICK).await.unwrap();
    world.sandbox.lose_image(Some(&RuntimeId::default()));
    let begun = begin(&world, vec![item("quick"); 3], 2).await.unwrap();
    for _ in 0..30 {
        world.clock.advance(Duration::from_millis(500));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let held = stored(&world, &begun.name).await;
    assert_eq!((held.state, held.batch.next), (OperationState::Running, 0));
    world.sandbox.lose_image(None);
    let ended = until(&[&world], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.batch.counts, Counts { succeeded: 3, ..Counts::default() });
    check_each_ran_once(&world, &ended).await;
}

#[tokio::test]
async fn an_execution_that_cannot_be_read_holds_up_no_other_item() {
    let world = World::new();
    world.create("waits", WAITING).await.unwrap();
    let begun = begin(&world, vec![item("waits"); 5], 2).await.unwrap();
    let faults = world.stores().executions.faults().clone();
    eventually(|| world.running() == 2).await;
    faults.damage("find", begun.name.operation.item(0).as_str());
    let rest = until(&[&world], &begun.name, |operation| operation.batch.next == 5 && operation.batch.open == [0]).await;
    assert_eq!((rest.state, rest.batch.counts.succeeded), (OperationState::Running, 4));
    assert!(!world.incidents.kinds().is_empty(), "operators hear of it");
    faults.heal();
    let ended = until(&[&world], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.batch.counts, Counts { succeeded: 5, ..Counts::default() });
}

#[tokio::test]
async fn a_cancelled_batch_begins_nothing_more_and_stops_what_runs_and_waits() {
    let config = admission::Config { max_running: 1, max_running_per_tenant: 1, max_queued_per_tenant: 50, ..Default::default() };
    let world = World::admitting(config);
    world.create("waits", WAITING).await.unwrap();
    let begun = begin(&world, vec![item("waits"); 20], 4).await.unwrap();
    eventually(|| world.running() == 1).await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let permit = world.permit::<actions::CancelOperation>(begun.name.clone()).await;
    let asked = world.operations.cancel(&permit).await.unwrap();
    assert!(asked.cancel_asked && !asked.has_ended());
    // Nothing is released: what runs ends because it is stopped.
    for _ in 0..200 {
        world.clock.advance(Duration::from_millis(500));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let ended = stored(&world, &begun.name).await;
    assert_eq!((ended.state, ended.batch.next), (OperationState::Cancelled, 4));
    assert_eq!(ended.batch.counts, Counts { cancelled: 4, ..Counts::default() });
    assert!(executions(&world).await.iter().all(|(_, state)| *state == State::Cancelled));
    let reported = report(&world, &begun.name).await;
    assert_eq!((reported.len(), reported[4..].iter().filter(|item| item.outcome.is_none()).count()), (20, 16));
    assert_eq!(world.operations.cancel(&permit).await.unwrap(), ended, "it changes nothing any more");
}

#[tokio::test]
async fn a_batch_that_is_cancelled_while_its_last_items_run_ends_as_cancelled() {
    let world = World::new();
    world.create("waits", WAITING).await.unwrap();
    let begun = begin(&world, vec![item("waits"); 2], 2).await.unwrap();
    eventually(|| world.running() == 2).await;
    let permit = world.permit::<actions::CancelOperation>(begun.name.clone()).await;
    world.operations.cancel(&permit).await.unwrap();
    // Nothing is released: what runs ends because it is stopped.
    for _ in 0..200 {
        world.clock.advance(Duration::from_millis(500));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let ended = stored(&world, &begun.name).await;
    assert_eq!((ended.state, ended.batch.next), (OperationState::Cancelled, 2));
    assert_eq!(ended.batch.counts, Counts { cancelled: 2, ..Counts::default() });
}

/// Passes time until what a dead server held is anybody's, while the other renews its lease.
async fn outlive(second: &World) {
    for _ in 0..4 {
        second.clock.advance(Keeper::period());
        second.executions.tend().await;
    }
}

/// A server dies at the `nth` call of this method of the store, before it or behind it; another one goes on. Says whether there was anything
/// left to do for that one.
async fn check_survives(method: &'static str, nth: usize) -> bool {
    let first = World::new();
    let second = first.beside("second").begun();
    first.create("quick", QUICK).await.unwrap();
    let faults = first.stores().executions.faults().clone();
    let begun = begin(&first, vec![item("quick"); 12], 3).await.unwrap();
    // The driver of the first is stopped at a place that the count of calls chooses, and never goes on.
    for _ in 0..nth {
        tokio::task::yield_now().await;
        first.clock.advance(Duration::from_millis(50));
    }
    faults.fail_next(method, 1);
    for _ in 0..nth {
        tokio::task::yield_now().await;
    }
    first.kill();
    faults.heal();
    let was_over = stored(&second, &begun.name).await.has_ended();
    outlive(&second).await;
    let ended = until(&[&second], &begun.name, Operation::has_ended).await;
    let ends_it = if was_over { "first" } else { "second" };
    assert_eq!((ended.state, ended.fence.holder.as_str()), (OperationState::Succeeded, ends_it), "{method} {nth}");
    let counts = ended.batch.counts;
    assert_eq!((counts.succeeded + counts.lost, counts.refused), (12, 0), "{method} {nth}: {counts:?}");
    check_each_ran_once(&second, &ended).await;
    !was_over
}

#[tokio::test]
async fn a_server_that_dies_between_any_two_steps_neither_doubles_nor_loses_an_item() {
    for method in ["advance", ADVANCE_ANSWERED, "entries", "find_operation", "enqueue", "no fault"] {
        let mut taken_over = 0;
        for nth in 0..25 {
            taken_over += u32::from(check_survives(method, nth).await);
        }
        assert!(taken_over > 3, "{method}: {taken_over}");
    }
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_taken_once() {
    let world = World::new();
    world.create("quick", QUICK).await.unwrap();
    let faults = world.stores().executions.faults().clone();
    let begun = begin(&world, vec![item("quick"); 30], 3).await.unwrap();
    for method in [ADVANCE_ANSWERED, "advance", "outcomes", "entries", "find_operation"] {
        faults.fail_next(method, 2);
        for _ in 0..40 {
            world.release();
            world.executions.claim().await;
            world.clock.advance(Duration::from_millis(500));
            tokio::task::yield_now().await;
        }
    }
    faults.heal();
    let ended = until(&[&world], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.batch.counts, Counts { succeeded: 30, ..Counts::default() });
    check_each_ran_once(&world, &ended).await;
}

#[tokio::test]
async fn a_paused_server_that_returns_takes_no_step_of_a_batch_that_another_has_taken_over() {
    let first = World::new();
    let second = first.beside("second").begun();
    first.create("quick", QUICK).await.unwrap();
    let begun = begin(&first, vec![item("quick"); 40], 2).await.unwrap();
    until(&[&first], &begun.name, |operation| operation.batch.next > 4).await;
    // The first renews nothing, and both go on meanwhile.
    outlive(&second).await;
    second.operations.tend().await;
    assert_eq!(stored(&second, &begun.name).await.fence.holder.as_str(), "second");
    let ended = until(&[&second, &first], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.fence.holder.as_str(), "second");
    assert_eq!(ended.batch.counts.succeeded + ended.batch.counts.lost, 40);
    check_each_ran_once(&second, &ended).await;
}

#[tokio::test]
async fn a_batch_that_cannot_be_taken_over_hides_no_other() {
    let first = World::new();
    let second = first.beside("second").begun();
    first.create("waits", WAITING).await.unwrap();
    let mut begun = Vec::new();
    for _ in 0..2 {
        begun.push(begin(&first, vec![item("waits")], 1).await.unwrap().name);
    }
    first.kill();
    outlive(&second).await;
    first.stores().executions.faults().fail_next("take_over_operation", 1);
    second.operations.tend().await;
    let mut taken = 0;
    for name in &begun {
        taken += usize::from(stored(&second, name).await.fence.holder.as_str() == "second");
    }
    assert_eq!(taken, 1);
    // The next round finds out that nothing came of it, and the one behind it tries again.
    for _ in 0..2 {
        second.operations.tend().await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    for name in &begun {
        assert_eq!(stored(&second, name).await.fence.holder.as_str(), "second");
    }
}

#[tokio::test]
async fn items_of_one_batch_run_on_every_server_that_has_a_place() {
    let config = admission::Config { max_running: 1, max_running_per_tenant: 1, max_queued_per_tenant: 50, ..Default::default() };
    let first = World::admitting(config);
    let second = first.beside("second").begun();
    first.create("waits", WAITING).await.unwrap();
    let begun = begin(&first, vec![item("waits"); 6], 6).await.unwrap();
    eventually(|| first.running() == 1).await;
    second.executions.claim().await;
    eventually(|| second.running() > 0).await;
    let ended = until(&[&first, &second], &begun.name, Operation::has_ended).await;
    assert_eq!(ended.batch.counts, Counts { succeeded: 6, ..Counts::default() });
    check_each_ran_once(&first, &ended).await;
}

#[tokio::test]
async fn a_repeated_request_answers_the_first_batch_as_it_is() {
    let world = World::new();
    world.create("quick", QUICK).await.unwrap();
    let permit = world.permit(acme()).await;
    let request = Some(sample::request("StartBatch", "one", 1));
    let first =
        world.operations.start_batch(&permit, BatchAsked { request: request.clone(), ..asked(vec![item("quick"); 3], 1) }).await.unwrap();
    let ended = until(&[&world], &first.name, Operation::has_ended).await;
    let again = world.operations.start_batch(&permit, BatchAsked { request, ..asked(vec![item("quick"); 3], 1) }).await.unwrap();
    assert_eq!(again, ended);
    let other = Some(sample::request("StartBatch", "one", 2));
    let refused = world.operations.start_batch(&permit, BatchAsked { request: other, ..asked(Vec::new(), 1) }).await.unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (ErrorKind::Precondition, "REQUEST_ID_REUSED"));
    assert_eq!(executions(&world).await.len(), 3);
}

#[tokio::test]
async fn nobody_sees_or_stops_an_operation_of_somebody_else_without_the_right_to() {
    let world = World::new();
    world.create("waits", WAITING).await.unwrap();
    let begun = begin(&world, vec![item("waits")], 1).await.unwrap();
    let (operations, name) = (&world.operations, begun.name.clone());
    let absent = |error: Error| assert!(matches!(&error, Error::NotFound { .. }), "{error:?}");
    absent(operations.get(&world.own("bob", name.clone()).await).await.unwrap_err());
    absent(operations.cancel(&world.own("bob", name.clone()).await).await.unwrap_err());
    absent(operations.report(&world.own("bob", name.clone()).await, &PageRequest { size: 1, after: None }).await.unwrap_err());
    absent(operations.watch(world.own("bob", name.clone()).await, 0).await.map(drop).unwrap_err());
    let page = PageRequest { size: 10, after: None };
    assert!(operations.list(&world.own("bob", acme()).await, &page).await.unwrap().items.is_empty());
    assert_eq!(operations.list(&world.own("ann", acme()).await, &page).await.unwrap().items.len(), 1);
    assert!(!stored(&world, &name).await.cancel_asked);
}

#[tokio::test]
async fn a_watch_tells_each_change_and_goes_on_from_a_revision_to_the_end() {
    let world = World::new();
    world.create("waits", WAITING).await.unwrap();
    let begun = begin(&world, vec![item("waits"); 2], 1).await.unwrap();
    let mut watch = world.operations.watch(world.permit(begun.name.clone()).await, 0).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2_000 {
        let next = tokio::select! {
            biased;
            next = watch.next() => next,
            () = tokio::task::yield_now() => {
                world.clock.advance(Duration::from_millis(500));
                if !seen.is_empty() {
                    world.release();
                }
                continue;
            }
        };
        match next {
            Some(Ok(WatchedOperation::Changed(operation))) => seen.push(*operation),
            Some(Ok(WatchedOperation::Heartbeat)) => {}
            Some(Err(error)) => panic!("{error:?}"),
            None => break,
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0].revision < pair[1].revision), "{seen:?}");
    let last = seen.last().expect("it told something").clone();
    assert_eq!((last.state, last.batch.counts.succeeded), (OperationState::Succeeded, 2));
    let mut again = world.operations.watch(world.permit(begun.name.clone()).await, last.revision.as_u64()).await.unwrap();
    assert_eq!(again.next().await.unwrap().unwrap(), WatchedOperation::Changed(Box::new(last)), "the end is told in any case");
    assert!(again.next().await.is_none());
}
