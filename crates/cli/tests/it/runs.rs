//! Running utilities and following what runs: what is asked for, what is printed of it, and which exit code it has.

use serde_json::{Value, json};
use tonic::Status;

use crate::line::{Ran, each_asks, run, run_words};
use crate::peer::Peer;

const TENANT: &str = "tenants/demo";
const EXTRACT: &str = "tenants/demo/utilities/extract";
const ID: &str = "018f0000-0000-7000-8000-000000000001";

fn name() -> String {
    format!("{TENANT}/executions/{ID}")
}

/// Bytes as JSON has them.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn output(sequence: i64, stream: &str, text: &str) -> Value {
    json!({"sequence": sequence, "output": {"stream": format!("OUTPUT_STREAM_{stream}"), "data": base64(text.as_bytes())}})
}

fn finished(sequence: i64, execution: Value) -> Value {
    json!({"sequence": sequence, "finished": {"execution": execution}})
}

fn ended(state: &str) -> Value {
    json!({
        "name": name(),
        "utility": EXTRACT,
        "version": 2,
        "state": format!("EXECUTION_STATE_{state}"),
        "usage": {"wallTime": "0.012s", "peakMemoryBytes": 1_048_576, "stdoutBytes": 5, "stderrBytes": 2},
    })
}

/// Runs a utility that does this.
async fn runs(line: &str, events: Vec<Value>) -> Ran {
    let peer = Peer::start().await;
    peer.streams("ExecuteUtility", events, Status::ok(""));
    run(&peer, line).await
}

fn life(state: &str) -> Vec<Value> {
    let attestation = json!({"tier": "TIER_TENANT_WARM", "backend": "BACKEND_NAMESPACE", "pythonVersion": "3.11.2", "restored": 2});
    let result = if state == "SUCCEEDED" { "{\"n\": 1.10}" } else { "" };
    let mut execution = ended(state);
    execution["resultJson"] = json!(result);
    vec![
        json!({"sequence": 1, "queued": {"execution": name(), "position": 2}}),
        json!({"sequence": 2, "started": {"attestation": attestation}}),
        json!({"heartbeat": {"storeFailing": true}}),
        output(3, "STDOUT", "hello"),
        output(4, "STDERR", "oh\n"),
        finished(5, execution),
    ]
}

#[tokio::test]
async fn each_line_about_executions_asks_for_what_it_says() {
    let peer = Peer::start().await;
    let name = name();
    let started = json!({
        "name": EXTRACT,
        "version": 3,
        "params_json": "{\"n\":5,\"zip\":\"01234\"}",
        "timeout": "10s",
        "secret_parameters": {"token": "tenants/demo/secrets/github"},
        "retry_if_lost": true,
    });
    let listed = json!({
        "parent": TENANT,
        "page_size": 50,
        "filter": {"utility": EXTRACT, "states": ["EXECUTION_STATE_RUNNING", "EXECUTION_STATE_TIMED_OUT"]},
        "order": "EXECUTION_ORDER_CREATE_TIME_ASC",
    });
    each_asks(
        &peer,
        &[
            (
                "run extract --version 3 --param n=5 --param-string zip=01234 --timeout 10s --secret token=github --detach --retry-if-lost",
                "StartExecution",
                started,
            ),
            (&format!("execution get {ID}"), "GetExecution", json!({"name": name})),
            (&format!("execution cancel {name}"), "CancelExecution", json!({"name": name})),
            (&format!("execution watch {ID} --after 7"), "WatchExecution", json!({"name": name, "after_sequence": 7})),
            ("execution list --utility extract --state RUNNING --state timed_out --oldest-first", "ListExecutions", listed),
        ],
    )
    .await;
    let since = run(&peer, "execution list --since 1h").await;
    assert!(since.only().1["filter"]["created_from"].is_string(), "{since:?}");
    let states = ["PENDING", "STARTING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "DENIED", "LOST"];
    for state in states {
        let ran = run(&peer, &format!("execution list --state {state}")).await;
        assert_eq!(ran.only().1["filter"]["states"], json!([format!("EXECUTION_STATE_{state}")]));
    }
}

#[tokio::test]
async fn what_a_program_prints_and_its_result_are_printed_and_its_end_is_the_exit_code() {
    let ran = runs("run extract", life("SUCCEEDED")).await;
    assert_eq!((ran.code(), ran.printed.as_str()), (0, "hello\n{\"n\": 1.10}\n"));
    assert_eq!(ran.only(), ("ExecuteUtility", &json!({"name": EXTRACT, "params_json": "{}"})));
    for (state, code) in [("FAILED", 1), ("TIMED_OUT", 7), ("CANCELLED", 130), ("DENIED", 3), ("LOST", 6)] {
        let ran = runs("run extract", life(state)).await;
        assert_eq!((ran.code(), ran.printed.as_str()), (code, "hello\n"), "{state}");
    }
}

#[tokio::test]
async fn programs_get_one_document_at_the_end_or_a_line_for_each_event() {
    let whole = runs("run extract -o json", life("SUCCEEDED")).await.json();
    assert_eq!((&whole["stdout"], &whole["stderr"], &whole["state"]), (&json!("hello"), &json!("oh\n"), &json!("SUCCEEDED")));
    let lines = runs("run extract -o jsonl", life("SUCCEEDED")).await.printed;
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), &events[3]["output"]["data"]), (6, &json!("hello")));
    let yaml = runs("run extract -o yaml", life("SUCCEEDED")).await.printed;
    assert!(yaml.contains("stdout: hello"), "{yaml}");
}

#[tokio::test]
async fn a_program_that_failed_says_why_and_what_was_cut_off() {
    let mut execution = ended("FAILED");
    execution["failure"] = json!({"reason": "USER_ERROR", "message": "it raised", "traceback": "Traceback\n  boom", "line": 3});
    execution["outputTruncated"] = json!(true);
    let ran = runs("run extract", vec![output(1, "STDERR", "Traceback\n  boom\n"), finished(2, execution)]).await;
    assert_eq!((ran.code(), ran.printed.as_str()), (1, ""));
    let cut = runs("run extract", vec![json!({"sequence": 1, "finished": {}})]).await;
    assert!(cut.failure().contains("left out the execution"), "{cut:?}");
    let nothing = runs("run extract", Vec::new()).await;
    assert_eq!(nothing.code(), 0, "it has ended before");
}

#[tokio::test]
async fn a_stream_that_breaks_is_gone_on_with_behind_the_last_event() {
    let peer = Peer::start().await;
    let begun = vec![json!({"sequence": 1, "queued": {"execution": name()}}), output(2, "STDOUT", "one\n")];
    peer.streams("ExecuteUtility", begun, Status::unavailable("gone"));
    peer.streams("WatchExecution", vec![output(3, "STDOUT", "two\n"), finished(4, ended("SUCCEEDED"))], Status::ok(""));
    let ran = run(&peer, "run extract").await;
    assert_eq!((ran.code(), ran.printed.as_str()), (0, "one\ntwo\n"));
    assert_eq!(ran.asked[1].request, json!({"name": name(), "after_sequence": 2}));
}

#[tokio::test]
async fn executions_are_shown_listed_and_stopped() {
    let peer = Peer::start().await;
    let mut execution = ended("FAILED");
    execution["failure"] = json!({"reason": "TIMEOUT", "message": "too long"});
    execution["valueCount"] = json!(3);
    peer.answers("GetExecution", execution.clone());
    let shown = run(&peer, &format!("execution get {ID}")).await.printed;
    for part in ["failed: TIMEOUT: too long", "3, 0 failed", "12.0 ms", "1.0 MiB", "7 bytes, 2 on stderr"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    peer.answers("ListExecutions", json!({"executions": [execution], "nextPageToken": "more"}));
    let listed = run(&peer, "execution list --limit 1").await;
    assert!(listed.printed.contains("extract@2") && listed.printed.contains("TIMEOUT"), "{}", listed.printed);
    peer.answers("CancelExecution", json!({"name": name(), "state": "EXECUTION_STATE_CANCELLING"}));
    assert_eq!(run(&peer, &format!("execution cancel {ID}")).await.printed, format!("{} is cancelling\n", name()));
    peer.answers("StartExecution", json!({"name": name()}));
    assert_eq!(run(&peer, "run extract --detach").await.printed, format!("{}\n", name()));
    let peer = Peer::start().await;
    peer.streams("WatchExecution", vec![output(8, "STDOUT", "late\n"), finished(9, ended("SUCCEEDED"))], Status::ok(""));
    assert_eq!(run(&peer, &format!("execution watch {ID}")).await.printed, "late\n");
}

#[tokio::test]
async fn values_go_through_in_their_order_and_the_worst_of_them_is_the_exit_code() {
    let peer = Peer::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "3\n\n{\"a\": 1}\n").unwrap();
    let results = json!([{"resultJson": "1"}, {"failure": {"reason": "USER_ERROR", "message": "no"}}, {"resultJson": "[2]"}]);
    peer.answers("Transform", json!({"execution": name(), "results": results}));
    let path = file.path().display().to_string();
    let words = ["transform", "extract", "--value", "1", "--value-string", "x y", "--values-file", &path, "--param", "k=v"];
    let ran = run_words(&peer, &words, cli::Credential::Absent).await;
    let values = json!(["1", "\"x y\"", "3", "{\"a\": 1}"]);
    assert_eq!(ran.only(), ("Transform", &json!({"name": EXTRACT, "params_json": "{\"k\":\"v\"}", "values_json": values})));
    assert_eq!((ran.code(), ran.printed.as_str()), (1, "1\n\n[2]\n"), "a value that failed leaves its line empty");
    let document = run(&peer, "transform extract --value 1 -o json").await.json();
    assert_eq!(document["results"][1]["failure"]["reason"], json!("USER_ERROR"));
    let lines = run(&peer, "transform extract --value 1 -o jsonl").await.printed;
    assert_eq!(lines.lines().next(), Some("{\"result\":1}"));
    for (line, told) in [("transform extract", "no value was given"), ("transform extract --value text", "is not JSON")] {
        let refused = run(&peer, line).await;
        assert!(refused.asked.is_empty() && refused.failure().contains(told), "{refused:?}");
    }
}
