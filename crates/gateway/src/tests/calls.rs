//! What a call passes on, and how its answer is told.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message as _;
use serde_json::json;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _, pb};

use super::harness::{Answer, Harness, contract};
use crate::{Config, Origin, refusal};

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
    let timeout = headers.get("grpc-timeout").and_then(|left| left.to_str().ok()).unwrap();
    assert!(timeout.strip_suffix('u').and_then(|left| left.parse::<u64>().ok()).is_some_and(|left| left <= 250_000), "{timeout}");
    let mut named: Vec<_> = headers
        .iter()
        .filter(|(name, _)| *name != "grpc-timeout")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    named.sort();
    let expected = [
        "accept-language: de",
        "authorization: Bearer x",
        "content-type: application/grpc",
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
    let zstd =
        harness.ask(Request::get(format!("{THING}?tags={}", "x".repeat(5_000))).header("accept-encoding", "gzip, br, zstd"), "").await;
    assert_eq!((zstd.header("content-encoding"), zstd.body.len() < 500), ("zstd", true));
    let plain: serde_json::Value = serde_json::from_slice(&zstd::decode_all(&zstd.body[..]).unwrap()).unwrap();
    assert_eq!(plain["tags"], json!(["x".repeat(5_000)]));
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
    let open = Harness::with(Config { origins: vec![origin], ..Config::default() });
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

#[tokio::test]
async fn nobody_keeps_what_a_caller_is_told_and_every_answer_names_its_request() {
    let harness = Harness::new();
    for uri in [THING, "/v1/racks/a:watch", "/v1/nothing", "/thing/three"] {
        let answer = harness.ask(Request::get(uri).header("x-request-id", "not fit"), "").await;
        assert_eq!((answer.header("cache-control"), answer.header("x-content-type-options")), ("no-store", "nosniff"), "{uri}");
        assert!(!answer.header("x-request-id").is_empty(), "{uri}");
    }
    let refused = harness.ask(Request::get("/v1/nothing").header("x-request-id", "mine"), "").await;
    assert_eq!(refused.header("x-request-id"), "mine");
    harness.get(THING).await;
    let (_, passed) = harness.asked.lock().unwrap().pop().unwrap();
    assert!(passed.contains_key("x-request-id"), "the services know the request by the same id");
}

#[tokio::test]
async fn what_was_done_is_answered_whatever_compression_the_caller_takes() {
    let harness = Harness::new();
    for coding in ["br", "identity;q=0", "gzip;q=0, identity;q=0", "*;q=0"] {
        let answer = harness.ask(Request::get(THING).header("accept-encoding", coding), "").await;
        assert_eq!((answer.status, answer.header("content-encoding")), (StatusCode::OK, ""), "{coding}");
    }
}

/// Asks with a body that comes in these frames, none of which is asked for before the one before it was dealt with.
async fn ask_in_frames(harness: &Harness, frames: impl Iterator<Item = Result<Bytes, Status>> + Send + 'static) -> Answer {
    let body = Body::new(StreamBody::new(stream::iter(frames.map(|frame| frame.map(Frame::data)))));
    let request = Request::post(format!("{THING}:run")).header("content-type", "application/json");
    harness.answer(request.body(body).unwrap()).await
}

#[tokio::test]
async fn of_a_body_in_many_frames_no_frame_is_kept() {
    struct Held {
        byte: u8,
        _counted: Arc<()>,
    }
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            std::slice::from_ref(&self.byte)
        }
    }
    let harness = Harness::new();
    let frames = Arc::new(());
    let kept = Arc::clone(&frames);
    let text = format!("{{\"tags\":[\"{}\"]}}", "x".repeat(1_000));
    let body = text.into_bytes().into_iter().map(move |byte| {
        assert!(Arc::strong_count(&kept) <= 3, "{} frames are kept", Arc::strong_count(&kept) - 2);
        Ok(Bytes::from_owner(Held { byte, _counted: Arc::clone(&kept) }))
    });
    assert_eq!(ask_in_frames(&harness, body).await.status, StatusCode::OK);
    drop(frames);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_callers_and_one_that_is_refused_says_why() {
    let harness = Harness::new();
    let check = |broken: Status, status: StatusCode, reason: &'static str| {
        let harness = &harness;
        async move {
            let answer = ask_in_frames(harness, [Ok(Bytes::from_static(b"{")), Err(broken)].into_iter()).await;
            assert_eq!((answer.status, &answer.json()["details"][0]["reason"]), (status, &json!(reason)));
        }
    };
    check(Status::unknown("h2 protocol error"), StatusCode::BAD_REQUEST, "INCOMPLETE_BODY").await;
    let details = ErrorDetails::with_error_info("UNFINISHED_REQUESTS", "zona.dev", HashMap::<String, String>::new());
    let full = Status::with_error_details(Code::ResourceExhausted, "too many", details);
    check(full, StatusCode::TOO_MANY_REQUESTS, "UNFINISHED_REQUESTS").await;
    assert!(harness.asked.lock().unwrap().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn in_plain_text_a_name_that_could_be_led_here_is_refused() {
    let harness = Harness::new();
    let answer =
        harness.ask(Request::get(THING).header("host", "evil.example:7080").header("origin", "http://evil.example:7080"), "").await;
    assert_eq!((answer.status, &answer.json()["details"][0]["reason"]), (StatusCode::MISDIRECTED_REQUEST, &json!("FOREIGN_HOST")));
    assert!(harness.asked.lock().unwrap().is_empty(), "nobody was asked");
}

#[test]
fn a_detail_that_nobody_knows_takes_no_other_with_it() {
    let known = ErrorDetails::with_error_info("THING_GONE", "zona.dev", HashMap::<String, String>::new());
    let mut whole = pb::Status::decode(Status::with_error_details(Code::NotFound, "gone", known).details()).unwrap();
    let mut unknown = whole.details[0].clone();
    unknown.type_url = "type.googleapis.com/nobody.knows.This".to_owned();
    whole.details.insert(0, unknown);
    let status = Status::with_details(Code::NotFound, "gone", whole.encode_to_vec().into());
    let told: serde_json::Value = serde_json::from_slice(&refusal::to_json(&status, &contract().status)).unwrap();
    assert_eq!((told["details"].as_array().map(Vec::len), &told["details"][0]["reason"]), (Some(1), &json!("THING_GONE")), "{told}");
}
