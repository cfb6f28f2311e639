//! A server that is killed without warning leaves nothing running, and a new one on its data says truthfully what was lost.

use std::time::Duration;

use api_proto::zona::execution::v1::{ExecutionEvent, ExecutionState};
use e2e::{
    host,
    rpc::{Client, Printed, finished},
    server::{Backend, Server},
};

use crate::steps::{TICKER, assert_ticked, patient, ticking};

/// Sandboxes end by themselves when their server is gone.
const ORPHANS_GONE: Duration = Duration::from_secs(10);
/// Output is durable 200 ms after it was printed; the slack is for a busy machine.
const DURABLE_AFTER_MS: i64 = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_a_killed_server_are_lost_with_their_output_kept() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let first = Server::on(data.path(), Backend::Namespace);
    let mut client = Client::connect(&first).await;
    client.create("ticker", TICKER, patient()).await;
    let (done, _) = client.run("ticker", r#"{"lines": 3}"#).await;
    let mut running = Vec::new();
    for _ in 0..3 {
        // Thirty lines take three seconds, most of which are durable by then.
        running.push(ticking(&mut client, "ticker", 30).await);
    }
    let footprint = first.footprint();
    assert!(footprint.processes.len() > 3 && !footprint.directories.is_empty(), "the story sees no sandboxes: {footprint:?}");
    let stopped = first.kill();
    assert_eq!(stopped.code, None, "it was killed");
    assert!(host::eventually(ORPHANS_GONE, || stopped.held.living().is_empty()), "orphans: {:?}", stopped.held.remains());

    let second = Server::on(data.path(), Backend::Namespace);
    let remains = || stopped.held.remains();
    assert!(host::eventually(ORPHANS_GONE, || remains().is_empty()), "not swept: {:?}", remains());
    let mut client = Client::connect(&second).await;
    for (name, seen) in &running {
        assert_lost(&mut client, name, seen).await;
    }
    assert_eq!(client.get(&done.name).await, done, "what had ended stays as it was");
    let (again, printed) = client.run("ticker", r#"{"lines": 2}"#).await;
    assert_eq!((again.state(), printed.text().as_str()), (ExecutionState::Succeeded, "line 0\nline 1\n"));
    second.stop();
}

async fn assert_lost(client: &mut Client, name: &str, seen: &[ExecutionEvent]) {
    let events = client.events(name).await;
    let execution = finished(&events);
    assert_eq!(execution.state(), ExecutionState::Lost);
    assert_eq!(execution.failure.as_ref().map(|failure| failure.reason.as_str()), Some("NODE_LOST"));
    assert!(execution.start_time.is_some() && execution.attestation.is_some(), "where it ran is known: {execution:?}");
    assert_eq!(client.get(name).await, execution);
    assert_ticked(&Printed::of(&events).text());
    let last = millis(seen.last().expect("the ticker was seen"));
    let durable: Vec<&ExecutionEvent> = seen.iter().filter(|event| last - millis(event) > DURABLE_AFTER_MS).collect();
    assert!(durable.len() >= 3, "Queued, Started and some output are old enough: {durable:?}");
    let durable_text = Printed::of(&durable.into_iter().cloned().collect::<Vec<_>>()).text();
    assert!(Printed::of(&events).text().starts_with(&durable_text), "durable output is gone");
}

fn millis(event: &ExecutionEvent) -> i64 {
    let time = event.time.as_ref().expect("every event has a time");
    time.seconds * 1000 + i64::from(time.nanos) / 1_000_000
}
