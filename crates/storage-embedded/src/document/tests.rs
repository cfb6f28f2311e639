//! Documents: what a newer server adds is tolerated, what is broken is named without its value.

use domain::code::Kind;
use test_support::sample::{ended, execution, scope, utility, version};

use super::*;

fn as_map(text: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn unknown_fields_are_tolerated() {
    let acme = scope("acme");
    let before = utility(&acme, "one");
    let mut map = as_map(&encode(&UtilityDocument::from(&before)));
    map.insert("of_a_newer_server".to_owned(), serde_json::json!({"x": [1, 2]}));
    map["definition"].as_object_mut().unwrap().insert("also".to_owned(), serde_json::Value::Null);
    let document: UtilityDocument = decode(&serde_json::to_string(&map).unwrap()).unwrap();
    assert_eq!(document.into_utility(before.name.tenant.clone(), before.name.utility.clone()).unwrap(), before);
}

#[test]
fn a_field_without_a_valid_value_is_named() {
    let acme = scope("acme");
    let before = ended(&execution(&acme, 1), 5);
    let cases = [("version", "tenants/acme"), ("caller", "ann"), ("state", "DREAMING")];
    for (field, value) in cases {
        let mut map = as_map(&encode(&ExecutionDocument::from(&before)));
        map[field] = value.into();
        let document: ExecutionDocument = decode(&serde_json::to_string(&map).unwrap()).unwrap();
        let error = document.into_execution(before.name.tenant.clone(), before.name.execution.clone()).unwrap_err();
        assert_eq!(error.to_string(), format!("field `{field}` holds no valid value"));
    }
}

#[test]
fn code_that_was_altered_is_refused() {
    let before = version(3, Kind::Script);
    let document = || decode::<VersionDocument>(&encode(&VersionDocument::from(&before))).unwrap();
    assert_eq!(document().into_version(3, before.code.text()).unwrap(), before);
    assert!(document().into_version(3, "import os").is_err());
}

#[test]
fn what_is_no_document_is_an_error_that_does_not_quote_it() {
    for text in ["", "null", "[]", "{\"uid\": \"secret\"}", "secret", "{\"uid\": 5}"] {
        let error = decode::<UtilityDocument>(text).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
