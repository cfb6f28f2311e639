//! What the values of one Transform call may add up to: each value has its own verdict, and what ran can always be answered.

use api_proto::zona::execution::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use domain::execution::MAX_VALUES;
use pb::transform_result::Outcome;
use tonic::{Code, Status};

use crate::harness::{Harness, utility_name};

const MIB: usize = 1024 * 1024;

/// A server with a transformer that keeps its values.
async fn server() -> Harness {
    let server = Harness::start().await;
    let code = "def transform(value):\n    return value\n".to_owned();
    server.create_as("some", utilities::Utility { code, store_values: true, ..Default::default() }).await.unwrap();
    server
}

/// Sends the values, and reads the execution afterwards as far as that can be answered.
async fn transform(server: &Harness, values: Vec<String>) -> (Vec<Outcome>, pb::Execution) {
    let request = pb::TransformRequest { name: utility_name("some"), values_json: values, ..Default::default() };
    let mut client = server.executions.clone().max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX);
    let answered: Result<_, Status> = client.transform(request).await;
    let answer = answered.unwrap_or_else(|refused| panic!("{refused:?}")).into_inner();
    server.spawner.settle().await;
    let read = client.get_execution(pb::GetExecutionRequest { name: answer.execution.clone() }).await;
    let execution = read.unwrap_or_else(|refused| panic!("{refused:?}")).into_inner();
    (answer.results.into_iter().map(|result| result.outcome.expect("exactly one is set")).collect(), execution)
}

fn result(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::ResultJson(json) => Some(json),
        Outcome::Failure(_) => None,
    }
}

fn failure(outcome: &Outcome) -> Option<&pb::Failure> {
    match outcome {
        Outcome::ResultJson(_) => None,
        Outcome::Failure(failure) => Some(failure),
    }
}

#[tokio::test]
async fn results_beyond_their_total_fail_one_by_one_and_those_before_are_answered() {
    let server = server().await;
    let mut values: Vec<String> = (0..18).map(|_| format!("\"grow {}\"", MIB - 2)).collect();
    values.extend(["7".to_owned(), "\"fail\"".to_owned()]);
    let (outcomes, execution) = transform(&server, values).await;
    assert!(outcomes[..16].iter().all(|outcome| result(outcome).is_some_and(|json| json.len() == MIB)));
    for outcome in &outcomes[16..19] {
        let failure = failure(outcome).expect("16 MiB are full");
        assert_eq!(failure.reason, "RESULT_TOO_LARGE");
        assert!(failure.message.contains("16 MiB") && failure.message.contains("fewer values"), "{}", failure.message);
    }
    assert_eq!(failure(&outcomes[19]).unwrap().reason, "USER_ERROR", "a failure needs no room of the results");
    assert_eq!((execution.state(), execution.failed_value_count), (pb::ExecutionState::Succeeded, 4));
}

#[tokio::test]
async fn failures_take_no_room_from_results_and_the_longest_answer_is_sent() {
    let server = server().await;
    let mut values: Vec<String> = (0..MAX_VALUES - 16).map(|_| "\"fail 18000\"".to_owned()).collect();
    values.extend((0..16).map(|_| format!("\"grow {}\"", MIB - 2)));
    let (outcomes, execution) = transform(&server, values).await;
    assert_eq!(outcomes.len(), MAX_VALUES);
    assert!(outcomes[MAX_VALUES - 16..].iter().all(|outcome| result(outcome).is_some()));
    let (first, late) = (failure(&outcomes[0]).unwrap(), failure(&outcomes[MAX_VALUES - 17]).unwrap());
    assert_eq!((first.traceback.len(), late.traceback.len()), (18_000, 0));
    assert_eq!((&late.reason, late.line), (&first.reason, first.line));
    assert!(late.message.contains("this value fails") && late.message.contains("4 MiB"), "{}", late.message);
    assert_eq!(execution.results.len(), MAX_VALUES);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_before_anything_runs() {
    let server = server().await;
    let request =
        pb::TransformRequest { name: utility_name("some"), values_json: vec![format!("\"{}\"", "x".repeat(MIB)); 9], ..Default::default() };
    let refused = server.executions.clone().transform(request).await.unwrap_err();
    assert_eq!((refused.code(), crate::harness::reason(&refused).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    assert_eq!(server.sandbox.started(), 0);
}
