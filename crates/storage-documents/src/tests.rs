//! Documents: what a newer server adds is tolerated, what is broken is named without its value.

use domain::code::Kind;
use domain::hash::Hash;
use test_support::sample::{ended, execution, scope, utility, version};

use super::*;

mod whole;

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
        let contents = ContentsDocument::from(&before);
        let error = document.into_execution(contents, before.name.tenant.clone(), before.name.execution.clone()).unwrap_err();
        assert_eq!(error.to_string(), format!("field `{field}` holds no valid value"));
    }
}

#[test]
fn code_that_was_altered_is_refused() {
    let before = version(3, Kind::Script);
    let document = || decode::<VersionDocument>(&encode(&VersionDocument::from(&before.head))).unwrap();
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

/// What stores hold, as written down when the form was settled: these texts never change, and neither do the bytes of an entity
/// that has nothing new.
mod held {
    use super::*;

    const UTILITY: &str = include_str!("../fixtures/utility.json");
    const VERSION: &str = include_str!("../fixtures/version.json");
    const EXECUTION: &str = include_str!("../fixtures/execution.json");

    /// Stores keep the hash that was right when it was written, whatever went into one since.
    fn held_hash(text: &str) -> Hash {
        let document: serde_json::Value = decode(text).unwrap();
        Hash::from_hex(document["content_hash"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_utility_is_read_and_written_as_ever() {
        let mut wanted = utility(&scope("acme"), "one");
        wanted.content_hash = held_hash(UTILITY);
        // What was stored before secrets could be masked has them masked.
        wanted.metadata.show_secrets = false;
        // Nor did anybody ask for fresh processes.
        wanted.definition.fresh_processes = false;
        assert_eq!(encode(&UtilityDocument::from(&wanted)), UTILITY.trim_end());
        let read: UtilityDocument = decode(UTILITY).unwrap();
        assert_eq!(read.into_utility(wanted.name.tenant.clone(), wanted.name.utility.clone()).unwrap(), wanted);
    }

    #[test]
    fn a_version_is_read_and_written_as_ever() {
        let mut wanted = version(3, Kind::Script);
        wanted.head.content_hash = held_hash(VERSION);
        // Nobody asked for fresh processes then.
        wanted.head.definition.fresh_processes = false;
        assert_eq!(encode(&VersionDocument::from(&wanted.head)), VERSION.trim_end());
        let read: VersionDocument = decode(VERSION).unwrap();
        assert_eq!(read.into_version(3, wanted.code.text()).unwrap(), wanted);
    }

    #[test]
    fn an_execution_of_a_server_that_held_no_lease_is_read() {
        let mut wanted = ended(&execution(&scope("acme"), 1), 5);
        wanted.fence.token = 0;
        // Its processes ran one program each.
        wanted.attestation.as_mut().unwrap().restored = 0;
        let (read, contents) = (decode::<ExecutionDocument>(EXECUTION).unwrap(), decode::<ContentsDocument>(EXECUTION).unwrap());
        let read = read.into_execution(contents, wanted.name.tenant.clone(), wanted.name.execution.clone());
        assert_eq!(read.unwrap(), wanted);
        // What was one text is two, none of which holds what the other one does.
        let [mut written, contents] =
            [encode(&ExecutionDocument::from(&wanted)), encode(&ContentsDocument::from(&wanted))].map(|text| as_map(&text));
        assert!(contents.keys().all(|name| !written.contains_key(name)));
        written.extend(contents);
        assert_eq!(written, as_map(EXECUTION));
    }
}
