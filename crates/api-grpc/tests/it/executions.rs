//! Running utilities without a stream: transform, start, get, cancel.

use api_proto::zona::execution::v1 as pb;
use api_proto::zona::utility::v1 as utilities;
use pb::ExecutionState as State;
use pb::transform_result::Outcome;
use tonic::{Code, Status};

use crate::harness::{Harness, reason, utility_name};

const TRANSFORMER: &str = "def transform(value):\n    return value\n";

async fn transform(server: &Harness, id: &str, values: &[&str]) -> Result<pb::TransformResponse, Status> {
    let values_json = values.iter().map(|value| (*value).to_owned()).collect();
    let request = pb::TransformRequest { name: utility_name(id), values_json, ..Default::default() };
    Ok(server.executions.clone().transform(request).await?.into_inner())
}

/// Results as they are, failures as their reason.
fn outcomes(response: &pb::TransformResponse) -> Vec<&str> {
    let outcome = |result: &'_ pb::TransformResult| match result.outcome.as_ref().expect("exactly one is set") {
        Outcome::ResultJson(json) => json.clone(),
        Outcome::Failure(failure) => failure.reason.clone(),
    };
    response.results.iter().map(outcome).map(|text| &*text.leak()).collect()
}

async fn start(server: &Harness, id: &str) -> pb::Execution {
    let request = pb::StartExecutionRequest { name: utility_name(id), ..Default::default() };
    server.executions.clone().start_execution(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn one_value_comes_back_transformed() {
    let server = Harness::start().await;
    server.create("some", TRANSFORMER).await;
    let response = transform(&server, "some", &["9007199254740993"]).await.unwrap();
    assert_eq!(outcomes(&response), ["9007199254740993"], "beyond 2^53, digit for digit");
    let execution = server.ended(&response.execution).await;
    assert_eq!((execution.state(), execution.value_count, execution.failed_value_count), (State::Succeeded, 1, 0));
    assert_eq!((execution.result_json.as_str(), execution.values_json.len(), execution.results.len()), ("", 0, 0), "nothing is stored");
}

#[tokio::test]
async fn many_values_keep_their_order_and_fail_one_by_one() {
    let server = Harness::start().await;
    server.create("some", TRANSFORMER).await;
    let response = transform(&server, "some", &["1", "\"fail\"", "3"]).await.unwrap();
    assert_eq!(outcomes(&response), ["1", "USER_ERROR", "3"]);
    let execution = server.ended(&response.execution).await;
    assert_eq!((execution.state(), execution.value_count, execution.failed_value_count), (State::Succeeded, 3, 1));

    let response = transform(&server, "some", &["1", "\"die\"", "3", "4"]).await.unwrap();
    assert_eq!(outcomes(&response), ["1", "OUT_OF_MEMORY", "NOT_RUN", "NOT_RUN"]);
    let execution = server.ended(&response.execution).await;
    assert_eq!((execution.state(), execution.failure.unwrap().reason.as_str()), (State::Failed, "OUT_OF_MEMORY"));
}

#[tokio::test]
async fn ten_thousand_values_go_through_one_call() {
    let server = Harness::start().await;
    server.create("some", TRANSFORMER).await;
    let values: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    let borrowed: Vec<&str> = values.iter().map(String::as_str).collect();
    let response = transform(&server, "some", &borrowed).await.unwrap();
    assert_eq!(outcomes(&response), borrowed);
    assert_eq!(server.sandbox.started(), 1);
}

#[tokio::test]
async fn values_are_stored_where_the_utility_asks_for_it() {
    let server = Harness::start().await;
    let utility = utilities::Utility { code: TRANSFORMER.to_owned(), store_values: true, ..Default::default() };
    server.create_as("some", utility).await.unwrap();
    let response = transform(&server, "some", &["1", "\"fail\""]).await.unwrap();
    let execution = server.ended(&response.execution).await;
    assert_eq!((execution.values_json, execution.results), (vec!["1".to_owned(), "\"fail\"".to_owned()], response.results));
}

#[tokio::test]
async fn a_script_cannot_transform() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    pass\n").await;
    let refused = transform(&server, "some", &["1"]).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "NOT_A_TRANSFORMER".to_owned()));
}

#[tokio::test]
async fn a_failed_program_is_no_error_of_the_call() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: error oh\n    #: raise ValueError bad\n").await;
    let started = start(&server, "some").await;
    let execution = server.ended(&started.name).await;
    let failure = execution.failure.clone().unwrap();
    assert_eq!(execution.state(), State::Failed);
    assert_eq!((failure.reason.as_str(), failure.exception.as_str(), failure.line), ("USER_ERROR", "ValueError", 1));
    assert!(failure.traceback.contains("ValueError: bad"));
    assert_eq!(execution.usage.unwrap().stderr_bytes, 3);
}

#[tokio::test]
async fn a_started_execution_is_answered_at_once_and_its_result_is_kept() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: wait\n    #: return {\"a\": 1}\n").await;
    let started = start(&server, "some").await;
    assert!(matches!(started.state(), State::Pending | State::Starting | State::Running), "{:?}", started.state());
    assert_eq!((started.utility.clone(), started.version), (utility_name("some"), 1));
    server.sandbox.release();
    let ended = server.ended(&started.name).await;
    assert_eq!((ended.state(), ended.result_json.as_str()), (State::Succeeded, "{\"a\": 1}"));
    assert_eq!(ended.caller, "tenants/demo/users/local");
    let attestation = ended.attestation.unwrap();
    assert_eq!((attestation.tier(), attestation.network()), (pb::Tier::TenantWarm, pb::NetworkAccess::None));
}

#[tokio::test]
async fn cancelling_is_idempotent_and_never_changes_what_has_ended() {
    let server = Harness::start().await;
    server.create("some", "def main():\n    #: print before\n    #: wait\n    #: print after\n").await;
    let started = start(&server, "some").await;
    let cancel = async || {
        let request = pb::CancelExecutionRequest { name: started.name.clone() };
        server.executions.clone().cancel_execution(request).await.unwrap().into_inner()
    };
    for _ in 0..2 {
        let state = cancel().await.state();
        assert!(matches!(state, State::Cancelling | State::Cancelled), "{state:?}");
    }
    let ended = server.ended(&started.name).await;
    assert_eq!((ended.state(), ended.failure.clone().unwrap().reason.as_str()), (State::Cancelled, "CANCELLED"));
    assert_eq!(cancel().await, ended);
    assert_eq!(server.execution(&started.name).await, ended);
}

#[tokio::test]
async fn a_deleted_utility_does_not_run() {
    let server = Harness::start().await;
    server.create("some", TRANSFORMER).await;
    let delete = utilities::DeleteUtilityRequest { name: utility_name("some"), ..Default::default() };
    server.utilities.clone().delete_utility(delete).await.unwrap();
    let refused = transform(&server, "some", &["1"]).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "UTILITY_DELETED".to_owned()));
    assert_eq!(server.sandbox.started(), 0);
}
