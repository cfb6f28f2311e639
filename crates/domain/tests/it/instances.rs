//! Several servers on one store: each sees, watches and stops what the others run, and only what a dead one left is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::Error;
use domain::audit::{Actor, AuditQuery, AuditRepository, OWN_WORK, Outcome};
use domain::execution::{Body, ExecutionQuery, ExecutionRepository, Signals as _, State, Watched, actions};
use domain::lease::{self, InstanceId, Keeper, LeaseName, TERM};
use domain::name::ExecutionName;
use domain::page::PageRequest;
use domain::sandbox::Reason;
use domain::time::Clock as _;
use futures_util::FutureExt as _;
use test_support::sample;

use crate::world::{World, eventually, next, start};

const WAITING: &str = "#: print hello\n#: wait\n#: return 1\n";
/// Longer than output waits until it is durable.
const FLUSHED: Duration = Duration::from_millis(250);

/// Two servers, and an execution that runs on the first and has printed.
async fn running() -> (World, World, ExecutionName) {
    let first = World::new();
    let second = first.beside("second").begun();
    first.create("waits", WAITING).await.unwrap();
    let name = start(&first, "waits").await;
    eventually(|| first.running() == 1).await;
    first.clock.advance(FLUSHED);
    stored(&first, &name, State::Running).await;
    (first, second, name)
}

async fn state(world: &World, name: &ExecutionName) -> State {
    let found = world.stores().executions.find(&sample::scope("acme"), &name.execution).await.unwrap().open_for_system();
    found.expect("it is stored").state
}

async fn stored(world: &World, name: &ExecutionName, expected: State) {
    for _ in 0..1_000 {
        if state(world, name).await == expected {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{name} is {:?}, not {expected:?}", state(world, name).await);
}

#[tokio::test]
async fn a_watch_goes_on_at_another_server_behind_output_that_the_document_does_not_count_yet() {
    let (first, second, name) = running().await;
    let (executions, scope) = (&first.stores().executions, sample::scope("acme"));
    let running = executions.find(&scope, &name.execution).await.unwrap().open_for_system().expect("it is stored");
    let next_ones = [sample::output(running.last_sequence + 1, 5), sample::output(running.last_sequence + 2, 5)];
    ExecutionRepository::append(executions.as_ref(), &scope, &name.execution, &running.fence, &next_ones).await.unwrap();
    let permit = second.permit::<actions::WatchExecution>(name.clone()).await;
    let mut watch = second.executions.watch(&permit, running.last_sequence + 1).await.unwrap();
    let Watched::Event(event) = next(&mut watch).await else { panic!("there is one more") };
    assert_eq!(event.sequence, running.last_sequence + 2);
    for beyond in [running.last_sequence + 3, u64::MAX] {
        let refused = second.executions.watch(&permit, beyond).await.map(drop).unwrap_err();
        assert!(matches!(refused, Error::OutOfRange { reason: "SEQUENCE_IN_FUTURE", .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn what_runs_on_one_server_is_watched_and_cancelled_on_another() {
    let (first, second, name) = running().await;
    let hearing = first.executions.clone();
    let ear = tokio::spawn(async move { hearing.hear_stops().await });
    tokio::task::yield_now().await;
    let mut watch = second.executions.watch(&second.permit::<actions::WatchExecution>(name.clone()).await, 0).await.unwrap();
    let mut output = Vec::new();
    while output.is_empty() {
        if let Watched::Event(event) = next(&mut watch).await
            && let Body::Output(piece) = event.body
        {
            output = piece.data;
        }
    }
    assert_eq!(output, b"hello\n");

    let cancelled = second.executions.cancel(&second.permit::<actions::CancelExecution>(name.clone()).await).await.unwrap();
    assert_eq!(cancelled.state, State::Cancelling);
    // No time passes: the first server hears of the wish, and the watcher of the end.
    let end = next(&mut watch).await;
    let Watched::Event(event) = end else { panic!("{end:?}") };
    let Body::Finished(ended) = event.body else { panic!("{event:?}") };
    assert_eq!((ended.state, ended.failure.map(|failure| failure.reason)), (State::Cancelled, Some(Reason::Cancelled)));
    ear.abort();
}

#[tokio::test]
async fn a_hint_that_says_nothing_new_has_no_watcher_look_in_the_store() {
    let (first, second, name) = running().await;
    let mut watch = second.executions.watch(&second.permit::<actions::WatchExecution>(name.clone()).await, 0).await.unwrap();
    let mut seen = 0;
    while let Some(item) = next(&mut watch).now_or_never() {
        let Watched::Event(event) = item else { panic!("{item:?}") };
        seen = event.sequence;
    }
    assert!(seen > 0);
    let looks = Arc::<AtomicUsize>::default();
    let counted = looks.clone();
    first.stores().executions.faults().meanwhile("find", move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    for (hint, expected) in [(seen - 1, 0), (seen, 0), (seen + 1, 1)] {
        first.stores().signals.new_sequence(&name, hint);
        assert!(next(&mut watch).now_or_never().is_none());
        assert_eq!(looks.load(Ordering::SeqCst), expected, "hint {hint} behind {seen}");
    }
}

#[tokio::test]
async fn a_wish_to_stop_that_nobody_heard_is_found_at_the_next_round() {
    let (first, second, name) = running().await;
    second.executions.cancel(&second.permit::<actions::CancelExecution>(name.clone()).await).await.unwrap();
    assert_eq!(state(&first, &name).await, State::Running);
    first.executions.tend().await;
    stored(&first, &name, State::Cancelled).await;
    assert_eq!(first.incidents.kinds(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_server_that_stops_holds_its_lease_until_it_leaves() {
    let world = World::new();
    let name = LeaseName::of_instance(&InstanceId::new("first"));
    let holds = async || {
        let held = lease::LeaseRepository::find(&*world.stores().executions, &name).await.unwrap();
        held.is_some_and(|lease| lease.in_force(world.clock.now()))
    };
    assert!(world.executions.shutdown(Duration::from_secs(1)).await);
    assert!(holds().await, "it may have outcomes to record still");
    world.executions.leave().await;
    assert!(!holds().await);
}

#[tokio::test]
async fn only_what_a_dead_server_left_is_lost() {
    let (first, second, lost) = running().await;
    let third = first.beside("third").begun();
    let alive = start(&third, "waits").await;
    eventually(|| third.running() == 1).await;
    let mut watch = second.executions.watch(&second.permit::<actions::WatchExecution>(lost.clone()).await, 0).await.unwrap();

    first.kill();
    for _ in 0..4 {
        first.clock.advance(Keeper::period());
        third.executions.tend().await;
        second.executions.tend().await;
    }
    assert_eq!(state(&first, &lost).await, State::Lost);
    assert!(!state(&first, &alive).await.is_terminal(), "its server renews its lease");
    let mut printed = Vec::new();
    let end = loop {
        match next(&mut watch).await {
            Watched::Event(event) => match event.body {
                Body::Output(piece) => printed.extend(piece.data),
                Body::Finished(ended) => break ended,
                Body::Queued { .. } | Body::Started(_) => {}
            },
            Watched::Heartbeat { .. } => {}
        }
    };
    assert_eq!((end.state, end.failure.map(|failure| failure.reason)), (State::Lost, Some(Reason::NodeLost)));
    assert_eq!(printed, b"hello\n", "what was stored is kept");
}

#[tokio::test]
async fn what_a_server_ends_and_removes_by_itself_is_recorded_like_a_call_and_not_done_where_it_cannot_be() {
    let (first, second, lost) = running().await;
    let faults = first.stores().executions.faults().clone();
    first.kill();
    faults.fail_always("append_audit");
    for _ in 0..4 {
        first.clock.advance(Keeper::period());
        second.executions.tend().await;
    }
    assert_eq!(state(&first, &lost).await, State::Running);
    assert!(second.incidents.kinds().iter().all(|kind| *kind == "not-settled") && !second.incidents.kinds().is_empty());
    faults.heal();
    second.executions.tend().await;
    second.clock.advance(Duration::from_secs(1));
    let retention = second.retention(Duration::from_millis(1), u64::MAX);
    let removed = retention.run().await.unwrap().expect("nobody else does it");
    assert_eq!((state_of_all(&first).await, removed.executions), (0, 1));
    retention.run().await.unwrap().expect("nobody else does it");

    let ended = own_records(&second, "acme").await;
    let resource = lost.to_string();
    assert_eq!(ended, [(Outcome::Intent, "execution.lose", &*resource), (Outcome::Allowed, "execution.lose", &*resource)].map(owned));
    let removals = own_records(&second, "system").await;
    assert_eq!(
        removals,
        [(Outcome::Intent, "execution.prune", "execution"), (Outcome::Allowed, "execution.prune", "execution")].map(owned),
        "the second run removes nothing, and is not recorded"
    );
    let (scope, store) = (sample::scope("acme"), second.stores().executions.clone());
    let another = sample::execution(&scope, 77);
    ExecutionRepository::insert(&*store, &scope, &another, None, &[], None).await.unwrap();
    ExecutionRepository::save(&*store, &scope, &sample::ended(&another, 0), &[]).await.unwrap();
    faults.fail_always("append_audit");
    assert_eq!(retention.run().await.unwrap_err().reason(), "AUDIT_UNAVAILABLE");
    assert_eq!(state_of_all(&first).await, 1, "what cannot be recorded is not done");
}

fn owned((outcome, action, resource): (Outcome, &str, &str)) -> (Outcome, String, String) {
    (outcome, action.to_owned(), resource.to_owned())
}

/// How many executions are stored.
async fn state_of_all(world: &World) -> usize {
    let page = PageRequest { size: 100, after: None };
    let found = ExecutionRepository::list(&*world.stores().executions, &sample::scope("acme"), &ExecutionQuery::default(), &page).await;
    found.unwrap().open_for_system().unwrap().items.len()
}

/// Outcome, action and resource of what this server has recorded of its own work in a log, oldest first.
async fn own_records(world: &World, tenant: &str) -> Vec<(Outcome, String, String)> {
    let page = PageRequest { size: 100, after: None };
    let found = AuditRepository::list(&*world.stores().executions, &sample::scope(tenant), &AuditQuery::default(), &page).await;
    let mut records = found.unwrap().open_for_system().unwrap().items;
    records.retain(|record| record.entry.method == OWN_WORK);
    assert!(records.iter().all(|record| record.entry.actor == Actor::default() && record.entry.instance == InstanceId::new("second")));
    records.sort_by_key(|record| record.sequence);
    records.into_iter().map(|record| (record.entry.outcome, record.entry.action, record.entry.resource)).collect()
}

#[tokio::test]
async fn two_servers_that_settle_at_once_lose_an_execution_once() {
    let (first, second, name) = running().await;
    let third = first.beside("third").begun();
    first.kill();
    first.clock.advance(TERM);
    let (one, other) = tokio::join!(second.executions.recover(), third.executions.recover());
    assert_eq!(one.unwrap() + other.unwrap(), 1);
    let events = first.stores().executions.events_after(&sample::scope("acme"), &name.execution, 0, usize::MAX).await.unwrap();
    assert_eq!(events.iter().filter(|event| matches!(event.body, Body::Finished(_))).count(), 1);
    let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_paused_server_that_was_taken_for_dead_stops_and_writes_nothing_more() {
    let (first, second, name) = running().await;
    let mut watch = first.executions.watch(&first.permit::<actions::WatchExecution>(name.clone()).await, 0).await.unwrap();
    // The first server does not get to renew its lease.
    first.clock.advance(TERM);
    assert_eq!(second.executions.recover().await.unwrap(), 1);
    first.release();
    eventually(|| first.incidents.kinds() == ["overtaken"]).await;
    assert_eq!((state(&first, &name).await, first.running()), (State::Lost, 0));
    // Whoever watches there is answered from the store, to the end.
    let end = loop {
        if let Watched::Event(event) = next(&mut watch).await
            && let Body::Finished(ended) = event.body
        {
            break ended;
        }
    };
    assert_eq!(end.state, State::Lost);
}

#[tokio::test]
async fn a_server_without_its_lease_begins_nothing() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    first.create("echoes", "def transform(value):\n    return value\n").await.unwrap();
    let idle = first.beside("idle");
    let refused = idle.transform("echoes").await.expect_err("it holds no lease");
    assert!(matches!(refused, Error::Unavailable { dependency: "lease", .. }), "{refused:?}");
    let refused = crate::world::try_start(&idle, "waits").await.expect_err("it holds no lease");
    assert!(matches!(refused, Error::Unavailable { dependency: "lease", .. }), "{refused:?}");
    assert_eq!(idle.running(), 0);
}

#[tokio::test]
async fn a_lost_lease_is_acquired_anew_and_what_the_store_refuses_meanwhile_is_told() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    first.stores().executions.faults().fail_next("renew", 1);
    first.executions.tend().await;
    assert_eq!(first.incidents.kinds(), ["work-failed"]);
    first.executions.tend().await;
    start(&first, "waits").await;
    assert_eq!(first.incidents.kinds(), ["work-failed", "work-resumed"]);
}

#[tokio::test]
async fn what_was_taken_over_and_could_not_be_ended_is_ended_in_a_later_round() {
    for method in ["take_over", "events_after", "save"] {
        let (first, second, name) = running().await;
        first.kill();
        first.clock.advance(TERM);
        second.stores().executions.faults().fail_next(method, 1);
        assert_eq!(second.executions.recover().await.unwrap(), 0, "{method}");
        assert_eq!(second.incidents.kinds(), ["not-settled"], "{method}");
        assert_eq!(second.executions.recover().await.unwrap(), 1, "{method}");
        assert_eq!(state(&second, &name).await, State::Lost, "{method}");
    }
}

#[tokio::test]
async fn one_execution_that_cannot_be_settled_holds_up_no_other() {
    let (first, second, _) = running().await;
    start(&first, "waits").await;
    start(&first, "waits").await;
    eventually(|| first.running() == 3).await;
    first.kill();
    first.clock.advance(TERM);
    second.stores().executions.faults().fail_next("take_over", 1);
    assert_eq!(second.executions.recover().await.unwrap(), 2);
    assert_eq!(second.executions.recover().await.unwrap(), 1);
}

#[tokio::test]
async fn settling_that_takes_longer_than_the_lease_keeps_it_all_the_while() {
    const LEFT: usize = 12;
    let first = World::new();
    let second = first.beside("second").begun();
    first.create("waits", WAITING).await.unwrap();
    let mut names = Vec::new();
    for _ in 0..LEFT {
        names.push(start(&first, "waits").await);
    }
    eventually(|| first.running() == LEFT).await;
    first.kill();
    for _ in 0..2 {
        first.clock.advance(Keeper::period());
        second.executions.tend().await;
    }
    let (store, clock) = (first.stores().executions.clone(), first.clock.clone());
    let lapses = Arc::new(AtomicUsize::new(0));
    let counted = lapses.clone();
    first.stores().executions.faults().meanwhile("take_over", move || {
        clock.advance(Keeper::period() / 2);
        let name = LeaseName::of_instance(&InstanceId::new("second"));
        let lease = lease::LeaseRepository::find(&*store, &name).now_or_never().unwrap().unwrap();
        counted.fetch_add(usize::from(!lease.is_some_and(|lease| lease.in_force(clock.now()))), Ordering::SeqCst);
    });
    first.clock.advance(Keeper::period());
    second.executions.tend().await;
    for name in &names {
        assert_eq!(state(&first, name).await, State::Lost);
    }
    assert_eq!((lapses.load(Ordering::SeqCst), second.incidents.kinds()), (0, Vec::new()));
}

#[tokio::test]
async fn what_nothing_drives_any_more_is_settled_by_its_own_server() {
    let (first, _second, name) = running().await;
    // Its driver ends without having come to the end, as by a panic; the server goes on.
    first.kill();
    eventually(|| first.running() == 0).await;
    first.executions.tend().await;
    assert_eq!((state(&first, &name).await, first.incidents.kinds()), (State::Lost, Vec::new()));
}

#[tokio::test]
async fn an_execution_that_the_store_refused_leaves_nothing_behind() {
    let first = World::new();
    first.create("waits", WAITING).await.unwrap();
    first.stores().executions.faults().fail_next("insert", 1);
    crate::world::try_start(&first, "waits").await.expect_err("the store refuses it");
    first.executions.tend().await;
    first.executions.tend().await;
    assert_eq!((first.running(), first.executions.load_now().running, first.incidents.kinds()), (0, 0, Vec::new()));
}

#[tokio::test]
async fn a_silent_program_of_a_paused_server_is_stopped_once_the_server_goes_on() {
    let (first, second, name) = running().await;
    first.clock.advance(TERM);
    assert_eq!(second.executions.recover().await.unwrap(), 1);
    assert_eq!(first.running(), 1, "it prints nothing, so that nothing is written");
    // The round in which the store does not say whose it is does not make the server forget to ask.
    first.stores().executions.faults().fail_next("find", 1);
    first.executions.tend().await;
    first.executions.tend().await;
    eventually(|| first.running() == 0).await;
    assert_eq!(state(&first, &name).await, State::Lost);
    assert_eq!(first.incidents.kinds(), ["work-failed", "overtaken", "work-resumed"]);
}
