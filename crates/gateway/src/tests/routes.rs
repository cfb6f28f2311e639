//! Which route a path means, of the contract of the tests and of Zona's own.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::json;

use super::harness::{Harness, contract};
use crate::router::Found;
use crate::template::Segment;
use crate::{Contract, Error};

/// A path that a route is made for.
fn example(route: &crate::contract::Route) -> String {
    let segments = route.template.segments.iter().map(|segment| match segment {
        Segment::Literal(text) => text.as_str(),
        Segment::Any | Segment::Rest => "x",
    });
    let path = segments.map(|segment| format!("/{segment}")).collect::<String>();
    if route.template.verb.is_empty() { path } else { format!("{path}:{}", route.template.verb) }
}

fn check_reachable(contract: &Contract) {
    for (number, route) in contract.routes.iter().enumerate() {
        let path = example(route);
        match contract.find(&route.verb, &path) {
            Found::Route(found, _) => assert_eq!(found, number, "{} {path} of {}", route.verb, route.method.path),
            other => panic!("{} {path} of {}: {other:?}", route.verb, route.method.path),
        }
    }
}

#[test]
fn every_method_of_the_contract_has_a_route_of_its_own_that_is_reached() {
    let contract = Contract::built_in().unwrap();
    check_reachable(&contract);
    let with_route: BTreeSet<&str> = contract.routes.iter().map(|route| route.method.path.as_str()).collect();
    let all: BTreeSet<&str> = contract.methods.keys().map(String::as_str).collect();
    assert_eq!(with_route, all);
    assert_eq!(all.len(), api_proto::methods().len());
}

#[test]
fn every_route_of_the_tests_is_reached() {
    check_reachable(&contract());
}

#[tokio::test]
async fn literals_go_before_wildcards_and_verbs_before_names_with_a_colon() {
    let harness = Harness::new();
    harness.get("/v1/racks/special/things/only").await;
    harness.get("/v1/racks/special/things/others").await;
    harness.get("/v1/racks/a/things/b:unknown").await;
    let asked = harness.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(asked, ["/things.v1.Things/Rack", "/things.v1.Things/Get", "/things.v1.Things/Get"]);
}

#[tokio::test]
async fn a_route_may_answer_one_field_also_where_it_is_empty() {
    let harness = Harness::new();
    assert_eq!(harness.get("/thing/3?tags=x&tags=y").await.json(), json!(["x", "y"]));
    assert_eq!(harness.get("/thing/3").await.json(), json!([]));
    assert_eq!(harness.get("/thing/three").await.violations(), [("count".to_owned(), "MALFORMED".to_owned())]);
}

#[tokio::test]
async fn a_path_that_nobody_has_and_a_method_that_it_does_not_have_are_told_apart() {
    let harness = Harness::new();
    for path in ["/nothing", "/v1", "/v1/racks//things/b", "/v1/racks/a/things/b/c", "/v1/racks/a/things/", "/v2/racks/a/things/b"] {
        let answer = harness.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!((&answer.json()["code"], &answer.json()["details"][0]["reason"]), (&json!(5), &json!("NO_SUCH_PATH")), "{path}");
    }
    let check = |path: &'static str, method: Method, allowed: &'static str| {
        let harness = &harness;
        async move {
            let request = http::Request::builder().method(method).uri(path);
            let answer = harness.ask(request, "").await;
            assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, allowed), "{path}");
            assert!(answer.text().contains("\"METHOD_NOT_ALLOWED\""), "{}", answer.text());
        }
    };
    check("/v1/racks/a/things/b", Method::PATCH, "DELETE, GET, HEAD").await;
    check("/v1/racks/a/things/b:run", Method::PUT, "DELETE, GET, HEAD, POST").await;
    check("/things.v1.Things/Get", Method::GET, "POST").await;
    check("/openapi.json", Method::POST, "GET, HEAD").await;
}

#[test]
fn a_contract_whose_routes_clash_is_refused() {
    let refused = |first: &str, second: &str| {
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "syntax = \"proto3\"; package clash; import \"google/api/annotations.proto\"; message M {{ string a = 1; repeated string b = 2; }}
             service S {{ rpc One(M) returns (M) {{ option (google.api.http) = {{get: \"{first}\"}}; }}
                          rpc Two(M) returns (M) {{ option (google.api.http) = {{get: \"{second}\"}}; }} }}"
        );
        std::fs::write(directory.path().join("clash.proto"), text).unwrap();
        let proto = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
        let mut compiler = protox::Compiler::new([directory.path(), &proto]).unwrap();
        compiler.include_imports(true).open_file("clash.proto").unwrap();
        Contract::of(&compiler.encode_file_descriptor_set()).err()
    };
    assert!(refused("/v1/{a=x/*}", "/v2/{a=x/*}").is_none());
    assert!(matches!(refused("/v1/{a=x/*}", "/v1/x/{a}"), Some(Error::Conflict { .. })));
    for wrong in ["v1", "/v1/{nothing}", "/v1/{b}", "/v1/{a", "/v1//x", "/v1/**/x", "/v1/{a=**}/x"] {
        assert!(matches!(refused("/v1/x", wrong), Some(Error::Route { .. })), "{wrong}");
    }
}
