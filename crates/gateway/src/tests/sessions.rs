//! Browsers: how somebody signs in, what the cookie of a session is good for, and what it is not.

use http::request::Builder;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tonic_types::StatusExt as _;

use super::harness::{Answer, Harness};
use super::identity::{ANN, CI, KEY, PASSWORD};
use crate::Config;

const THING: &str = "/v1/racks/a/things/b";

/// A browser that is signed in.
struct Browser {
    harness: Harness,
    cookie: String,
    csrf: String,
}

impl Browser {
    async fn new(proof: Value) -> Self {
        let harness = Harness::new();
        let (cookie, csrf) = sign_in(&harness, &proof).await;
        harness.asked.lock().unwrap().clear();
        Browser { harness, cookie, csrf }
    }

    async fn ask(&self, request: Builder, body: &str) -> Answer {
        self.harness.ask(request.header("cookie", &self.cookie), body).await
    }

    /// What the services were shown last.
    fn shown(&self) -> Vec<String> {
        let asked = self.harness.asked.lock().unwrap();
        let (_, headers) = asked.last().expect("they were asked");
        headers.get_all("authorization").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    fn was_asked(&self) -> bool {
        !self.harness.asked.lock().unwrap().is_empty()
    }
}

fn password() -> Value {
    json!({ "tenant": "acme", "user": "ann", "password": PASSWORD })
}

async fn sign_in(harness: &Harness, proof: &Value) -> (String, String) {
    let answer = harness.post("/console/sign-in", &proof.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    (cookie, answer.json()["csrfToken"].as_str().unwrap().to_owned())
}

fn reason(answer: &Answer) -> Value {
    answer.json()["details"][0]["reason"].clone()
}

#[tokio::test]
async fn whoever_signs_in_gets_a_cookie_that_no_page_reads_and_no_secret_in_the_body() {
    let harness = Harness::new();
    let answer = harness.post("/console/sign-in", &password().to_string()).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert_eq!(cookie, "zona-session=zona_session_0_ann; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600");
    assert_eq!((answer.header("cache-control"), answer.text().contains("zona_session_")), ("no-store", false));
    let mut told = answer.json();
    let csrf = told["csrfToken"].take();
    let expected = json!({
        "principal": ANN, "displayName": "Ann", "tenant": "acme", "role": "ROLE_CREATOR", "csrfToken": null,
        "expireTime": "2026-11-30T10:00:00Z", "canSignOutEverywhere": true,
    });
    assert_eq!(told, expected);
    let again = harness.ask(Request::get("/console/session").header("cookie", "zona-session=zona_session_0_ann"), "").await;
    assert_eq!((again.status, &again.json()["csrfToken"]), (StatusCode::OK, &csrf), "a second tab is told the same");

    let encrypted = Harness::with(Config { is_encrypted: true, ..Config::default() });
    let cookie = encrypted.post("/console/sign-in", &password().to_string()).await.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-zona-session=") && cookie.ends_with("; Secure"), "{cookie}");
}

#[tokio::test]
async fn what_does_not_prove_anybody_signs_nobody_in() {
    let harness = Harness::new();
    for wrong in [json!({ "tenant": "acme", "user": "ann", "password": "wrong" }), json!({ "apiKey": "zona_key_x" })] {
        let answer = harness.post("/console/sign-in", &wrong.to_string()).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""), "{wrong}");
    }
    harness.asked.lock().unwrap().clear();
    let check = async |body: Value, expected: &[(&str, &str)]| {
        let answer = harness.post("/console/sign-in", &body.to_string()).await;
        let expected: Vec<_> = expected.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect();
        assert_eq!((answer.status, answer.violations()), (StatusCode::BAD_REQUEST, expected), "{body}");
        assert!(!answer.text().contains("12345"), "{}", answer.text());
    };
    check(json!({}), &[("tenant", "MISSING"), ("user", "MISSING"), ("password", "MISSING")]).await;
    check(json!({ "apiKey": KEY, "user": "ann" }), &[("user", "CONFLICT")]).await;
    check(json!({ "tenant": "acme", "user": "ann", "password": 12345 }), &[("", "MALFORMED")]).await;
    check(json!({ "12345": "" }), &[("", "MALFORMED")]).await;
    assert_eq!(reason(&harness.post("/console/sign-in", "{").await), json!("MALFORMED_JSON"));
    let form = harness.ask(Request::post("/console/sign-in"), &password().to_string()).await;
    assert_eq!(reason(&form), json!("UNSUPPORTED_MEDIA_TYPE"), "a form of another page can send no JSON");
    assert!(harness.asked.lock().unwrap().is_empty(), "nobody was asked");
    assert_eq!(harness.get("/console/sign-in").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(harness.get("/console/session").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_read_with_the_cookie_is_a_call_of_whose_session_it_is() {
    let browser = Browser::new(password()).await;
    assert_eq!(browser.ask(Request::get(THING), "").await.status, StatusCode::OK);
    assert_eq!(browser.shown(), ["Bearer zona_session_0_ann"]);
    let (_, headers) = browser.harness.asked.lock().unwrap().pop().unwrap();
    assert_eq!(headers.get("cookie"), None);
}

#[tokio::test]
async fn whatever_is_no_read_must_show_that_a_page_of_the_console_wants_it() {
    let browser = Browser::new(password()).await;
    let other = Browser::new(json!({ "apiKey": KEY })).await;
    let json = |request: Builder| request.header("content-type", "application/json");
    let requests = || [json(Request::post(format!("{THING}:run"))), Request::delete(THING), json(Request::post("/things.v1.Things/Get"))];
    for shown in [None, Some(""), Some("nonsense"), Some(other.csrf.as_str())] {
        for request in requests() {
            let request = shown.iter().fold(request, |request, shown| request.header("x-zona-csrf", *shown));
            let answer = browser.ask(request, "{}").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{shown:?}");
            assert!(answer.text().contains("CSRF_TOKEN_MISMATCH"), "{}", answer.text());
        }
    }
    assert!(!browser.was_asked());
    for request in requests() {
        let body = if request.method_ref() == Some(&http::Method::DELETE) { "" } else { "{}" };
        browser.ask(request.header("x-zona-csrf", &browser.csrf), body).await;
        assert_eq!(browser.shown(), ["Bearer zona_session_0_ann"]);
        let (_, headers) = browser.harness.asked.lock().unwrap().pop().unwrap();
        assert_eq!(headers.get("x-zona-csrf"), None);
    }
}

#[tokio::test]
async fn grpc_web_is_told_in_its_own_words_what_is_missing() {
    let browser = Browser::new(password()).await;
    let call = || Request::post("/things.v1.Things/Get").header("content-type", "application/grpc-web+proto");
    let message = "\0\0\0\0\0";
    let refused = browser.ask(call(), message).await;
    assert_eq!((refused.status, refused.header("content-type")), (StatusCode::OK, "application/grpc-web+proto"));
    let status = tonic::Status::from_header_map(&refused.headers).unwrap();
    assert_eq!(status.code(), tonic::Code::PermissionDenied);
    assert_eq!(status.get_details_error_info().unwrap().reason, "CSRF_TOKEN_MISMATCH");
    assert!(!browser.was_asked());
    browser.ask(call().header("x-zona-csrf", &browser.csrf), message).await;
    assert_eq!(browser.shown(), ["Bearer zona_session_0_ann"]);
}

#[tokio::test]
async fn a_cookie_counts_for_nothing_beside_another_credential_and_never_for_grpc() {
    let browser = Browser::new(password()).await;
    browser.ask(Request::delete(THING).header("authorization", "Bearer x"), "").await;
    assert_eq!(browser.shown(), ["Bearer x"]);
    for request in [Request::get("/console/session"), Request::post("/console/sign-out").header("x-zona-csrf", &browser.csrf)] {
        let answer = browser.ask(request.header("authorization", "Bearer x"), "").await;
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    }
    let grpc = Request::post("/things.v1.Things/Get").version(http::Version::HTTP_2).header("content-type", "application/grpc");
    browser.ask(grpc.header("x-zona-csrf", &browser.csrf), "\0\0\0\0\0").await;
    assert_eq!(browser.shown(), [""; 0]);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let browser = Browser::new(password()).await;
    let out = || Request::post("/console/sign-out");
    assert_eq!(reason(&browser.ask(out(), "").await), json!("CSRF_TOKEN_MISMATCH"));
    assert_eq!(browser.ask(Request::get("/console/session"), "").await.status, StatusCode::OK, "nobody else can sign them out");
    let strange = browser.ask(Request::post("/console/sign-out?else=1").header("x-zona-csrf", &browser.csrf), "").await;
    assert_eq!(strange.violations(), [("else".to_owned(), "UNKNOWN_FIELD".to_owned())]);
    for _once_and_again in 0..2 {
        let answer = browser.ask(out().header("x-zona-csrf", &browser.csrf), "").await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let taken: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(taken.iter().any(|cookie| cookie.starts_with("zona-session=; ") && cookie.contains("Max-Age=0")), "{taken:?}");
        assert_eq!(browser.ask(Request::get("/console/session"), "").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_person_signs_out_everywhere_and_a_program_only_here() {
    let browser = Browser::new(password()).await;
    let (elsewhere, _) = sign_in(&browser.harness, &password()).await;
    let everywhere = |csrf: &str| Request::post("/console/sign-out?everywhere=true").header("x-zona-csrf", csrf);
    assert_eq!(browser.ask(everywhere(&browser.csrf), "").await.status, StatusCode::NO_CONTENT);
    let there = browser.harness.ask(Request::get("/console/session").header("cookie", elsewhere), "").await;
    assert_eq!(there.status, StatusCode::UNAUTHORIZED);

    let program = Browser::new(json!({ "apiKey": KEY })).await;
    let told = program.ask(Request::get("/console/session"), "").await.json();
    assert_eq!((&told["principal"], &told["canSignOutEverywhere"]), (&json!(CI), &json!(false)));
    let answer = program.ask(everywhere(&program.csrf), "").await;
    assert_eq!(answer.violations(), [("everywhere".to_owned(), "CONFLICT".to_owned())]);
    assert_eq!(program.ask(Request::get("/console/session"), "").await.status, StatusCode::OK);
}
