//! Batches and operations through a real client: started, followed, reported, cancelled, and refused.

use std::time::Duration;

use api_proto::zona::execution::v1::ExecutionState;
use api_proto::zona::operation::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use domain::audit::AuditRepository as _;
use pb::watch_operation_response::Message;
use test_support::sample;
use tonic::Code;

use crate::harness::{Harness, LOCAL, TENANT, pairs, reason, utility_name, violations};

const REQUEST: &str = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
const QUICK: &str = "def main():\n    #: return 1\n";
const FAILS: &str = "def main():\n    #: raise ValueError broken\n";
const WAITS: &str = "def main():\n    #: wait\n    #: return 1\n";

fn item(utility: &str) -> pb::BatchItem {
    pb::BatchItem { utility: utility_name(utility), ..pb::BatchItem::default() }
}

fn batch(items: Vec<pb::BatchItem>, concurrency: i32) -> pb::StartBatchRequest {
    pb::StartBatchRequest { parent: TENANT.to_owned(), items, concurrency, request_id: String::new() }
}

async fn begin(server: &Harness, request: pb::StartBatchRequest) -> pb::Operation {
    server.batches.clone().start_batch(request).await.unwrap().into_inner()
}

async fn get(server: &Harness, name: &str) -> pb::Operation {
    server.operations.clone().get_operation(pb::GetOperationRequest { name: name.to_owned() }).await.unwrap().into_inner()
}

async fn list(server: &Harness) -> Vec<pb::Operation> {
    let request = pb::ListOperationsRequest { parent: TENANT.to_owned(), ..Default::default() };
    server.operations.clone().list_operations(request).await.unwrap().into_inner().operations
}

/// The operation once it has ended, while time passes.
async fn ended(server: &Harness, name: &str) -> pb::Operation {
    for _ in 0..2_000 {
        let found = get(server, name).await;
        if found.end_time.is_some() {
            return found;
        }
        server.clock.advance(Duration::from_millis(500));
    }
    panic!("it never ends: {:?}", get(server, name).await);
}

fn of(operation: &pb::Operation) -> &pb::Batch {
    let Some(pb::operation::Work::Batch(batch)) = &operation.work else { panic!("it is a batch") };
    batch
}

async fn items(server: &Harness, name: &str, page_size: i32) -> Vec<pb::BatchItemReport> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListBatchItemsRequest { parent: name.to_owned(), page_size, page_token };
        let page = server.batches.clone().list_batch_items(request).await.unwrap().into_inner();
        all.extend(page.items);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_batch_is_started_followed_to_its_end_and_reported_item_by_item() {
    let server = Harness::start().await;
    server.create("quick", QUICK).await;
    server.create("fails", FAILS).await;
    let started = begin(&server, batch(vec![item("quick"), item("none"), item("fails"), item("quick")], 2)).await;
    assert_eq!((started.state(), started.creator.as_str(), of(&started).total), (pb::OperationState::Running, LOCAL, 4));
    let watch = pb::WatchOperationRequest { name: started.name.clone(), after_revision: 0 };
    let mut stream = server.operations.clone().watch_operation(watch).await.unwrap().into_inner();
    let last = ended(&server, &started.name).await;
    let mut told = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(Message::Operation(operation)) = message.message {
            told.push(operation);
        }
        server.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(told.last(), Some(&last), "the end is the last message");
    assert_eq!((last.state(), of(&last).succeeded, of(&last).failed, of(&last).refused), (pb::OperationState::Succeeded, 2, 1, 1));
    assert_eq!((of(&last).waiting, of(&last).running), (0, 0));
    let reported = items(&server, &started.name, 3).await;
    let states: Vec<_> = reported.iter().map(|item| (item.index, item.state(), item.execution_state(), item.reason.as_str())).collect();
    let ended = pb::BatchItemState::Ended;
    assert_eq!(
        states,
        [
            (0, ended, ExecutionState::Succeeded, ""),
            (1, pb::BatchItemState::Refused, ExecutionState::Unspecified, "NOT_FOUND"),
            (2, ended, ExecutionState::Failed, "USER_ERROR"),
            (3, ended, ExecutionState::Succeeded, ""),
        ]
    );
    let execution = server.execution(&reported[2].execution).await;
    assert_eq!((execution.utility, execution.caller), (utility_name("fails"), LOCAL.to_owned()));
    assert_eq!(list(&server).await, [last]);
    let records = server.execution_store.since(&sample::scope("demo"), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
    let of_action = |action: &str| records.iter().filter(|record| record.entry.action == action).count();
    assert_eq!((of_action("batch.start"), of_action("utility.start")), (2, 6), "each is recorded before and after it");
}

#[tokio::test]
async fn a_cancelled_batch_stops_and_says_what_was_never_begun() {
    let server = Harness::start().await;
    server.create("waits", WAITS).await;
    let started = begin(&server, batch(vec![item("waits"); 5], 2)).await;
    let request = pb::CancelOperationRequest { name: started.name.clone() };
    let cancelling = server.operations.clone().cancel_operation(request).await.unwrap().into_inner();
    assert_eq!(cancelling.state(), pb::OperationState::Cancelling);
    let last = ended(&server, &started.name).await;
    assert_eq!((last.state(), of(&last).succeeded), (pb::OperationState::Cancelled, 0));
    assert_eq!(of(&last).cancelled + of(&last).waiting, 5);
    let waiting = items(&server, &started.name, 0).await.iter().filter(|item| item.state() == pb::BatchItemState::Waiting).count();
    assert_eq!(waiting, of(&last).waiting as usize);
}

#[tokio::test]
async fn every_violation_of_a_batch_is_told_at_once_and_nothing_starts() {
    let server = Harness::start().await;
    server.create("quick", QUICK).await;
    let timeout = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let wrong = pb::BatchItem { utility: "quick".to_owned(), version: -1, timeout, ..item("quick") };
    let secrets = [("token".to_owned(), "github".to_owned())].into();
    let other = pb::BatchItem { secret_parameters: secrets, ..item("quick") };
    let request = pb::StartBatchRequest { request_id: "no-uuid".to_owned(), ..batch(vec![item("quick"), wrong, other], -1) };
    let refused = server.batches.clone().start_batch(request).await.unwrap_err();
    let fields: Vec<_> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    let expected =
        ["request_id", "concurrency", "items[1].utility", "items[1].version", "items[1].timeout", "items[2].secret_parameters.token"];
    assert_eq!(fields, expected);
    let none = server.batches.clone().start_batch(batch(Vec::new(), 101)).await.unwrap_err();
    assert_eq!(violations(&none), pairs(&[("items", "OUT_OF_RANGE"), ("concurrency", "OUT_OF_RANGE")]));
    assert!(list(&server).await.is_empty());
}

#[tokio::test]
async fn a_repeated_request_answers_the_first_batch_and_another_tenant_sees_nothing_of_it() {
    let server = Harness::start().await;
    server.create("quick", QUICK).await;
    let request = pb::StartBatchRequest { request_id: REQUEST.to_owned(), ..batch(vec![item("quick")], 0) };
    let first = begin(&server, request.clone()).await;
    assert_eq!(of(&first).concurrency, 10);
    let last = ended(&server, &first.name).await;
    assert_eq!(begin(&server, request.clone()).await, last);
    let other = server.batches.clone().start_batch(pb::StartBatchRequest { concurrency: 7, ..request }).await.unwrap_err();
    assert_eq!((other.code(), reason(&other)), (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned()));
    let elsewhere = first.name.replace("tenants/demo", "tenants/acme");
    let denied = server.operations.clone().get_operation(pb::GetOperationRequest { name: elsewhere }).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let absent = first.name.replace(&first.name[first.name.len() - 4..], "ffff");
    let missing = server.operations.clone().get_operation(pb::GetOperationRequest { name: absent }).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn an_item_holds_no_secret_by_value_beside_one_by_name_of_whatever_type() {
    let server = Harness::start().await;
    let parameter = |name: &str, value_type: utilities::ValueType| utilities::Parameter {
        name: name.to_owned(),
        value_type: value_type.into(),
        secret: true,
        ..Default::default()
    };
    let utility = utilities::Utility {
        code: "def main(token, pin):\n    #: return 1\n".to_owned(),
        parameters: vec![parameter("token", utilities::ValueType::String), parameter("pin", utilities::ValueType::Integer)],
        parameters_overridden: true,
        ..Default::default()
    };
    server.create_as("some", utility).await.unwrap();
    let secret_parameters = [("token".to_owned(), "tenants/demo/secrets/absent".to_owned())].into();
    let by_value = pb::BatchItem { params_json: r#"{"pin": 1234}"#.to_owned(), secret_parameters, ..item("some") };
    let begun = begin(&server, batch(vec![by_value], 1)).await;
    let reported = items(&server, &ended(&server, &begun.name).await.name, 10).await;
    assert!(reported[0].message.contains("pin: no secret is stored by value"), "{reported:?}");
}
