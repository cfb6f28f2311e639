//! Requests that break rules: every violation at once, by field path and stable reason.

use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as pb;
use prost_types::{Duration, FieldMask, Timestamp};

use crate::harness::{Harness, TENANT, pairs, utility_name, violations};

const SCRIPT: &str = "def main(a):\n    pass\n";
const NEGATIVE: Option<Duration> = Some(Duration { seconds: -1, nanos: 0 });

fn broken_parameters() -> Vec<pb::Parameter> {
    let named = |name: &str| pb::Parameter { name: name.to_owned(), ..Default::default() };
    vec![
        named("no identifier"),
        pb::Parameter { value_type: 99, default_json: Some("{".to_owned()), ..named("a") },
        pb::Parameter { value_type: pb::ValueType::Integer.into(), enum_json: vec!["1".to_owned(), "1.0".to_owned()], ..named("b") },
        pb::Parameter { secret: true, default_json: Some("\"x\"".to_owned()), ..named("b") },
    ]
}

fn broken_limits() -> pb::Limits {
    pb::Limits {
        memory_bytes: -1,
        timeout: NEGATIVE,
        grace: Some(Duration { seconds: 0, nanos: 1_000_000_000 }),
        cpu_time: Some(Duration { seconds: i64::MAX, nanos: 0 }),
        output_bytes: 64 * 1024 * 1024 + 1,
        result_bytes: 1,
        tmpfs_bytes: -1,
        open_files: -5,
        on_output_limit: 7,
    }
}

#[tokio::test]
async fn a_creation_reports_every_violation_at_once() {
    let server = Harness::start().await;
    let utility = pb::Utility {
        kind: 42,
        display_name: "x".repeat(101),
        description: "x".repeat(4_001),
        tags: vec!["good".to_owned(), "not\ngood".to_owned(), String::new()],
        code: "import os\nimport os\n".to_owned(),
        parameters: broken_parameters(),
        parameters_overridden: true,
        limits: Some(broken_limits()),
        isolation: 9,
        ..Default::default()
    };
    let request = pb::CreateUtilityRequest {
        parent: TENANT.to_owned(),
        utility_id: "Not_An_Id".to_owned(),
        utility: Some(utility),
        message: "x".repeat(501),
        request_id: "no uuid".to_owned(),
        validate_only: false,
    };
    let refused = server.utilities.clone().create_utility(request).await.unwrap_err();
    let expected = [
        ("request_id", "MALFORMED"),
        ("utility_id", "MALFORMED"),
        ("utility.kind", "UNKNOWN_VALUE"),
        ("utility.isolation", "UNKNOWN_VALUE"),
        ("utility.limits.memory_bytes", "OUT_OF_RANGE"),
        ("utility.limits.timeout", "OUT_OF_RANGE"),
        ("utility.limits.grace", "MALFORMED"),
        ("utility.limits.on_output_limit", "UNKNOWN_VALUE"),
        ("utility.limits.tmpfs_bytes", "OUT_OF_RANGE"),
        ("utility.limits.open_files", "OUT_OF_RANGE"),
        ("utility.parameters[1].value_type", "UNKNOWN_VALUE"),
        ("utility.parameters[1].default_json", "NOT_JSON"),
        ("utility.parameters[2].enum_json[1]", "WRONG_TYPE"),
        ("utility.display_name", "TOO_LONG"),
        ("utility.description", "TOO_LONG"),
        ("utility.tags[1]", "MALFORMED"),
        ("utility.tags[2]", "MALFORMED"),
        ("utility.limits.cpu_time", "OUT_OF_RANGE"),
        ("utility.limits.output_bytes", "OUT_OF_RANGE"),
        ("utility.limits.result_bytes", "OUT_OF_RANGE"),
        ("utility.parameters[0].name", "MALFORMED"),
        ("utility.parameters[3].name", "DUPLICATE"),
        ("utility.parameters[3].default_json", "CONFLICT"),
        ("message", "TOO_LONG"),
        ("utility.code", "ZPY-IMPORT-001"),
        ("utility.code", "ZPY-IMPORT-001"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
}

#[tokio::test]
async fn a_runtime_that_is_not_there_is_reported_before_code_is_checked_for_it() {
    let server = Harness::start().await;
    let long = "x".repeat(65);
    for (runtime, reason) in [("cobol", "RUNTIME_UNKNOWN"), (long.as_str(), "TOO_LONG")] {
        let tags = vec!["not\ngood".to_owned()];
        let utility = pb::Utility { code: "import os\n".to_owned(), runtime: runtime.to_owned(), tags, ..Default::default() };
        let refused = server.create_as("some", utility).await.unwrap_err();
        assert_eq!(violations(&refused), pairs(&[("utility.tags[0]", "MALFORMED"), ("utility.runtime", reason)]));
    }
    let request = |runtime: &str| pb::ValidateCodeRequest {
        parent: TENANT.to_owned(),
        code: b"import extra_tools\n".to_vec(),
        kind: 0,
        runtime: runtime.to_owned(),
    };
    let refused = server.utilities.clone().validate_code(request("cobol")).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("runtime", "RUNTIME_UNKNOWN")]));
    for (runtime, accepted) in [("extra", true), ("", false), ("python", false)] {
        let answer = server.utilities.clone().validate_code(request(runtime)).await.unwrap().into_inner();
        assert_eq!(answer.accepted, accepted, "{runtime}");
    }
}

#[tokio::test]
async fn an_update_reports_every_violation_at_once() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let utility = pb::Utility {
        name: utility_name("some"),
        tags: vec!["x".repeat(41)],
        code: "import os\n".to_owned(),
        limits: Some(broken_limits()),
        ..Default::default()
    };
    let paths = ["tags", "code", "limits.timeout", "limits.open_files", "etag"].map(str::to_owned).to_vec();
    let update_mask = Some(FieldMask { paths });
    let request = pb::UpdateUtilityRequest { utility: Some(utility), update_mask, request_id: "7".to_owned(), ..Default::default() };
    let refused = server.utilities.clone().update_utility(request).await.unwrap_err();
    let expected = [
        ("request_id", "MALFORMED"),
        ("update_mask.paths[4]", "UNKNOWN_PATH"),
        ("utility.limits.timeout", "OUT_OF_RANGE"),
        ("utility.limits.open_files", "OUT_OF_RANGE"),
        ("utility.tags[0]", "MALFORMED"),
        ("utility.code", "ZPY-IMPORT-001"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
}

#[tokio::test]
async fn code_is_required_where_it_is_written() {
    let server = Harness::start().await;
    let refused = server.create_as("some", pb::Utility::default()).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.code", "MISSING")]));
    server.create("some", SCRIPT).await;
    let utility = Some(pb::Utility { name: utility_name("some"), ..Default::default() });
    let update_mask = Some(FieldMask { paths: vec!["code".to_owned()] });
    let request = pb::UpdateUtilityRequest { utility, update_mask, ..Default::default() };
    let refused = server.utilities.clone().update_utility(request).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("utility.code", "MISSING")]));
}

#[tokio::test]
async fn a_list_reports_every_violation_at_once() {
    let server = Harness::start().await;
    let filter =
        pb::UtilityFilter { kind: 9, owner: "me".to_owned(), tag: "x".repeat(41), name_prefix: "x".repeat(64), ..Default::default() };
    let request =
        pb::ListUtilitiesRequest { parent: TENANT.to_owned(), page_size: -1, page_token: "?".to_owned(), filter: Some(filter), order: 9 };
    let refused = server.utilities.clone().list_utilities(request).await.unwrap_err();
    let expected = [
        ("page_size", "OUT_OF_RANGE"),
        ("page_token", "MALFORMED"),
        ("order", "UNKNOWN_VALUE"),
        ("filter.kind", "UNKNOWN_VALUE"),
        ("filter.owner", "MALFORMED"),
        ("filter.tag", "TOO_LONG"),
        ("filter.name_prefix", "TOO_LONG"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));

    let filter = executions::ExecutionFilter {
        utility: "tenants/acme/utilities/some".to_owned(),
        states: vec![1, 0, 77],
        created_from: Some(Timestamp { seconds: -1, nanos: 0 }),
        created_before: Some(Timestamp { seconds: 1, nanos: -1 }),
    };
    let request = executions::ListExecutionsRequest {
        parent: TENANT.to_owned(),
        page_size: i32::MIN,
        filter: Some(filter),
        order: -1,
        ..Default::default()
    };
    let refused = server.executions.clone().list_executions(request).await.unwrap_err();
    let expected = [
        ("page_size", "OUT_OF_RANGE"),
        ("order", "UNKNOWN_VALUE"),
        ("filter.utility", "OTHER_PARENT"),
        ("filter.states[1]", "UNKNOWN_VALUE"),
        ("filter.states[2]", "UNKNOWN_VALUE"),
        ("filter.created_from", "OUT_OF_RANGE"),
        ("filter.created_before", "OUT_OF_RANGE"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
}

#[tokio::test]
async fn a_launch_reports_what_is_wrong_with_the_request_and_then_with_its_parameters() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let request = executions::ExecuteUtilityRequest {
        name: utility_name("some"),
        version: -3,
        request_id: "x".to_owned(),
        timeout: NEGATIVE,
        on_output_limit: 3,
        ..Default::default()
    };
    let refused = server.executions.clone().execute_utility(request).await.unwrap_err();
    let expected =
        [("request_id", "MALFORMED"), ("version", "OUT_OF_RANGE"), ("timeout", "OUT_OF_RANGE"), ("on_output_limit", "UNKNOWN_VALUE")];
    assert_eq!(violations(&refused), pairs(&expected));

    let request = executions::StartExecutionRequest {
        name: utility_name("some"),
        params_json: r#"{"x": 1, "y": 2}"#.to_owned(),
        ..Default::default()
    };
    let refused = server.executions.clone().start_execution(request).await.unwrap_err();
    let expected = [("params_json.a", "MISSING"), ("params_json.x", "UNKNOWN_PARAMETER"), ("params_json.y", "UNKNOWN_PARAMETER")];
    assert_eq!(violations(&refused), pairs(&expected));
    assert_eq!(server.sandbox.started(), 0, "nothing runs");
}

#[tokio::test]
async fn values_that_are_no_json_too_many_or_none_at_all_run_nothing() {
    let server = Harness::start().await;
    server.create("some", "def transform(value):\n    pass\n").await;
    let transform = async |values: Vec<&str>| {
        let values_json = values.into_iter().map(str::to_owned).collect();
        let request = executions::TransformRequest { name: utility_name("some"), values_json, version: -1, ..Default::default() };
        violations(&server.executions.clone().transform(request).await.unwrap_err())
    };
    assert_eq!(transform(vec![]).await, pairs(&[("values_json", "MISSING"), ("version", "OUT_OF_RANGE")]));
    assert_eq!(transform(vec!["1"; 10_001]).await, pairs(&[("values_json", "TOO_MANY"), ("version", "OUT_OF_RANGE")]));
    let values_json = ["1", "{", "nan"].map(str::to_owned).to_vec();
    let params_json = r#"{"x": 1}"#.to_owned();
    let request = executions::TransformRequest { name: utility_name("some"), values_json, params_json, ..Default::default() };
    let refused = server.executions.clone().transform(request).await.unwrap_err();
    let expected = [("values_json[1]", "NOT_JSON"), ("values_json[2]", "NOT_JSON"), ("params_json.x", "UNKNOWN_PARAMETER")];
    assert_eq!(violations(&refused), pairs(&expected));
    assert_eq!(server.sandbox.started(), 0);
}

#[tokio::test]
async fn numbers_of_versions_and_events_are_not_negative() {
    let server = Harness::start().await;
    let request = pb::DiffUtilityVersionsRequest { name: utility_name("some"), from_version: -1, to_version: -2 };
    let refused = server.utilities.clone().diff_utility_versions(request).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("from_version", "OUT_OF_RANGE"), ("to_version", "OUT_OF_RANGE")]));
    let name = format!("{TENANT}/executions/00000000-0000-7000-8000-000000000001");
    let request = executions::WatchExecutionRequest { name, after_sequence: -1 };
    let refused = server.executions.clone().watch_execution(request).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("after_sequence", "OUT_OF_RANGE")]));
    let request = pb::ValidateCodeRequest { parent: TENANT.to_owned(), code: Vec::new(), kind: 12, runtime: String::new() };
    let refused = server.utilities.clone().validate_code(request).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("kind", "UNKNOWN_VALUE")]));
}
