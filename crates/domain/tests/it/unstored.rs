//! What happens to executions while the store refuses to store what happens in them.

use std::time::Duration;

use domain::execution::{Body, ExecutionRepository as _, State, Watched, actions};
use domain::lease::TERM;
use test_support::sample;

use crate::world::{World, eventually, next_in_time, start};

/// As much as the longest pause between two tries to store.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What an execution may hold in memory, and the piece that goes beyond.
const MOST_HELD: usize = 1024 * 1024 + 64 * 1024;

#[tokio::test]
async fn an_end_that_the_store_refuses_is_told_once_and_kept_until_it_is_stored() {
    let world = World::new();
    let faults = world.stores().executions.faults().clone();
    world.create("prints", "#: print hello\n#: wait\n").await.unwrap();
    let name = start(&world, "prints").await;
    let mut watch = world.executions.watch(&world.permit::<actions::WatchExecution>(name.clone()).await, 0).await.unwrap();
    faults.fail_always("save");
    faults.fail_always("append");
    world.release();
    while !matches!(next_in_time(&world, &mut watch).await, Watched::Event(event) if matches!(event.body, Body::Finished(_))) {}
    for _ in 0..20 {
        assert_eq!(next_in_time(&world, &mut watch).await, Watched::Heartbeat { store_failing: true });
    }
    assert_eq!((world.incidents.kinds(), world.executions.unstored_now()), (vec!["not-stored"], 1));
    assert_eq!(world.executions.load_now().running, 1, "it keeps its place, so that they cannot pile up");
    let shown = world.executions.get(&world.permit::<actions::GetExecution>(name.clone()).await).await.unwrap();
    assert_eq!(shown.state, State::Succeeded);

    faults.heal();
    world.clock.advance(LONGEST_PAUSE);
    eventually(|| world.incidents.kinds() == ["not-stored", "stored-again"]).await;
    eventually(|| world.executions.load_now().running == 0).await;
    let stored = world.stores().executions.find(&sample::scope("acme"), &name.execution).await.unwrap().open_for_system().unwrap();
    assert_eq!((stored.state, world.executions.unstored_now()), (State::Succeeded, 0));
}

#[tokio::test]
async fn output_that_cannot_be_stored_holds_the_program_up_at_a_bound_and_is_not_lost() {
    const PRINTED: usize = 4 * 1024 * 1024;
    let world = World::new();
    let faults = world.stores().executions.faults().clone();
    world.create("floods", &format!("#: wait\n#: flood {PRINTED}\n")).await.unwrap();
    let name = start(&world, "floods").await;
    let mut watch = world.executions.watch(&world.permit::<actions::WatchExecution>(name.clone()).await, 0).await.unwrap();
    faults.fail_always("save");
    faults.fail_always("append");
    world.release();
    let mut seen = 0;
    loop {
        match next_in_time(&world, &mut watch).await {
            Watched::Event(event) => match event.body {
                Body::Output(piece) => seen += piece.data.len(),
                Body::Queued { .. } | Body::Started(_) => {}
                Body::Finished(_) => panic!("it ended although {seen} bytes of {PRINTED} fit"),
            },
            Watched::Heartbeat { store_failing } if store_failing && seen > MOST_HELD / 2 => break,
            Watched::Heartbeat { .. } => {}
        }
    }
    assert!(seen <= MOST_HELD, "{seen}");
    faults.heal();
    loop {
        match next_in_time(&world, &mut watch).await {
            Watched::Event(event) => match event.body {
                Body::Output(piece) => seen += piece.data.len(),
                Body::Finished(ended) => break assert_eq!(ended.state, State::Succeeded),
                Body::Queued { .. } | Body::Started(_) => {}
            },
            Watched::Heartbeat { .. } => {}
        }
    }
    assert_eq!(seen, PRINTED);
}

#[tokio::test]
async fn an_end_that_was_never_stored_is_lost_with_its_server() {
    let world = World::new();
    world.create("prints", "#: print hello\n#: wait\n").await.unwrap();
    let name = start(&world, "prints").await;
    eventually(|| world.running() == 1).await;
    world.stores().executions.faults().fail_always("save");
    world.release();
    eventually(|| world.incidents.kinds() == ["not-stored"]).await;
    world.kill();
    world.stores().executions.faults().heal();
    world.clock.advance(TERM);
    let next = world.beside("next").begun();
    let stored = next.stores().executions.find(&sample::scope("acme"), &name.execution).await.unwrap().open_for_system().unwrap();
    assert_eq!(stored.state, State::Lost);
    assert!(stored.failure.is_some_and(|failure| failure.message.contains("the server that ran it ended")));
}

#[tokio::test]
async fn a_wish_to_stop_is_heard_while_output_is_held_up() {
    let world = World::new();
    let faults = world.stores().executions.faults().clone();
    world.create("floods", "#: wait\n#: flood 4194304\n#: wait\n").await.unwrap();
    let name = start(&world, "floods").await;
    eventually(|| world.running() == 1).await;
    faults.fail_always("save");
    faults.fail_always("append");
    world.release();
    eventually(|| world.incidents.kinds() == ["not-stored"]).await;
    world.executions.cancel(&world.permit::<actions::CancelExecution>(name.clone()).await).await.unwrap();
    faults.heal();
    let mut watch = world.executions.watch(&world.permit::<actions::WatchExecution>(name.clone()).await, 0).await.unwrap();
    let ended = loop {
        if let Watched::Event(event) = next_in_time(&world, &mut watch).await
            && let Body::Finished(ended) = event.body
        {
            break ended;
        }
    };
    assert_eq!(ended.state, State::Cancelled);
}
