//! What a request means: path, query, body and headers together, and how what is wrong is told.

use std::collections::BTreeSet;

use http::{Request, StatusCode};
use serde_json::json;

use super::harness::Harness;
use crate::{Contract, precondition};

const THING: &str = "racks/a/things/b";

#[tokio::test]
async fn a_path_fills_the_field_that_its_template_names() {
    let harness = Harness::new();
    assert_eq!(harness.get("/v1/racks/a/things/b").await.json(), json!({ "name": THING }));
    assert_eq!(harness.get("/v1/racks/%C3%A4%3A/things/b%20c").await.json(), json!({ "name": "racks/ä:/things/b c" }));
    assert_eq!(harness.get("/v1/rest/x/y/z").await.json(), json!({ "name": "x/y/z" }));
    assert_eq!(harness.post("/v1/racks/a/things/b:run", "{}").await.json(), json!({ "name": THING }));
    assert_eq!(harness.get("/v1/racks/a/things/b%2Fc").await.violations(), [("name".into(), "MALFORMED".into())]);
}

#[tokio::test]
async fn every_kind_of_value_is_read_and_written_as_proto3_json_says() {
    let harness = Harness::new();
    let whole = json!({
        "name": THING, "size": "-9007199254740993", "count": 7, "data": "AP8=", "color": "COLOR_RED", "madeAt": "2026-11-30T06:00:00.500Z",
        "lasts": "1.500s", "updateMask": "madeAt,inner.depth", "labels": { "x": 1 }, "tags": ["one", "two"],
        "inner": { "name": "inners/i", "depth": "18446744073709551615" }, "flag": true, "maybe": false,
    });
    let answer = harness.post("/v1/racks/a/things/b:run", &whole.to_string()).await;
    assert_eq!(answer.json(), whole);
    let other_spelling = json!({ "made_at": "2026-11-30T06:00:00.5Z", "update_mask": "madeAt", "size": 5, "color": 1 }).to_string();
    let expected =
        json!({ "name": THING, "madeAt": "2026-11-30T06:00:00.500Z", "updateMask": "madeAt", "size": "5", "color": "COLOR_RED" });
    assert_eq!(harness.post("/v1/racks/a/things/b:run", &other_spelling).await.json(), expected);
}

#[tokio::test]
async fn a_query_says_the_same_as_a_body() {
    let harness = Harness::new();
    let query = "size=-3&count=2&data=AP8%3D&color=COLOR_RED&madeAt=2026-11-30T06:00:00Z&lasts=2s&update_mask=madeAt&tags=x&tags=y\
                 &inner.name=i&inner.inner.depth=4&flag=true&maybe=false";
    let expected = json!({
        "name": THING, "size": "-3", "count": 2, "data": "AP8=", "color": "COLOR_RED", "madeAt": "2026-11-30T06:00:00Z", "lasts": "2s",
        "updateMask": "madeAt", "tags": ["x", "y"], "inner": { "name": "i", "inner": { "depth": "4" } }, "flag": true, "maybe": false,
    });
    assert_eq!(harness.get(&format!("/v1/{THING}?{query}")).await.json(), expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_all_at_once() {
    let harness = Harness::new();
    let answer =
        harness.get(&format!("/v1/{THING}?nothing=1&count=many&color=COLOR_BLUE&labels=x&parts=y&name=z&inner.no=1&flag=yes")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let fields: Vec<_> = answer.violations();
    let expected = [
        ("nothing", "UNKNOWN_FIELD"),
        ("count", "MALFORMED"),
        ("color", "MALFORMED"),
        ("labels", "MALFORMED"),
        ("parts", "MALFORMED"),
        ("name", "MALFORMED"),
        ("inner.no", "UNKNOWN_FIELD"),
        ("flag", "MALFORMED"),
    ];
    assert_eq!(fields, expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
}

#[tokio::test]
async fn unknown_fields_of_a_body_are_refused_with_their_paths() {
    let harness = Harness::new();
    let body = json!({ "nme": 1, "inner": { "inner": { "deep": 1 } }, "parts": [{}, { "x": 1 }], "labels": { "free": 1 } }).to_string();
    let answer = harness.post("/v1/racks/a/things/b:run", &body).await;
    let mut fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(fields, ["inner.inner.deep", "nme", "parts[1].x"]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named_by_its_path() {
    let harness = Harness::new();
    let cases = [
        (json!({ "count": "many" }), "count"),
        (json!({ "count": 1.5 }), "count"),
        (json!({ "flag": "true" }), "flag"),
        (json!({ "madeAt": "yesterday" }), "made_at"),
        (json!({ "parts": [{}, { "depth": -1 }] }), "parts[1].depth"),
        (json!({ "labels": { "x": "y" } }), "labels.x"),
        (json!({ "tags": "x" }), "tags"),
        (json!({ "color": "COLOR_BLUE" }), "color"),
    ];
    for (body, field) in cases {
        let answer = harness.post("/v1/racks/a/things/b:run", &body.to_string()).await;
        assert_eq!(answer.violations(), [(field.to_owned(), "MALFORMED".to_owned())], "{body}");
    }
}

#[tokio::test]
async fn what_is_no_json_is_told_apart_from_what_does_not_fit() {
    let harness = Harness::new();
    for body in ["{", "{}x", "{\"name\":}"] {
        let answer = harness.post("/v1/racks/a/things/b:run", body).await;
        assert_eq!(
            (answer.status, answer.json()["details"][0]["reason"].as_str().unwrap_or_default()),
            (StatusCode::BAD_REQUEST, "MALFORMED_JSON"),
            "{body}"
        );
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""] {
        let answer = harness.ask(Request::post("/v1/racks/a/things/b:run").header("content-type", kind), "{}").await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind:?}");
    }
}

#[tokio::test]
async fn a_body_may_be_one_field_and_then_the_query_says_the_others() {
    let harness = Harness::new();
    let put = |uri: &str| Request::put(uri.to_owned()).header("content-type", "application/json");
    let answer = harness.ask(put("/v1/inners/i?count=3"), "{\"depth\":\"2\"}").await;
    assert_eq!(answer.json(), json!({ "count": 3, "inner": { "name": "inners/i", "depth": "2" } }));
    let answer = harness.ask(put("/v1/inners/i"), "{\"name\":\"inners/other\"}").await;
    assert_eq!(answer.violations(), [("inner.name".to_owned(), "CONFLICT".to_owned())]);
    let answer = harness.ask(put("/v1/inners/i?inner.depth=3"), "{\"depht\":1}").await;
    assert_eq!(answer.violations(), [("inner.depht".to_owned(), "UNKNOWN_FIELD".to_owned())]);
    let answer = harness.ask(put("/v1/inners/i?inner.depth=3"), "{}").await;
    assert_eq!(answer.violations(), [("inner.depth".to_owned(), "MALFORMED".to_owned())]);
}

#[tokio::test]
async fn headers_of_http_stand_for_fields() {
    let harness = Harness::new();
    let asked = Request::post(format!("/v1/{THING}:run")).header("if-match", "\"one\"").header("idempotency-key", "\"an-id\"");
    assert_eq!(harness.ask(asked, "").await.json(), json!({ "name": THING, "etag": "\"one\"", "requestId": "an-id" }));
    let asked = Request::post(format!("/v1/{THING}:run")).header("if-match", "W/\"one\"");
    assert_eq!(harness.ask(asked, "").await.violations(), [("If-Match".to_owned(), "MALFORMED".to_owned())]);
    let asked = Request::post(format!("/v1/{THING}:run")).header("if-match", "\"one\"").header("content-type", "application/json");
    assert_eq!(harness.ask(asked, "{\"etag\":\"two\"}").await.violations(), [("etag".to_owned(), "CONFLICT".to_owned())]);
    let watched = harness.ask(Request::get("/v1/racks/a:watch").header("idempotency-key", "x"), "").await;
    assert_eq!(watched.violations(), [("Idempotency-Key".to_owned(), "MALFORMED".to_owned())], "what cannot be kept is not promised");
}

#[tokio::test]
async fn of_many_violations_as_many_are_told_as_somebody_can_read() {
    let harness = Harness::new();
    let unknown: Vec<String> = (0..5_000).map(|number| format!("\"x{number}\":[{{}}]")).collect();
    let answer = harness.post("/v1/racks/a/things/b:run", &format!("{{{}}}", unknown.join(","))).await;
    let told = answer.violations();
    assert_eq!((told.len(), &told[0].0, told[100].1.as_str()), (101, &"x0".to_owned(), "MORE_VIOLATIONS"));
    let long = json!({ "labels": { "x".repeat(10_000): "y" }, "parts": [{}, { "z".repeat(10_000): 1 }] });
    let told = harness.post("/v1/racks/a/things/b:run", &long.to_string()).await.violations();
    assert_eq!(told, [(format!("parts[1].{}", "z".repeat(256)), "UNKNOWN_FIELD".to_owned())]);
    let long = json!({ "labels": { "ä".repeat(10_000): "y".repeat(10_000) } });
    let answer = harness.post("/v1/racks/a/things/b:run", &long.to_string()).await;
    assert!(answer.violations()[0].0.starts_with("labels.ää") && answer.body.len() < 3_000, "{} bytes", answer.body.len());
}

#[test]
fn an_etag_counts_where_something_is_changed_and_nowhere_where_it_is_made() {
    let contract = Contract::built_in().unwrap();
    let takes = |method: &crate::contract::Method| precondition::etag_path(method).is_some();
    let names: BTreeSet<&str> = contract.methods.values().filter(|method| takes(method)).map(|method| method.descriptor.name()).collect();
    let begins = |begin: &str| names.iter().filter(|name| name.starts_with(begin)).count();
    assert_eq!(begins("Create"), 0, "{names:?}");
    let updates = contract.methods.values().filter(|method| method.descriptor.name().starts_with("Update"));
    assert_eq!(begins("Update"), updates.count(), "{names:?}");
    assert!(names.contains("SetSecret") && names.contains("DeleteUtility"), "{names:?}");
}
