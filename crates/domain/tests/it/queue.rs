//! Executions that wait in the store: any server with a free place claims them, and what becomes of them where servers stop or die.

use std::num::NonZeroU32;
use std::time::Duration;

use domain::execution::{Body, Execution, ExecutionQueue, ExecutionRepository, Launch, State, Watched, actions};
use domain::lease::{Keeper, TERM};
use domain::name::ExecutionName;
use domain::sandbox::Reason;
use domain::tenant::TenantState;
use domain::{Error, admission};
use futures_util::FutureExt as _;
use test_support::{CLAIM_ANSWERED, sample};

use crate::world::{World, eventually, launch, name, next, start, try_start};

pub const WAITING: &str = "#: print hello\n#: wait\n#: return 1\n";

/// A server on which one execution runs at a time.
pub fn narrow(waiting: u32) -> World {
    World::admitting(admission::Config { max_running: 1, max_running_per_tenant: 1, max_queued_per_tenant: waiting, ..Default::default() })
}

/// A server with no place left, and an execution that waits for one; and a second server, which has not looked yet.
pub async fn full() -> (World, World, ExecutionName) {
    let first = narrow(8);
    let second = first.beside("second").begun();
    first.create("waits", WAITING).await.unwrap();
    start(&first, "waits").await;
    eventually(|| first.running() == 1).await;
    let waiting = start(&first, "waits").await;
    assert!(stored(&first, &waiting).await.is_waiting());
    (first, second, waiting)
}

pub async fn stored(world: &World, name: &ExecutionName) -> Execution {
    let found = world.stores().executions.find(&sample::scope(&name.tenant.to_string()), &name.execution).await.unwrap().open_for_system();
    found.expect("it is stored")
}

async fn waits(world: &World) -> usize {
    world.stores().executions.waiting(&sample::scope("acme"), None, 100).await.unwrap().len()
}

/// Lets other work go on until the execution is in this state.
pub async fn becomes(world: &World, name: &ExecutionName, state: State) -> Execution {
    for _ in 0..1_000 {
        let found = stored(world, name).await;
        if found.state == state {
            return found;
        }
        tokio::task::yield_now().await;
    }
    panic!("{name} is {:?}, not {state:?}", stored(world, name).await.state);
}

/// Lets other work go on until this server holds the execution.
pub async fn becomes_held_by(world: &World, name: &ExecutionName, holder: &str) {
    for _ in 0..1_000 {
        if stored(world, name).await.fence.holder.as_str() == holder {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{name} is held by {}", stored(world, name).await.fence.holder.as_str());
}

/// Starts one that may run twice.
async fn start_again_if_lost(world: &World) -> ExecutionName {
    let asked = Launch { retry_if_lost: true, ..launch(None) };
    world.executions.start(&world.permit(name("waits")).await, asked).await.unwrap().name
}

/// Passes time until what a dead server held is anybody's, while the other renews its lease.
async fn outlive(second: &World) {
    for _ in 0..4 {
        second.clock.advance(Keeper::period());
        second.executions.tend().await;
    }
}

#[tokio::test]
async fn what_finds_no_place_where_it_was_started_runs_where_there_is_one() {
    let (first, second, waiting) = full().await;
    let mut watch = second.executions.watch(&second.permit::<actions::WatchExecution>(waiting.clone()).await, 0).await.unwrap();
    second.executions.claim().await;
    eventually(|| second.running() == 1).await;
    assert_eq!((first.running(), waits(&first).await), (1, 0));
    second.release();
    let ended = loop {
        if let Watched::Event(event) = next(&mut watch).await
            && let Body::Finished(ended) = event.body
        {
            break ended;
        }
    };
    assert_eq!((ended.state, ended.result_json.as_deref(), ended.claimable.is_none()), (State::Succeeded, Some("1"), true));
    assert_eq!(ended.fence.holder.as_str(), "second");
}

#[tokio::test]
async fn other_servers_hear_that_something_waits_before_they_would_look() {
    let first = narrow(8);
    let second = first.beside("second").begun();
    first.create("waits", WAITING).await.unwrap();
    let claiming = second.executions.clone();
    let claiming = tokio::spawn(async move { claiming.claim_forever().await });
    start(&first, "waits").await;
    eventually(|| first.running() == 1 && second.clock.sleepers() > 0).await;
    start(&first, "waits").await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
        second.clock.advance(Duration::from_millis(10));
    }
    eventually(|| second.running() == 1).await;
    claiming.abort();
}

#[tokio::test]
async fn what_waits_runs_where_it_was_started_once_that_has_a_place() {
    let (first, second, waiting) = full().await;
    first.release();
    becomes(&first, &waiting, State::Succeeded).await;
    second.executions.claim().await;
    assert_eq!((second.running(), waits(&first).await), (0, 0));
}

#[tokio::test]
async fn one_that_finds_a_place_at_once_is_its_servers_from_the_beginning() {
    let first = narrow(8);
    first.create("waits", WAITING).await.unwrap();
    // Nothing could be claimed: it is stored by the commit that makes it its server's.
    first.stores().executions.faults().fail_always("claim");
    let name = start(&first, "waits").await;
    eventually(|| first.running() == 1).await;
    assert_eq!(stored(&first, &name).await.fence.holder.as_str(), "first");
}

#[tokio::test]
async fn as_many_wait_as_may_and_no_more() {
    let world = narrow(2);
    world.create("waits", WAITING).await.unwrap();
    for _ in 0..3 {
        start(&world, "waits").await;
    }
    let refused = try_start(&world, "waits").await.unwrap_err();
    assert!(matches!(&refused, Error::Exhausted { reason: "QUEUE_FULL", subject, .. } if subject == "tenants/acme"), "{refused:?}");
    assert_eq!(waits(&world).await, 2);
}

#[tokio::test]
async fn a_tenant_runs_no_more_at_once_than_its_quota_says_whatever_waits() {
    let world = World::new();
    world.create("waits", WAITING).await.unwrap();
    world.stores().tenants.settle("acme", |settings| settings.quota.running = NonZeroU32::new(2));
    for _ in 0..5 {
        start(&world, "waits").await;
    }
    eventually(|| world.running() == 2).await;
    for _ in 0..100 {
        world.executions.claim().await;
        tokio::task::yield_now().await;
    }
    assert_eq!((world.running(), waits(&world).await), (2, 3));
}

#[tokio::test]
async fn what_waits_is_cancelled_on_any_server_and_never_runs() {
    let (first, second, waiting) = full().await;
    let cancelled = second.executions.cancel(&second.permit::<actions::CancelExecution>(waiting.clone()).await).await.unwrap();
    assert_eq!(cancelled.state, State::Cancelled);
    assert_eq!(stored(&first, &waiting).await, cancelled);
    first.release();
    eventually(|| first.running() == 0).await;
    let mut watch = first.executions.watch(&first.permit::<actions::WatchExecution>(waiting).await, 0).await.unwrap();
    let Watched::Event(only) = next(&mut watch).await else { panic!("it has ended") };
    assert!(matches!(only.body, Body::Finished(_)) && only.sequence == 1, "{only:?}");
}

#[tokio::test]
async fn a_server_that_stops_leaves_what_waits_to_the_others() {
    let (first, second, waiting) = full().await;
    assert!(first.executions.shutdown(Duration::from_secs(1)).await);
    first.executions.leave().await;
    assert!(stored(&first, &waiting).await.is_waiting());
    second.executions.claim().await;
    eventually(|| second.running() == 1).await;
}

#[tokio::test]
async fn a_server_that_drains_lets_what_runs_end_and_hands_on_what_is_started() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    let running = start(&first, "waits").await;
    eventually(|| first.running() == 1).await;
    let draining = first.executions.clone();
    let drained = tokio::spawn(async move { draining.drain(Duration::from_secs(20)).await });
    tokio::task::yield_now().await;
    let started = start(&first, "waits").await;
    let streamed = first.executions.execute(&first.permit(name("waits")).await, launch(None)).await.map(drop).unwrap_err();
    assert!(matches!(streamed, Error::Unavailable { dependency: "server", .. }), "{streamed:?}");
    assert_eq!(first.running(), 1);
    first.release();
    assert!(drained.await.unwrap());
    becomes(&first, &running, State::Succeeded).await;
    assert!(stored(&first, &started).await.is_waiting());
}

#[tokio::test]
async fn what_waits_of_a_suspended_tenant_ends_although_no_place_is_free() {
    let (first, _second, waiting) = full().await;
    first.stores().tenants.turn("acme", TenantState::Suspended);
    let heeding = first.executions.clone();
    let heeding = tokio::spawn(async move { heeding.heed_suspensions().await });
    for _ in 0..4 {
        tokio::task::yield_now().await;
        first.clock.advance(Duration::from_millis(500));
    }
    becomes(&first, &waiting, State::Cancelled).await;
    heeding.abort();
}

#[tokio::test]
async fn what_a_dead_server_had_claimed_is_claimed_once_more_where_that_was_asked_for() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    let (again, once) = (start_again_if_lost(&first).await, start(&first, "waits").await);
    eventually(|| first.running() == 2).await;
    first.clock.advance(Duration::from_millis(250));
    becomes(&first, &again, State::Running).await;
    let second = first.beside("second").begun();
    first.kill();
    outlive(&second).await;
    assert_eq!(becomes(&second, &once, State::Lost).await.failure.map(|failure| failure.reason), Some(Reason::NodeLost));
    eventually(|| second.running() == 1).await;
    let mut watch = second.executions.watch(&second.permit::<actions::WatchExecution>(again.clone()).await, 0).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 6 {
        if let Watched::Event(event) = next(&mut watch).await {
            assert_eq!(event.sequence, seen.len() as u64 + 1, "no number is used twice or left out");
            seen.push(match event.body {
                Body::Queued { .. } => "queued",
                Body::Started(_) => "started",
                Body::Output(_) => "output",
                Body::Finished(_) => "finished",
            });
        }
    }
    assert_eq!(seen, ["queued", "started", "output", "queued", "started", "output"]);

    // A second loss is the last.
    second.clock.advance(Duration::from_millis(250));
    becomes(&second, &again, State::Running).await;
    let third = second.beside("third").begun();
    second.kill();
    outlive(&third).await;
    assert_eq!(becomes(&third, &again, State::Lost).await.failure.map(|failure| failure.reason), Some(Reason::NodeLost));
    assert_eq!((third.running(), waits(&third).await), (0, 0));
}

#[tokio::test]
async fn a_server_that_was_taken_for_dead_stops_what_another_runs_again() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    let again = start_again_if_lost(&first).await;
    eventually(|| first.running() == 1).await;
    let second = first.beside("second").begun();
    outlive(&second).await;
    eventually(|| second.running() == 1).await;
    // It comes back: its program ends before anything else of it is stored.
    first.executions.tend().await;
    eventually(|| first.running() == 0).await;
    second.release();
    let ended = becomes(&second, &again, State::Succeeded).await;
    assert_eq!(ended.fence.holder.as_str(), "second");
}

#[tokio::test]
async fn a_server_that_cannot_renew_its_lease_stops_what_others_may_run_before_they_do() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    let (again, once) = (start_again_if_lost(&first).await, start(&first, "waits").await);
    eventually(|| first.running() == 2).await;
    first.executions.tend().await;
    first.stores().executions.faults().fail_always("renew");
    first.clock.advance(TERM - Keeper::period() - Duration::from_millis(1));
    first.executions.tend().await;
    first.executions.yield_what_may_be_claimed();
    assert_eq!(first.running(), 2, "it may still be renewed");
    first.clock.advance(Duration::from_millis(1));
    first.executions.yield_what_may_be_claimed();
    eventually(|| first.running() == 1).await;
    // The lease is renewed before anybody else has acted: it runs again here.
    first.stores().executions.faults().heal();
    first.executions.tend().await;
    eventually(|| first.running() == 2).await;
    first.release();
    becomes(&first, &once, State::Succeeded).await;
    assert!(becomes(&first, &again, State::Succeeded).await.claimable.is_none());
}

#[tokio::test]
async fn the_term_of_a_lease_counts_from_when_it_was_asked_for_and_not_from_a_late_answer() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    start_again_if_lost(&first).await;
    eventually(|| first.running() == 1).await;
    let (late, clock) = (Duration::from_secs(6), first.clock.clone());
    first.stores().executions.faults().meanwhile("renew", move || clock.advance(late));
    first.executions.tend().await;
    first.clock.advance(TERM - Keeper::period() - late);
    first.executions.yield_what_may_be_claimed();
    eventually(|| first.running() == 0).await;
}

#[tokio::test]
async fn what_must_be_left_to_others_before_its_program_begins_is_not_stored_as_ended() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    first.sandbox.hold_starts(true);
    let again = start_again_if_lost(&first).await;
    eventually(|| first.sandbox.handed().len() == 1).await;
    first.executions.tend().await;
    first.stores().executions.faults().fail_always("renew");
    first.clock.advance(TERM - Keeper::period());
    first.executions.yield_what_may_be_claimed();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let left = stored(&first, &again).await;
    assert!(!left.state.is_terminal(), "others may run it, and it is {:?}", left.state);

    first.sandbox.hold_starts(false);
    first.stores().executions.faults().heal();
    first.executions.tend().await;
    eventually(|| first.running() == 1).await;
    first.release();
    becomes(&first, &again, State::Succeeded).await;
}

#[tokio::test]
async fn a_claim_that_was_stored_and_not_answered_is_undone() {
    let (first, second, waiting) = full().await;
    first.stores().executions.faults().fail_next(CLAIM_ANSWERED, 1);
    second.executions.claim().await;
    becomes_held_by(&second, &waiting, "second").await;
    eventually(|| second.incidents.kinds() == ["work-failed"]).await;
    assert_eq!(second.running(), 0);
    second.executions.tend().await;
    assert!(stored(&first, &waiting).await.is_waiting());
    second.executions.claim().await;
    eventually(|| second.running() == 1).await;
    second.release();
    becomes(&second, &waiting, State::Succeeded).await;
}

#[tokio::test]
async fn a_round_undoes_no_claim_that_is_being_answered() {
    let (first, second, waiting) = full().await;
    let faults = first.stores().executions.faults().clone();
    // From here on each round looks whether it was claimed.
    faults.fail_next("claim", 1);
    second.executions.claim().await;
    eventually(|| second.incidents.kinds() == ["work-failed"]).await;
    let rounds = second.executions.clone();
    faults.meanwhile(CLAIM_ANSWERED, move || rounds.tend().now_or_never().expect("stores in memory answer at once"));
    second.executions.claim().await;
    eventually(|| second.running() == 1).await;
    assert_eq!((waits(&first).await, stored(&first, &waiting).await.fence.holder.as_str()), (0, "second"));
    second.release();
    becomes(&second, &waiting, State::Succeeded).await;
}

#[tokio::test]
async fn a_claim_that_was_not_answered_keeps_nothing_from_running() {
    let (first, second, waiting) = full().await;
    let faults = first.stores().executions.faults().clone();
    faults.fail_always("claim");
    second.executions.claim().await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.running(), 0);
    assert_eq!(second.incidents.kinds(), ["work-failed"]);
    faults.heal();
    second.executions.tend().await;
    second.executions.claim().await;
    eventually(|| second.running() == 1).await;
    assert_eq!(stored(&first, &waiting).await.fence.holder.as_str(), "second");
}
