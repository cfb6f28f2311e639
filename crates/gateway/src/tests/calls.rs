//! What a call passes on, and how its answer is told.

use std::io::Write as _;

use http::{Request, StatusCode};
use serde_json::json;

use super::harness::Harness;
use crate::{Config, Origin};

const THING: &str = "/v1/racks/a/things/b";

#[tokio::test]
async fn only_headers_that_are_known_become_metadata() {
    let harness = Harness::new();
    let request = Request::get(THING)
        .header("authorization", "Bearer x")
        .header("traceparent", "00-1-2-01")
        .header("accept-language", "de")
        .header("x-request-id", "mine")
        .header("connect-timeout-ms", "250")
        .header("cookie", "a=b")
        .header("x-forwarded-for", "192.0.2.1")
        .header("grpc-status", "0");
    harness.ask(request, "").await;
    let (path, headers) = harness.asked.lock().unwrap().pop().unwrap();
    assert_eq!(path, "/things.v1.Things/Get");
    let mut named: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    named.sort();
    let expected = [
        "accept-language: de",
        "authorization: Bearer x",
        "content-type: application/grpc",
        "grpc-timeout: 250m",
        "te: trailers",
        "traceparent: 00-1-2-01",
        "x-request-id: mine",
    ];
    assert_eq!(named, expected);
}

#[tokio::test]
async fn a_failure_has_the_status_of_its_code_and_all_its_details() {
    let harness = Harness::new();
    let answer = harness.ask(Request::delete(THING), "").await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "2"));
    let expected = json!({
        "code": 14, "message": "it is gone",
        "details": [
            { "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "THING_GONE", "domain": "zona.dev" },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.200s" },
        ],
    });
    let mut told = answer.json();
    told["details"].as_array_mut().unwrap().sort_by_key(|detail| detail["@type"].to_string());
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_method_is_called_by_its_name_as_the_connect_protocol_does() {
    let harness = Harness::new();
    let answer = harness.post("/things.v1.Things/Get", "{\"name\":\"x\",\"size\":\"3\"}").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "name": "x", "size": "3" })));
    let failed = harness.post("/things.v1.Things/Fail", "{}").await;
    assert_eq!((failed.status, &failed.json()["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    let details = failed.json()["details"].clone();
    let info = details.as_array().unwrap().iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo").unwrap();
    assert_eq!(info["debug"]["reason"], "THING_GONE");
    assert!(!info["value"].as_str().unwrap().contains('='), "base64 without padding: {info}");
    let refused = harness.post("/things.v1.Things/Get", "{\"nme\":1}").await;
    assert_eq!((refused.status, &refused.json()["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_argument")));
}

#[tokio::test]
async fn an_answer_carries_its_etag_and_is_not_sent_to_whoever_has_it() {
    let harness = Harness::new();
    let uri = format!("{THING}?etag=%22one%22");
    let answer = harness.get(&uri).await;
    assert_eq!((answer.header("etag"), answer.header("x-request-id")), ("\"one\"", "the-id"));
    let again = harness.ask(Request::get(&uri).header("if-none-match", "\"zero\", W/\"one\""), "").await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let head = harness.ask(Request::head(&uri), "").await;
    assert_eq!((head.status, head.body.len(), head.header("etag")), (StatusCode::OK, 0, "\"one\""));
}

#[tokio::test]
async fn large_answers_are_compressed_for_whoever_takes_that_and_small_ones_are_not() {
    let harness = Harness::new();
    let ask = |tag: String| {
        let request = Request::get(format!("{THING}?tags={tag}")).header("accept-encoding", "gzip");
        let harness = &harness;
        async move { harness.ask(request, "").await }
    };
    assert_eq!(ask("x".repeat(100)).await.header("content-encoding"), "");
    let large = ask("x".repeat(5_000)).await;
    assert_eq!((large.header("content-encoding"), large.header("vary")), ("gzip", "accept-encoding"));
    assert!(large.body.len() < 500 && large.body.starts_with(&[0x1f, 0x8b]), "{} bytes", large.body.len());
}

#[tokio::test]
async fn a_body_beyond_the_most_is_refused() {
    let harness = Harness::new();
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(crate::refusal::MAX_BODY));
    let answer = harness.post(&format!("{THING}:run"), &body).await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(8)));
    assert!(harness.asked.lock().unwrap().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_only_where_they_are_listed() {
    let from = |request: http::request::Builder| request.header("origin", "https://console.example").header("host", "127.0.0.1:7080");
    let closed = Harness::new();
    let answer = closed.ask(from(Request::get(THING)), "").await;
    assert_eq!((answer.status, &answer.json()["details"][0]["reason"]), (StatusCode::FORBIDDEN, &json!("FOREIGN_ORIGIN")));
    assert_eq!(answer.header("access-control-allow-origin"), "");

    let origin: Origin = "https://console.example".parse().unwrap();
    let open = Harness::with(Config { origins: vec![origin] });
    let answer = open.ask(from(Request::get(THING)), "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (StatusCode::OK, "https://console.example"));
    assert_eq!(answer.header("access-control-allow-credentials"), "", "a browser's own credentials are none");
    let preflight =
        Request::options(THING).header("access-control-request-method", "DELETE").header("access-control-request-headers", "authorization");
    let answer = open.ask(from(preflight), "").await;
    assert!(
        answer.header("access-control-allow-methods").contains("DELETE")
            && answer.header("access-control-allow-headers").contains("authorization")
    );
    let other = open.ask(Request::get(THING).header("origin", "https://evil.example").header("host", "127.0.0.1:7080"), "").await;
    assert_eq!((other.status, other.header("access-control-allow-origin")), (StatusCode::FORBIDDEN, ""));
}

#[tokio::test]
async fn a_call_of_grpc_web_is_passed_on() {
    let harness = Harness::new();
    let mut frame = Vec::new();
    frame.write_all(&[0, 0, 0, 0, 3, 0x0a, 1, b'x']).unwrap();
    let text = String::from_utf8(frame.clone()).unwrap();
    let answer = harness.ask(Request::post("/things.v1.Things/Get").header("content-type", "application/grpc-web+proto"), &text).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/grpc-web+proto"));
    assert!(answer.body.starts_with(&frame), "{:?}", answer.body);
    // The trailers are a frame of their own, marked by its highest bit.
    assert_eq!(answer.body[frame.len()], 0x80);
}
