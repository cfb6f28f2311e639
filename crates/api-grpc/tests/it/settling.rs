//! What becomes of work whose caller goes away: a change comes to its end and can be asked for, anything else is dropped.

use std::time::Duration;

use api_grpc::Deadlines;
use api_proto::zona::utility::v1 as pb;
use tonic::Code;

use crate::harness::{Harness, Options, TENANT, reason, utility_name};

const ID: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";

fn create() -> pb::CreateUtilityRequest {
    let utility = pb::Utility { code: "pass\n".to_owned(), display_name: "First".to_owned(), ..Default::default() };
    pb::CreateUtilityRequest {
        parent: TENANT.to_owned(),
        utility_id: "some".to_owned(),
        utility: Some(utility),
        request_id: ID.to_owned(),
        ..Default::default()
    }
}

/// Asks for a change, and goes away once the store has it in hand.
async fn abandoned(server: &Harness) -> crate::halting::Halted {
    let mut halted = server.stored.halt_commit();
    let mut client = server.utilities.clone();
    let call = tokio::spawn(async move { client.create_utility(create()).await });
    (&mut halted.arrived).await.unwrap();
    call.abort();
    assert_eq!(server.calls.ended("CreateUtility").await, Code::Cancelled);
    halted
}

#[tokio::test]
async fn a_change_whose_caller_leaves_is_stored_and_its_request_id_answers() {
    let server = Harness::start().await;
    let halted = abandoned(&server).await;
    halted.go_on.send(()).unwrap();
    assert_eq!(server.calls.settled("CreateUtility").await, Code::Ok, "its outcome is counted");
    let again = server.utilities.clone().create_utility(create()).await.unwrap().into_inner();
    assert_eq!((again.name.as_str(), again.display_name.as_str()), (utility_name("some").as_str(), "First"));
    assert_eq!(server.get("some").await, again, "and it was made once");
}

#[tokio::test]
async fn a_change_that_misses_its_deadline_is_stored_and_its_request_id_answers() {
    let deadlines = Deadlines { unary: Duration::from_millis(500), ..Deadlines::default() };
    let server = Harness::with(Options { deadlines, ..Options::default() }).await;
    let halted = server.stored.halt_commit();
    let late = server.utilities.clone().create_utility(create()).await.unwrap_err();
    assert_eq!((late.code(), reason(&late)), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    halted.go_on.send(()).unwrap();
    assert_eq!(server.calls.settled("CreateUtility").await, Code::Ok);
    let again = server.utilities.clone().create_utility(create()).await.unwrap().into_inner();
    assert_eq!(server.get("some").await, again);
}

#[tokio::test]
async fn a_change_that_fails_after_its_caller_has_gone_is_told_with_its_reason() {
    let server = Harness::start().await;
    let halted = abandoned(&server).await;
    // Somebody else takes the name meanwhile; only the first change was told to halt.
    server.create("some", "pass\n").await;
    halted.go_on.send(()).unwrap();
    assert_eq!(server.calls.settled("CreateUtility").await, Code::AlreadyExists);
}

#[tokio::test]
async fn a_stop_waits_for_changes_whose_callers_have_gone() {
    let server = Harness::start().await;
    let halted = abandoned(&server).await;
    let (spawner, calls) = (server.spawner.clone(), server.calls.clone());
    server.stop().await;
    assert_eq!(spawner.running(), ["change"], "the work outlives the ports, and is there to be waited for");
    halted.go_on.send(()).unwrap();
    spawner.settle().await;
    assert_eq!(calls.settled("CreateUtility").await, Code::Ok);
}

#[tokio::test]
async fn a_read_is_dropped_with_its_call() {
    let server = Harness::start().await;
    server.create("some", "pass\n").await;
    let mut halted = server.stored.halt_read();
    let mut client = server.utilities.clone();
    let call = tokio::spawn(async move { client.get_utility(pb::GetUtilityRequest { name: utility_name("some") }).await });
    (&mut halted.arrived).await.unwrap();
    call.abort();
    halted.passed.await.expect_err("nobody went on");
    assert_eq!(server.spawner.running(), [""; 0]);
}
