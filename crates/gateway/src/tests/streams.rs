//! Streams as events and as lines.

use std::sync::Arc;

use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tonic::body::Body;

use super::harness::Harness;

const EVENTS: &str = "text/event-stream";

#[tokio::test]
async fn a_stream_is_lines_of_json_for_whoever_asks_for_nothing_else() {
    let harness = Harness::new();
    let answer = harness.get("/v1/racks/a:watch?after_sequence=1").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/x-ndjson"));
    let lines: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [json!({ "text": "still here" }), json!({ "sequence": "2", "text": "racks/a 2" }), json!({ "sequence": "3", "text": "racks/a 3" })]
    );
}

#[tokio::test]
async fn events_have_the_place_at_which_they_stand_and_the_stream_says_how_it_ended() {
    let harness = Harness::new();
    let answer = harness.ask(Request::get("/v1/racks/a:watch?afterSequence=2").header("accept", EVENTS), "").await;
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), (EVENTS, "no-store"));
    let expected =
        "data: {\"text\":\"still here\"}\n\nid: 3\ndata: {\"sequence\":\"3\",\"text\":\"racks/a 3\"}\n\nevent: status\ndata: {}\n\n";
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_whatever_the_address_says() {
    let harness = Harness::new();
    let again =
        |id: &str| Request::get("/v1/racks/a:watch?after_sequence=0").header("accept", EVENTS).header("last-event-id", id.to_owned());
    let text = harness.ask(again("2"), "").await.text();
    assert!(!text.contains("racks/a 2") && text.contains("id: 3\n"), "{text}");
    let over = harness.ask(again("3"), "").await;
    assert_eq!((over.status, over.body.len()), (StatusCode::NO_CONTENT, 0), "a browser asks no more");
    assert_eq!(harness.ask(again("x"), "").await.violations(), [("Last-Event-ID".to_owned(), "MALFORMED".to_owned())]);
}

#[tokio::test]
async fn a_stream_that_fails_ends_with_the_status() {
    let harness = Harness::new();
    let answer = harness.get("/v1/racks/broken:watch").await;
    let last: Value = serde_json::from_str(answer.text().lines().last().unwrap()).unwrap();
    assert_eq!((&last["@type"], &last["code"]), (&json!("type.googleapis.com/google.rpc.Status"), &json!(14)));
    let answer = harness.ask(Request::get("/v1/racks/broken:watch").header("accept", EVENTS), "").await;
    let text = answer.text();
    let (_, status) = text.split_once("event: status\ndata: ").unwrap();
    assert_eq!(serde_json::from_str::<Value>(status.trim()).unwrap()["message"], "it is gone");
}

#[tokio::test]
async fn what_has_come_is_told_at_once_and_the_call_ends_with_its_reader() {
    let harness = Harness::new();
    let before = Arc::strong_count(&harness.open);
    let mut response = harness.send(Request::get("/v1/racks/endless:watch").body(Body::empty()).unwrap()).await;
    for expected in ["still here", "racks/endless 1", "racks/endless 2"] {
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        assert!(text.contains(expected), "{text}");
    }
    assert!(Arc::strong_count(&harness.open) > before, "the call goes on");
    drop(response);
    assert_eq!(Arc::strong_count(&harness.open), before, "nobody is there to be told");
}

#[tokio::test]
async fn a_stream_that_does_not_go_on_has_no_places_and_says_so_to_whoever_names_one() {
    let harness = Harness::new();
    let asked = || Request::get("/v1/racks/a:follow").header("accept", EVENTS);
    let text = harness.ask(asked(), "").await.text();
    assert!(text.contains("racks/a 3") && !text.contains("id: "), "{text}");
    let calls = harness.asked.lock().unwrap().len();
    let again = harness.ask(asked().header("last-event-id", "2"), "").await;
    assert_eq!(again.violations(), [("Last-Event-ID".to_owned(), "MALFORMED".to_owned())]);
    assert_eq!(harness.asked.lock().unwrap().len(), calls, "it does not run again");
}
