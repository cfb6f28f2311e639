//! Streams of events: their order, their end, resuming, heartbeats, and what becomes of an execution when its stream breaks.

use std::time::Duration;

use api_grpc::Deadlines;
use api_proto::zona::execution::v1 as pb;
use domain::admission;
use pb::ExecutionState as State;
use pb::execution_event::Event;
use test_support::in_time;
use tonic::{Code, Streaming};

use crate::harness::{HEARTBEAT, Harness, Options, reason, utility_name};

const WAITING: &str = "def main():\n    #: print before\n    #: wait\n    #: print after\n    #: return 1\n";

async fn execute(server: &Harness, id: &str, cancel_on_disconnect: bool) -> Streaming<pb::ExecutionEvent> {
    let request = pb::ExecuteUtilityRequest { name: utility_name(id), cancel_on_disconnect, ..Default::default() };
    server.executions.clone().execute_utility(request).await.unwrap().into_inner()
}

async fn rest(mut stream: Streaming<pb::ExecutionEvent>) -> Vec<pb::ExecutionEvent> {
    let mut events = Vec::new();
    while let Some(event) = in_time(stream.message()).await.unwrap() {
        events.push(event);
    }
    events
}

/// The name of the execution, once it has printed something.
async fn until_output(stream: &mut Streaming<pb::ExecutionEvent>) -> String {
    let mut name = String::new();
    loop {
        match in_time(stream.message()).await.unwrap().expect("the stream goes on").event.unwrap() {
            Event::Queued(queued) => name = queued.execution,
            Event::Output(_) => return name,
            Event::Started(_) | Event::Heartbeat(_) => {}
            Event::Finished(_) => panic!("nothing was printed"),
        }
    }
}

async fn cancel(server: &Harness, name: &str) {
    server.executions.clone().cancel_execution(pb::CancelExecutionRequest { name: name.to_owned() }).await.unwrap();
}

/// The next event, which tells the execution's place in the queue. Time passes meanwhile: positions are looked at now and then.
async fn next_position(server: &Harness, stream: &mut Streaming<pb::ExecutionEvent>) -> (String, i32) {
    in_time(async {
        loop {
            let event = tokio::select! {
                event = stream.message() => event.unwrap().expect("the stream goes on").event.unwrap(),
                () = tokio::task::yield_now() => {
                    server.clock.advance(HEARTBEAT);
                    continue;
                }
            };
            match event {
                Event::Queued(queued) => return (queued.execution, queued.position),
                Event::Heartbeat(_) => {}
                other => panic!("it still waits: {other:?}"),
            }
        }
    })
    .await
}

fn kinds(events: &[pb::ExecutionEvent]) -> String {
    let kind = |event: &pb::ExecutionEvent| match event.event.as_ref().unwrap() {
        Event::Queued(_) => "queued",
        Event::Started(_) => "started",
        Event::Output(_) => "output",
        Event::Heartbeat(_) => "heartbeat",
        Event::Finished(_) => "finished",
    };
    events.iter().map(kind).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_execution_streams_its_life_in_order_and_then_ends() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: print one\n    #: error two\n    #: print three\n    #: return 1\n").await;
    let events = rest(execute(&server, "some", false).await).await;
    assert_eq!(kinds(&events), "queued started output output output finished");
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let outputs = events.iter().filter_map(|event| match event.event.as_ref() {
        Some(Event::Output(output)) => Some((output.stream(), output.offset, output.data.clone())),
        _ => None,
    });
    let expected =
        [(pb::OutputStream::Stdout, 0, "one\n"), (pb::OutputStream::Stderr, 0, "two\n"), (pb::OutputStream::Stdout, 4, "three\n")];
    assert_eq!(outputs.collect::<Vec<_>>(), expected.map(|(stream, offset, data)| (stream, offset, data.into())));
    let Some(Event::Finished(finished)) = events.last().unwrap().event.as_ref() else { panic!("the last event is Finished") };
    let execution = finished.execution.as_ref().unwrap();
    assert_eq!((execution.state(), execution.last_sequence), (State::Succeeded, 6));
    assert_eq!(&server.execution(&execution.name).await, execution, "as GetExecution answers it");
    assert_eq!(server.calls.ended("ExecuteUtility").await, Code::Ok);
}

#[tokio::test]
async fn whoever_waits_sees_their_position_fall_until_their_turn() {
    let admission = admission::Config { max_running: 1, ..admission::Config::default() };
    let server = Harness::with(Options { admission, ..Options::default() }).await;
    server.create("some", WAITING).await;
    let mut first = execute(&server, "some", false).await;
    let first = until_output(&mut first).await;
    let mut waiting = Vec::new();
    for place in 1..=3 {
        let mut stream = execute(&server, "some", false).await;
        let (name, position) = next_position(&server, &mut stream).await;
        assert_eq!(position, place);
        waiting.push((name, stream));
    }
    cancel(&server, &first).await;
    for (place, (_, stream)) in waiting.iter_mut().enumerate() {
        assert_eq!(next_position(&server, stream).await.1, place as i32, "one has left");
    }
    let (second, _) = waiting.remove(1);
    cancel(&server, &second).await;
    let (_, last) = waiting.last_mut().unwrap();
    assert_eq!(next_position(&server, last).await.1, 1, "one before it gave up its place");
    server.sandbox.release();
    assert_eq!(next_position(&server, last).await.1, 0, "its turn has come");
    let (_, last) = waiting.pop().unwrap();
    let mut events = rest(last).await;
    events.retain(|event| !matches!(event.event, Some(Event::Heartbeat(_))));
    assert_eq!(kinds(&events), "started output output finished");
}

#[tokio::test]
async fn a_watch_resumes_after_any_event_during_and_after_the_run() {
    let server = Harness::start().await;
    server.create("some", WAITING).await;
    let mut stream = execute(&server, "some", false).await;
    let name = until_output(&mut stream).await;
    let during = {
        let request = pb::WatchExecutionRequest { name: name.clone(), after_sequence: 2 };
        server.executions.clone().watch_execution(request).await.unwrap().into_inner()
    };
    server.sandbox.release();
    assert_eq!(kinds(&rest(during).await), "output output finished");
    let all = server.watch(&name, 0).await;
    assert_eq!(kinds(&all), "queued started output output finished");
    for after in 0..=all.len() {
        assert_eq!(server.watch(&name, after as i64).await, all[after..], "after {after}");
    }
    let request = pb::WatchExecutionRequest { name, after_sequence: all.len() as i64 + 1 };
    let beyond = server.executions.clone().watch_execution(request).await.unwrap_err();
    assert_eq!((beyond.code(), reason(&beyond)), (Code::OutOfRange, "SEQUENCE_IN_FUTURE".to_owned()));
}

#[tokio::test]
async fn much_output_arrives_whole_at_every_watcher() {
    const BYTES: usize = 3 * 1024 * 1024 + 17;
    let server = Harness::start().await;
    server.create("some", &format!("def main():\n    #: flood {BYTES}\n")).await;
    let events = rest(execute(&server, "some", false).await).await;
    let Some(Event::Queued(queued)) = events[0].event.as_ref() else { panic!("the first event is Queued") };
    for events in [events.clone(), server.watch(&queued.execution, 0).await] {
        let mut offset = 0;
        for event in &events {
            if let Some(Event::Output(output)) = &event.event {
                assert_eq!(output.offset as usize, offset);
                assert!((1..=65_536).contains(&output.data.len()));
                offset += output.data.len();
            }
        }
        assert_eq!(offset, BYTES);
    }
}

#[tokio::test]
async fn a_silent_execution_sends_heartbeats() {
    let server = Harness::start().await;
    server.create("some", WAITING).await;
    let mut stream = execute(&server, "some", false).await;
    until_output(&mut stream).await;
    let heartbeat = in_time(async {
        loop {
            tokio::select! {
                event = stream.message() => return event.unwrap().expect("the stream goes on"),
                () = tokio::task::yield_now() => server.clock.advance(HEARTBEAT),
            }
        }
    })
    .await;
    assert_eq!((kinds(std::slice::from_ref(&heartbeat)).as_str(), heartbeat.sequence), ("heartbeat", 0));
    assert!(heartbeat.time.is_some());
    server.sandbox.release();
    assert!(kinds(&rest(stream).await).ends_with("output finished"));
}

#[tokio::test]
async fn a_broken_stream_leaves_the_execution_alone() {
    let server = Harness::start().await;
    server.create("some", WAITING).await;
    let mut stream = execute(&server, "some", false).await;
    let name = until_output(&mut stream).await;
    drop(stream);
    assert_eq!(server.calls.ended("ExecuteUtility").await, Code::Cancelled, "the server has noticed");
    assert_eq!(server.execution(&name).await.state(), State::Running);
    server.sandbox.release();
    assert_eq!(server.ended(&name).await.state(), State::Succeeded);
}

#[tokio::test]
async fn a_broken_stream_cancels_the_execution_that_asked_for_it() {
    let server = Harness::start().await;
    server.create("some", WAITING).await;
    let mut stream = execute(&server, "some", true).await;
    let name = until_output(&mut stream).await;
    drop(stream);
    let ended = server.ended(&name).await;
    assert_eq!((ended.state(), ended.failure.unwrap().reason.as_str()), (State::Cancelled, "CANCELLED"));
}

#[tokio::test]
async fn a_stream_that_ends_by_itself_cancels_nothing() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: print one\n").await;
    let events = rest(execute(&server, "some", true).await).await;
    let Some(Event::Finished(finished)) = events.last().unwrap().event.as_ref() else { panic!("the last event is Finished") };
    assert_eq!(finished.execution.as_ref().unwrap().state(), State::Succeeded);
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline_with_details_and_can_be_resumed() {
    let stream = Duration::from_millis(300);
    let server = Harness::with(Options { deadlines: Deadlines { stream, ..Deadlines::default() }, ..Options::default() }).await;
    server.create("some", WAITING).await;
    let mut stream = execute(&server, "some", false).await;
    let name = until_output(&mut stream).await;
    let over = in_time(stream.message()).await.unwrap_err();
    assert_eq!((over.code(), reason(&over)), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert_eq!(server.calls.ended("ExecuteUtility").await, Code::DeadlineExceeded);
    server.sandbox.release();
    assert_eq!(server.ended(&name).await.state(), State::Succeeded);
}
