//! The description of the routes, and that the committed one is current.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::harness::Harness;
use crate::{Contract, describe};

/// Where the description is committed.
const COMMITTED: &str = "../../docs/openapi.json";

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(verb, operation)| (path.clone(), verb.clone(), operation.clone()))
    });
    each.collect()
}

#[test]
fn the_committed_description_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(COMMITTED);
    let text = serde_json::to_string_pretty(&describe(&Contract::built_in().unwrap())).unwrap() + "\n";
    if std::env::var_os("WRITE_DOCUMENTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let current: Value = serde_json::from_str(&text).unwrap();
    assert!(committed == current, "run `cargo xtask openapi`");
}

#[test]
fn every_route_is_an_operation_with_a_description_its_permission_and_its_errors() {
    let contract = Contract::built_in().unwrap();
    let document = describe(&contract);
    let operations = operations(&document);
    assert_eq!(operations.len(), contract.routes.len());
    let ids: BTreeSet<&str> = operations.iter().filter_map(|(_, _, operation)| operation["operationId"].as_str()).collect();
    assert_eq!(ids.len(), operations.len(), "each has a name of its own");
    for (path, verb, operation) in &operations {
        assert!(operation["description"].as_str().is_some_and(|text| text.len() > 10), "{verb} {path}");
        assert!(operation["x-zona-permission"]["action"].as_str().is_some_and(|action| action.contains('.')), "{verb} {path}");
        let roles = operation["x-zona-roles"].as_object().unwrap_or_else(|| panic!("{verb} {path}: run `cargo xtask permissions` first"));
        assert!(roles["SUPER_ADMIN"].as_str().is_some_and(|reach| ["everywhere", "anyone"].contains(&reach)), "{verb} {path}");
        assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Error", "{verb} {path}");
        let stated: BTreeSet<&str> = path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        let parameters = operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "path");
        let named: BTreeSet<&str> = parameters.filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(stated, named, "{verb} {path}");
    }
    let open: Vec<&str> = operations
        .iter()
        .filter(|(_, _, operation)| operation["security"] == serde_json::json!([]))
        .map(|(path, ..)| path.as_str())
        .collect();
    assert_eq!(open, ["/v1/installation:bootstrap", "/v1/keySet", "/v1/tokens:issue", "/v1/tokens:refresh"]);
}

#[test]
fn what_a_request_must_bring_is_nothing_that_each_answer_shows() {
    let document = describe(&Contract::built_in().unwrap());
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    assert_eq!(schema("zona.utility.v1.Utility")["required"], Value::Null);
    let create = &document["paths"]["/v1/tenants/{tenant}/utilities"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(create["required"], serde_json::json!(["code"]));
    assert_eq!(schema("zona.identity.v1.PasswordCredential")["required"], serde_json::json!(["user", "password"]));
}

#[test]
fn every_reference_leads_to_a_schema() {
    let document = describe(&Contract::built_in().unwrap());
    fn follow(value: &Value, document: &Value, count: &mut usize) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    *count += 1;
                    let target = document.pointer(reference.trim_start_matches('#'));
                    assert!(target.is_some_and(Value::is_object), "{reference}");
                }
                members.values().for_each(|value| follow(value, document, count));
            }
            Value::Array(items) => items.iter().for_each(|item| follow(item, document, count)),
            _ => {}
        }
    }
    let mut count = 0;
    follow(&document, &document, &mut count);
    assert!(count > 100, "{count} references");
}

#[tokio::test]
async fn the_description_and_the_page_are_served() {
    let harness = Harness::new();
    let document = harness.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"]["/v1/racks/{rack}/things/{thing}:run"]["post"]["operationId"], "Things_Run");
    let zipped = harness.ask(http::Request::get("/openapi.json").header("accept-encoding", "br, gzip"), "").await;
    assert_eq!((zipped.header("content-encoding"), zipped.header("vary")), ("gzip", "accept-encoding"));
    assert!(zipped.body.starts_with(&[0x1f, 0x8b]) && zipped.body.len() > 100, "{} bytes", zipped.body.len());
    let page = harness.get("/docs").await;
    assert!(
        page.text().contains("/v1/racks/{rack}/things/{thing}:run")
            && page.header("content-security-policy").contains("default-src 'none'")
    );
    let text = page.text();
    let ids: BTreeSet<&str> = text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let links: Vec<&str> = text.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 5 && links.iter().all(|link| ids.contains(link)), "{links:?} {ids:?}");
    assert_eq!(harness.get("/healthz").await.status, http::StatusCode::SERVICE_UNAVAILABLE, "the services of the test know no health");
}
