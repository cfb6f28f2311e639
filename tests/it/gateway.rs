//! What a person does with curl and nothing else: calls by name and by route, pages, preconditions, streams that go on, and every kind of
//! refusal.

use std::process::Command;

use e2e::{command::run, server::Server};
use serde_json::{Value, json};

use crate::steps::{SHOUT, TICKER};

const KEYS: &str = "content-type: application/json";
const EVENTS: &str = "accept: text/event-stream";
const UTILITIES: &str = "/v1/tenants/demo/utilities";

/// Somebody with curl, signed in by the key of `zona dev`.
struct Curl {
    server: Server,
    authorization: String,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Curl {
    fn new() -> Self {
        // Otherwise whoever shows nothing would be somebody, elsewhere.
        let server = Server::configured("[identity]\nlocal_caller = false\n");
        let authorization = format!("authorization: Bearer {}", server.developer_key());
        Curl { server, authorization }
    }

    /// As whoever has started the server.
    fn ask(&self, path: &str, words: &[&str]) -> Answer {
        self.strange(path, &[&["-H", self.authorization.as_str()], words].concat())
    }

    /// As somebody who shows nothing.
    fn strange(&self, path: &str, words: &[&str]) -> Answer {
        let url = format!("{}{path}", self.server.gateway());
        // -i shows the head before the body; -N shows what comes when it comes.
        let ended =
            run(Command::new("curl").args(["-q", "-sS", "-i", "-N", "--globoff", "--compressed"]).args(words).arg(url)).with_code(0);
        let text = ended.text();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
        let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.unwrap_or_else(|| panic!("no status: {headers}")), headers: headers.to_lowercase(), body: body.to_owned() }
    }

    fn send(&self, verb: &str, path: &str, body: &Value) -> Answer {
        self.ask(path, &["-X", verb, "-H", KEYS, "-d", &body.to_string()])
    }

    fn create(&self, id: &str, code: &str) -> Value {
        let body = json!({ "utilityId": id, "utility": { "code": code } });
        let answer = self.send("POST", &format!("{UTILITIES}?utilityId={id}"), &body["utility"]);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reason of a refusal.
    #[track_caller]
    fn reason(&self) -> String {
        let told = self.json();
        let details = told["details"].as_array().unwrap_or_else(|| panic!("no details: {told}"));
        let info = details.iter().find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo");
        info.and_then(|info| info["reason"].as_str()).unwrap_or_else(|| panic!("no reason: {told}")).to_owned()
    }
}

#[test]
fn curl_calls_a_method_by_its_name() {
    let curl = Curl::new();
    let body = json!({ "name": "tenants/demo/utilities/extract-iocs", "values_json": ["\"see hxxp://evil[.]example\""] });
    let answer = curl.send("POST", "/zona.execution.v1.ExecutionService/Transform", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json();
    assert!(told["execution"].as_str().is_some_and(|name| name.starts_with("tenants/demo/executions/")), "{told}");
    assert!(told["results"][0]["resultJson"].as_str().is_some_and(|value| value.contains("evil.example")), "{told}");
    let refused = curl.strange("/zona.execution.v1.ExecutionService/Transform", &["-H", KEYS, "-d", &body.to_string()]);
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("unauthenticated")), "nobody is known who shows nothing");
    curl.server.stop();
}

#[test]
fn curl_asks_by_the_paths_of_the_low_level_design() {
    let curl = Curl::new();
    let listed = curl.ask("/integration/list", &[]);
    assert_eq!((listed.status, listed.json()), (200, json!([])), "a bare list, of the caller's own tenant");
    for (path, body) in [("/service/start", json!({ "serviceName": "web" })), ("/service/stop", json!({ "serviceName": "web" }))] {
        let refused = curl.send("POST", path, &body);
        assert_eq!((refused.status, refused.reason().as_str()), (403, "PERMISSION_DENIED"), "services are the installation's");
        assert_eq!(curl.strange(path, &["-H", KEYS, "-d", &body.to_string()]).status, 401, "a token is required");
    }
    assert_eq!(curl.ask("/status", &[]).status, 403);
    curl.server.stop();
}

#[test]
fn curl_keeps_utilities_by_their_routes() {
    let curl = Curl::new();
    let made = curl.create("shout", SHOUT);
    assert_eq!((&made["name"], &made["kind"]), (&json!("tenants/demo/utilities/shout"), &json!("UTILITY_KIND_TRANSFORMER")));
    let got = curl.ask(&format!("{UTILITIES}/shout"), &[]);
    let tag = got.json()["etag"].as_str().map(str::to_owned).expect("a utility has an etag");
    assert!(got.headers.contains(&format!("etag: {}", tag.to_lowercase())), "{}", got.headers);
    assert_eq!(curl.ask(&format!("{UTILITIES}/shout"), &["-H", &format!("if-none-match: {tag}")]).status, 304);

    let path = format!("{UTILITIES}/shout?updateMask=description");
    let change = |tag: &str, text: &str| {
        let body = json!({ "description": text }).to_string();
        curl.ask(&path, &["-X", "PATCH", "-H", KEYS, "-H", &format!("if-match: {tag}"), "-d", &body])
    };
    let changed = change(&tag, "says it loudly");
    assert_eq!((changed.status, &changed.json()["description"]), (200, &json!("says it loudly")), "{changed:?}");
    let stale = change(&tag, "says it again");
    assert_eq!((stale.status, stale.reason().as_str()), (409, "ETAG_MISMATCH"));

    let page = curl.ask(&format!("{UTILITIES}?pageSize=1&filter.namePrefix=s&order=UTILITY_ORDER_NAME"), &[]).json();
    let token = page["nextPageToken"].as_str().unwrap_or_else(|| panic!("one more begins so: {page}")).to_owned();
    let next = format!("{UTILITIES}?page_size=1&filter.name_prefix=s&order=UTILITY_ORDER_NAME");
    let next = curl.ask(&next, &["--get", "--data-urlencode", &format!("page_token={token}")]).json();
    assert_eq!((page["utilities"].as_array().map(Vec::len), next["utilities"].as_array().map(Vec::len)), (Some(1), Some(1)));
    assert_ne!(page["utilities"][0]["name"], next["utilities"][0]["name"]);

    let transformed = curl.send("POST", &format!("{UTILITIES}/shout:transform"), &json!({ "valuesJson": ["\"x\""] })).json();
    assert_eq!(transformed["results"][0]["resultJson"], "\"X!\"", "{transformed}");
    let deleted = curl.ask(&format!("{UTILITIES}/shout"), &["-X", "DELETE", "-H", "idempotency-key: 0193c9a2-7b5e-7c3d-8e4f-0123456789ab"]);
    assert_eq!(deleted.status, 200, "{deleted:?}");
    curl.server.stop();
}

#[test]
fn every_refusal_says_what_was_wrong_under_the_status_of_its_code() {
    let curl = Curl::new();
    let check =
        |answer: Answer, status: u16, reason: &str| assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{answer:?}");
    let absent = format!("{UTILITIES}/absent");
    let strange = curl.strange(&absent, &[]);
    assert!(strange.headers.contains("www-authenticate: bearer"), "{}", strange.headers);
    check(strange, 401, "UNAUTHENTICATED");
    check(curl.ask("/v1/tenants/other/utilities/x", &[]), 403, "PERMISSION_DENIED");
    check(curl.ask(&absent, &[]), 404, "NOT_FOUND");
    check(curl.ask("/v1/tenants/demo/nothing", &[]), 404, "NO_SUCH_PATH");
    let put = curl.ask(&absent, &["-X", "PUT"]);
    assert!(put.headers.contains("allow: delete, get, head, patch"), "{}", put.headers);
    check(put, 405, "METHOD_NOT_ALLOWED");
    check(curl.ask(&format!("{absent}:transform"), &["-H", KEYS, "-d", "{"]), 400, "MALFORMED_JSON");
    check(curl.ask(&format!("{absent}:transform"), &["-d", "{}"]), 415, "UNSUPPORTED_MEDIA_TYPE");
    let invalid = curl.send("POST", &format!("{absent}:transform"), &json!({ "valueJson": [] }));
    let told = invalid.json();
    check(invalid, 400, "INVALID_FIELDS");
    let bad = told["details"].as_array().and_then(|details| details.iter().find(|detail| !detail["fieldViolations"].is_null()));
    let violation = bad.map(|bad| bad["fieldViolations"][0].clone()).unwrap_or_else(|| panic!("{told}"));
    assert_eq!((&violation["field"], &violation["reason"]), (&json!("valueJson"), &json!("UNKNOWN_FIELD")));
    check(curl.ask(&absent, &["-H", "origin: https://evil.example"]), 403, "FOREIGN_ORIGIN");
    let long = format!("x-long: {}", "x".repeat(20_000));
    assert_eq!(curl.ask(&absent, &["-H", &long]).status, 431, "headers are bounded");
    curl.server.stop();
}

#[test]
fn a_stream_is_followed_as_events_and_goes_on_where_it_was_left() {
    let curl = Curl::new();
    curl.create("ticker", TICKER);
    let started = curl.send("POST", &format!("{UTILITIES}/ticker:start"), &json!({ "paramsJson": "{\"lines\": 3}" })).json();
    let name = started["name"].as_str().unwrap_or_else(|| panic!("{started}")).to_owned();
    let watch = format!("/v1/{name}:watch");
    let whole = curl.ask(&watch, &["-H", EVENTS]);
    assert!(whole.headers.contains("content-type: text/event-stream"), "{}", whole.headers);
    let ids: Vec<i64> = whole.body.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>(), "{}", whole.body);
    assert!(ids.len() >= 4 && whole.body.ends_with("event: status\ndata: {}\n\n"), "{}", whole.body);

    let last = ids.len() as i64;
    let rest = curl.ask(&watch, &["-H", EVENTS, "-H", &format!("last-event-id: {}", last - 1)]);
    let again: Vec<&str> = rest.body.lines().filter(|line| line.starts_with("id: ")).collect();
    assert_eq!(again, [format!("id: {last}")], "{}", rest.body);
    assert!(rest.body.contains("\"finished\""), "{}", rest.body);
    assert_eq!(curl.ask(&watch, &["-H", EVENTS, "-H", &format!("last-event-id: {last}")]).status, 204);

    let lines = curl.ask(&format!("{watch}?afterSequence={}", last - 1), &[]);
    assert!(lines.headers.contains("content-type: application/x-ndjson"), "{}", lines.headers);
    let told: Vec<Value> = lines.body.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!((told.len(), &told[0]["sequence"]), (1, &json!(last.to_string())));
    curl.server.stop();
}

#[test]
fn the_description_and_health_are_there_for_everybody() {
    let curl = Curl::new();
    let document = curl.strange("/openapi.json", &[]);
    assert!(document.headers.contains("content-encoding: zstd"), "{}", document.headers);
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert_eq!(curl.strange("/healthz", &[]).body, "ok\n");
    assert!(curl.strange("/docs", &[]).body.contains("/v1/tenants/{tenant}/utilities/{utility}:transform"));
    curl.server.stop();
}
