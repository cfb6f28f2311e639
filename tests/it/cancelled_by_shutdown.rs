//! A server that is asked to end cancels what runs, stores it, and leaves nothing, within five seconds.

use std::time::Duration;

use api_proto::zona::execution::v1::ExecutionState;
use e2e::{
    rpc::{Client, Printed, finished, rest},
    server::{Backend, Server},
};

use crate::steps::{TICKER, assert_ticked, patient, ticking};

const PROMISED: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_end_cancels_its_runs_and_leaves_nothing() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let first = Server::on(data.path(), Backend::Namespace);
    let mut client = Client::connect(&first).await;
    client.create("ticker", TICKER, patient()).await;
    let mut running = Vec::new();
    for _ in 0..3 {
        running.push(ticking(&mut client, "ticker", 2).await);
    }
    // A watcher is told the end, not just cut off.
    let (name, seen) = &running[0];
    let mut stream = client.watch(name, seen.len() as i64).await;
    let follow = tokio::spawn({
        let after = seen.len() as i64;
        async move { rest(&mut stream, after).await }
    });
    let stopped = tokio::task::spawn_blocking(move || first.stop()).await.expect("stopping does not panic");
    assert!(stopped.took < PROMISED, "it took {:?}", stopped.took);
    let told = follow.await.expect("the stream is whole");
    assert_eq!(finished(&told).state(), ExecutionState::Cancelled);

    let second = Server::on(data.path(), Backend::Namespace);
    let mut client = Client::connect(&second).await;
    for (name, seen) in &running {
        let events = client.events(name).await;
        let execution = finished(&events);
        assert_eq!(execution.state(), ExecutionState::Cancelled);
        assert_eq!(execution.failure.as_ref().map(|failure| failure.reason.as_str()), Some("CANCELLED"));
        assert_ticked(&Printed::of(&events).text());
        assert_eq!(events[..seen.len()], seen[..], "nothing that a client saw is gone");
    }
    second.stop();
}
