//! `request_id`: what is sent twice is done once.

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use prost_types::FieldMask;
use test_support::in_time;
use tonic::Code;

use crate::harness::{Harness, TENANT, reason, utility_name};

const SCRIPT: &str = "def main():\n    #: print hello\n    #: return 1\n";
const ID: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";

fn create(display_name: &str) -> pb::CreateUtilityRequest {
    let utility = pb::Utility { code: SCRIPT.to_owned(), display_name: display_name.to_owned(), ..Default::default() };
    pb::CreateUtilityRequest {
        parent: TENANT.to_owned(),
        utility_id: "some".to_owned(),
        utility: Some(utility),
        request_id: ID.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_repeated_creation_gets_the_first_answer_and_another_body_is_refused() {
    let server = Harness::start().await;
    let mut client = server.utilities.clone();
    let first = client.create_utility(create("One")).await.unwrap().into_inner();
    let second = client.create_utility(create("One")).await.unwrap().into_inner();
    assert_eq!(first, second);
    let upper = pb::CreateUtilityRequest { request_id: ID.to_uppercase(), ..create("One") };
    assert_eq!(client.create_utility(upper).await.unwrap().into_inner(), first, "the same UUID, written otherwise");
    let other = client.create_utility(create("Two")).await.unwrap_err();
    assert_eq!((other.code(), reason(&other)), (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn the_same_id_in_another_method_is_another_request() {
    let server = Harness::start().await;
    let mut client = server.utilities.clone();
    client.create_utility(create("One")).await.unwrap();
    let delete = pb::DeleteUtilityRequest { name: utility_name("some"), request_id: ID.to_owned(), ..Default::default() };
    let deleted = client.delete_utility(delete.clone()).await.unwrap().into_inner();
    assert_eq!(client.delete_utility(delete).await.unwrap().into_inner(), deleted, "not UTILITY_DELETED");
}

#[tokio::test]
async fn a_repeated_start_answers_the_first_execution_as_it_is_by_then() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let mut client = server.executions.clone();
    let request = executions::StartExecutionRequest { name: utility_name("some"), request_id: ID.to_owned(), ..Default::default() };
    let first = client.start_execution(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.request_id, ID);
    let ended = server.ended(&first.name).await;
    assert_eq!(client.start_execution(request.clone()).await.unwrap().into_inner(), ended);
    assert_eq!(server.sandbox.started(), 1);
    let other = executions::StartExecutionRequest { params_json: "{ }".to_owned(), ..request };
    let refused = client.start_execution(other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn a_repeated_execute_attaches_to_the_first_execution_from_its_first_event() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: print hello\n    #: wait\n    #: return 1\n").await;
    let mut client = server.executions.clone();
    let request = executions::ExecuteUtilityRequest { name: utility_name("some"), request_id: ID.to_owned(), ..Default::default() };
    let mut first = client.execute_utility(request.clone()).await.unwrap().into_inner();
    let mut second = client.execute_utility(request.clone()).await.unwrap().into_inner();
    let (one, two) = (first.message().await.unwrap(), in_time(second.message()).await.unwrap());
    assert_eq!(one, two);
    server.sandbox.release();
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    while let Some(event) = in_time(first.message()).await.unwrap() {
        of_first.push(event);
    }
    while let Some(event) = in_time(second.message()).await.unwrap() {
        of_second.push(event);
    }
    assert_eq!(of_first, of_second);
    let mut late = client.execute_utility(request).await.unwrap().into_inner();
    assert_eq!(in_time(late.message()).await.unwrap(), one, "also when it is over");
    assert_eq!(server.sandbox.started(), 1);
}

#[tokio::test]
async fn what_was_answered_while_its_repetition_was_being_judged_is_answered_to_that_as_well() {
    let server = Harness::start().await;
    let seen = server.create("some", SCRIPT).await;
    let utility = pb::Utility { name: seen.name, etag: seen.etag, display_name: "One".to_owned(), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["display_name".to_owned()] });
    let request = pb::UpdateUtilityRequest { utility: Some(utility), update_mask, request_id: ID.to_owned(), ..Default::default() };
    let mut halted = server.stored.halt_read();
    let (mut client, again) = (server.utilities.clone(), request.clone());
    let repetition = tokio::spawn(async move { client.update_utility(again).await });
    (&mut halted.arrived).await.unwrap();
    let first = server.utilities.clone().update_utility(request).await.unwrap().into_inner();
    halted.go_on.send(()).unwrap();
    assert_eq!(repetition.await.unwrap().unwrap().into_inner(), first, "not ETAG_MISMATCH");
}
