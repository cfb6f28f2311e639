//! How errors look on the wire: code, message and every detail, as snapshots.

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use domain::admission;
use test_support::Fault;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use crate::harness::{Harness, Options, TENANT, utility_name};

const TRANSFORMER: &str = "def transform(value):\n    return value\n";

/// Everything that a client sees of a status.
fn render(status: &Status) -> String {
    let details = status.get_error_details();
    let mut lines = vec![format!("{:?}: {}", status.code(), status.message())];
    if let Some(info) = details.error_info() {
        let mut metadata: Vec<_> = info.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
        metadata.sort();
        lines.push(format!("ErrorInfo {} {} [{}]", info.domain, info.reason, metadata.join(", ")));
    }
    for violation in details.bad_request().iter().flat_map(|request| &request.field_violations) {
        lines.push(format!("BadRequest {} {}: {}", violation.field, violation.reason, violation.description));
    }
    for violation in details.precondition_failure().iter().flat_map(|failure| &failure.violations) {
        lines.push(format!("PreconditionFailure {} {}: {}", violation.r#type, violation.subject, violation.description));
    }
    for violation in details.quota_failure().iter().flat_map(|failure| &failure.violations) {
        lines.push(format!("QuotaFailure {}: {}", violation.subject, violation.description));
    }
    if let Some(resource) = details.resource_info() {
        lines.push(format!("ResourceInfo {} {}: {}", resource.resource_type, resource.resource_name, resource.description));
    }
    if let Some(retry) = details.retry_info() {
        lines.push(format!("RetryInfo {:?}", retry.retry_delay.unwrap()));
    }
    if let Some(request) = details.request_info() {
        lines.push(format!("RequestInfo {}", request.request_id));
    }
    lines.join("\n")
}

async fn transform(server: &Harness) -> Status {
    let request = executions::TransformRequest { name: utility_name("some"), values_json: vec!["1".to_owned()], ..Default::default() };
    server.executions.clone().transform(request).await.unwrap_err()
}

#[tokio::test]
async fn the_details_of_each_kind_of_error() {
    let server = Harness::start().await;
    server.create("some", TRANSFORMER).await;
    let mut client = server.utilities.clone();
    let mut shown = Vec::new();

    let invalid = pb::Utility { code: "import os\n".to_owned(), display_name: "x".repeat(101), ..Default::default() };
    shown.push(server.create_as("other", invalid).await.unwrap_err());
    shown.push(client.get_utility(pb::GetUtilityRequest { name: "tenants/acme/utilities/x".to_owned() }).await.unwrap_err());
    shown.push(client.get_utility(pb::GetUtilityRequest { name: utility_name("absent") }).await.unwrap_err());
    let taken = pb::Utility { code: TRANSFORMER.to_owned(), ..Default::default() };
    shown.push(server.create_as("some", taken).await.unwrap_err());
    let stale = pb::DeleteUtilityRequest { name: utility_name("some"), etag: "\"0-stale\"".to_owned(), ..Default::default() };
    shown.push(client.delete_utility(stale).await.unwrap_err());
    shown.push(client.undelete_utility(pb::UndeleteUtilityRequest { name: utility_name("some"), ..Default::default() }).await.unwrap_err());
    for fault in [Fault::ImageMissing, Fault::Busy, Fault::Down] {
        server.sandbox.set_fault(Some(fault));
        shown.push(transform(&server).await);
    }
    let code = b"PANIC".to_vec();
    let mut request = Request::new(pb::ValidateCodeRequest { parent: TENANT.to_owned(), code, kind: 0, runtime: String::new() });
    request.metadata_mut().insert(api_grpc::REQUEST_ID_HEADER, "build-7".parse().unwrap());
    shown.push(client.validate_code(request).await.unwrap_err());

    insta::assert_snapshot!(shown.iter().map(render).collect::<Vec<_>>().join("\n\n"));
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let admission = admission::Config {
        max_running: 1,
        max_running_per_tenant: 1,
        max_queued: 1,
        max_queued_per_tenant: 1,
        ..admission::Config::default()
    };
    let server = Harness::with(Options { admission, ..Options::default() }).await;
    server.create("some", "def main():\n    #: wait\n").await;
    let start = async || {
        let request = executions::StartExecutionRequest { name: utility_name("some"), ..Default::default() };
        server.executions.clone().start_execution(request).await
    };
    start().await.unwrap();
    start().await.unwrap();
    insta::assert_snapshot!(render(&start().await.unwrap_err()));
}

#[tokio::test]
async fn more_violations_than_a_header_holds_are_counted_and_the_client_still_reads_the_error() {
    let server = Harness::start().await;
    let tags = vec!["not\na\ntag".to_owned(); 5_000];
    let utility = pb::Utility { code: TRANSFORMER.to_owned(), tags, ..Default::default() };
    let refused = server.create_as("some", utility).await.unwrap_err();
    let details = crate::harness::details(&refused);
    assert_eq!(details.error_info().unwrap().metadata.get("violations").unwrap(), "5001");
    let listed = &details.bad_request().unwrap().field_violations;
    let last = listed.last().unwrap();
    assert_eq!(last.reason, "MORE_VIOLATIONS");
    assert_eq!(last.description, format!("{} more violations are not listed; mend these first", 5_001 - (listed.len() - 1)));
    assert!(refused.details().len() < 6 * 1024, "{} bytes of details", refused.details().len());
}
