//! What an operator does with grpcurl and `buf curl`: no protos at hand, everything learned from the server.

use std::process::Command;

use e2e::{
    command::{Ended, run},
    server::Server,
    workspace,
};
use serde_json::{Value, json};

use crate::steps::{SHOUT, TICKER};

const UTILITIES: &str = "zona.utility.v1.UtilityService";
const EXECUTIONS: &str = "zona.execution.v1.ExecutionService";

fn grpcurl(server: &Server, options: &[&str], words: &[&str]) -> Ended {
    run(Command::new(workspace::tool("grpcurl")).arg("-plaintext").args(options).arg(server.address()).args(words))
}

fn call(server: &Server, method: &str, body: &Value) -> Ended {
    grpcurl(server, &["-format-error", "-emit-defaults", "-d", &body.to_string()], &[method])
}

fn create(id: &str, code: &str) -> Value {
    json!({"parent": "tenants/demo", "utilityId": id, "utility": {"code": code}})
}

/// Bytes fields are base64 in JSON.
fn stdout_of(events: &[Value]) -> String {
    let data = events.iter().filter_map(|event| event["output"]["data"].as_str());
    data.map(|text| String::from_utf8(decode_base64(text)).expect("the script prints text")).collect()
}

fn decode_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values = text.bytes().filter(|byte| *byte != b'=').map(|byte| DIGITS.iter().position(|digit| *digit == byte).expect("base64"));
    let bits: Vec<u8> = values.flat_map(|value| (0..6).rev().map(move |bit| (value >> bit & 1) as u8)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect()
}

#[test]
fn grpcurl_lists_and_describes_the_services() {
    let server = Server::start();
    let listed = grpcurl(&server, &[], &["list"]).with_code(0).text();
    for service in [UTILITIES, EXECUTIONS, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        assert!(listed.lines().any(|line| line == service), "{service} is not in:\n{listed}");
    }
    let methods = grpcurl(&server, &[], &["list", EXECUTIONS]).with_code(0).text();
    assert_eq!(methods.lines().count(), 7, "{methods}");
    let described = grpcurl(&server, &[], &["describe", &format!("{EXECUTIONS}.WatchExecution")]).with_code(0).text();
    assert!(described.contains("returns ( stream .zona.execution.v1.ExecutionEvent )"), "{described}");
    let message = grpcurl(&server, &["-msg-template"], &["describe", "zona.utility.v1.Utility"]).with_code(0).text();
    assert!(message.contains("\"storeValues\": false"), "{message}");
    let health = grpcurl(&server, &[], &["grpc.health.v1.Health/Check"]).with_code(0).json();
    assert_eq!(health["status"], "SERVING");
    server.stop();
}

#[test]
fn grpcurl_creates_executes_and_watches() {
    let server = Server::start();
    let made = call(&server, &format!("{UTILITIES}/CreateUtility"), &create("curl-ticker", TICKER)).with_code(0).json();
    assert_eq!(made["kind"], "UTILITY_KIND_SCRIPT");
    let body = json!({"name": made["name"], "paramsJson": "{\"lines\": 3}"});
    let events = call(&server, &format!("{EXECUTIONS}/ExecuteUtility"), &body).with_code(0).json_values();
    assert_eq!(stdout_of(&events), "line 0\nline 1\nline 2\n");
    let execution = &events.last().expect("there are events")["finished"]["execution"];
    assert_eq!(execution["state"], "EXECUTION_STATE_SUCCEEDED");
    assert_eq!(execution["resultJson"], "3");

    let body = json!({"name": execution["name"], "afterSequence": "1"});
    let watched = call(&server, &format!("{EXECUTIONS}/WatchExecution"), &body).with_code(0).json_values();
    assert_eq!(watched, events[1..]);
    call(&server, &format!("{UTILITIES}/CreateUtility"), &create("curl-shout", SHOUT)).with_code(0);
    let body = json!({"name": "tenants/demo/utilities/curl-shout", "valuesJson": ["\"a\"", "\"b\""]});
    let answer = call(&server, &format!("{EXECUTIONS}/Transform"), &body).with_code(0).json();
    assert_eq!(answer["results"], json!([{"resultJson": "\"A!\""}, {"resultJson": "\"B!\""}]));
    server.stop();
}

#[test]
fn grpcurl_shows_the_details_of_errors() {
    let server = Server::start();
    let detail = |answer: &Value, name: &str| -> Value {
        let details = answer["details"].as_array().cloned().unwrap_or_default();
        let found = details.into_iter().find(|detail| detail["@type"] == format!("type.googleapis.com/google.rpc.{name}"));
        found.unwrap_or_else(|| panic!("no {name} in {answer}"))
    };
    let failing = |method: &str, body: &Value| -> Value {
        let ended = call(&server, method, body);
        assert_ne!(ended.code, Some(0), "{}", ended.text());
        serde_json::from_slice(&ended.stderr).unwrap_or_else(|error| panic!("not JSON ({error}): {}", ended.errors()))
    };
    let mut bad = create("Not A Name", "def transform(value:\n");
    bad["utility"]["tags"] = json!(["not\tfine"]);
    let refused = failing(&format!("{UTILITIES}/CreateUtility"), &bad);
    assert_eq!(refused["code"], 3, "{refused}");
    let violations = detail(&refused, "BadRequest")["fieldViolations"].as_array().cloned().unwrap_or_default();
    let fields: Vec<&str> = violations.iter().filter_map(|violation| violation["field"].as_str()).collect();
    for field in ["utility_id", "utility.code", "utility.tags[0]"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
    let absent = failing(&format!("{UTILITIES}/GetUtility"), &json!({"name": "tenants/demo/utilities/absent"}));
    assert_eq!(absent["code"], 5);
    assert_eq!(detail(&absent, "ErrorInfo")["reason"], "NOT_FOUND");
    assert_eq!(detail(&absent, "ResourceInfo")["resourceName"], "tenants/demo/utilities/absent");
    server.stop();
}

#[test]
fn buf_curl_tells_the_same_story() {
    let server = Server::start();
    let curl = |method: &str, body: &Value| -> Ended {
        let url = format!("http://{}/{method}", server.address());
        run(Command::new(workspace::tool("buf"))
            .args(["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", &body.to_string(), &url])
            .current_dir(server.data()))
    };
    let made = curl(&format!("{UTILITIES}/CreateUtility"), &create("buf-ticker", TICKER)).with_code(0).json();
    assert_eq!(made["latestVersion"], 1);
    let body = json!({"name": made["name"], "paramsJson": "{\"lines\": 2}"});
    let events = curl(&format!("{EXECUTIONS}/ExecuteUtility"), &body).with_code(0).json_values();
    assert_eq!(stdout_of(&events), "line 0\nline 1\n");
    assert_eq!(events.last().expect("there are events")["finished"]["execution"]["state"], "EXECUTION_STATE_SUCCEEDED");

    let refused = curl(&format!("{UTILITIES}/GetUtility"), &json!({"name": "tenants/demo/utilities/absent"}));
    assert_ne!(refused.code, Some(0));
    let error: Value = serde_json::from_slice(&refused.stderr).unwrap_or_else(|_| panic!("not JSON: {}", refused.errors()));
    assert_eq!(error["code"], "not_found");
    let types: Vec<&str> = error["details"].as_array().into_iter().flatten().filter_map(|detail| detail["type"].as_str()).collect();
    assert!(types.contains(&"google.rpc.ErrorInfo") && types.contains(&"google.rpc.ResourceInfo"), "{error}");
    server.stop();
}
