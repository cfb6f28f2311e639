//! Events against the published schema; where the file comes from, the README beside it says.

use std::sync::LazyLock;

use regex::Regex;

use super::*;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("api_activity-1.8.0.schema.json")).expect("a schema is JSON"));

/// What a value breaks of a schema. A word that is not known here is a fault, too: nothing of the schema is passed over.
fn faults(at: &str, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        let kept = match word.as_str() {
            "$schema" | "$id" | "$defs" => true,
            "$ref" => {
                let target = rule.as_str().and_then(|path| SCHEMA.pointer(path.trim_start_matches('#'))).expect("it is defined");
                found.extend(faults(at, target, value));
                true
            }
            "type" => match rule.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "boolean" => value.is_boolean(),
                other => panic!("{other} at {at}"),
            },
            "properties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    found.extend(rule.get(name).into_iter().flat_map(|schema| faults(&format!("{at}.{name}"), schema, inner)));
                }
                true
            }
            "additionalProperties" => {
                let known = |name: &String| schema["properties"].get(name).is_some();
                *rule == true || value.as_object().is_none_or(|object| object.keys().all(known))
            }
            "required" => rule.as_array().expect("names").iter().all(|name| value.get(name.as_str().expect("a name")).is_some()),
            "anyOf" => rule.as_array().expect("schemas").iter().any(|schema| faults(at, schema, value).is_empty()),
            "items" => {
                found.extend(value.as_array().into_iter().flatten().flat_map(|item| faults(at, rule, item)));
                true
            }
            "enum" => rule.as_array().expect("values").contains(value),
            "const" => rule == value,
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().expect("a number")),
            "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().expect("a number")),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().expect("a number")),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().expect("a pattern")).expect("a pattern");
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            other => panic!("{other} at {at}: a word that this test does not know"),
        };
        if !kept {
            found.push(format!("{at}: {word}"));
        }
    }
    found
}

fn full() -> pb::AuditRecord {
    pb::AuditRecord {
        sequence: 7,
        time: Some(prost_types::Timestamp { seconds: 1_764_547_200, nanos: 123_000_000 }),
        end_time: Some(prost_types::Timestamp { seconds: 1_764_547_260, nanos: 0 }),
        count: 3,
        instance: "one".to_owned(),
        call: "c-1".to_owned(),
        actor: Some(pb::AuditActor {
            principal: "tenants/acme/users/ann".to_owned(),
            session: "s-1".to_owned(),
            api_key: "k-1".to_owned(),
            address: "2001:db8::1".to_owned(),
            role: pb::ActorRole::Admin.into(),
        }),
        method: "/zona.utility.v1.UtilityService/UpdateUtility".to_owned(),
        action: "utility.update".to_owned(),
        resource: "tenants/acme/utilities/a".to_owned(),
        version: 4,
        outcome: AuditOutcome::Denied.into(),
        reason: "PERMISSION_DENIED".to_owned(),
        changes: vec![pb::AuditFieldChange { field: "code".to_owned(), after_sha256: "00".repeat(32), ..Default::default() }],
        purpose: "ticket \"4711\"\n".to_owned(),
        request_id: "r-1".to_owned(),
        trace_id: "t-1".to_owned(),
    }
}

fn checked(record: &pb::AuditRecord) -> Value {
    let event = event("acme", record);
    assert_eq!(faults("event", &SCHEMA, &event), Vec::<String>::new(), "{event}");
    event
}

#[test]
fn events_keep_the_published_schema_whatever_a_record_says_and_leaves_out() {
    let event = checked(&full());
    assert_eq!((event["type_uid"].as_i64(), event["time"].as_i64()), (Some(600_303), Some(1_764_547_200_123)));
    assert_eq!((&event["actor"]["user"]["groups"][0]["name"], &event["api"]["operation"]), (&"ADMIN".into(), &"UpdateUtility".into()));
    let bare = pb::AuditRecord { action: "key_set.get".to_owned(), resource: "key_set".to_owned(), ..Default::default() };
    checked(&bare);
    let stranger = pb::AuditActor { address: "127.0.0.1".to_owned(), ..Default::default() };
    checked(&pb::AuditRecord { actor: Some(stranger), ..bare });
    for outcome in ["INTENT", "ALLOWED", "DENIED", "FAILED", "CANCELLED", "UNKNOWN"] {
        let outcome = AuditOutcome::from_str_name(&format!("AUDIT_OUTCOME_{outcome}")).unwrap();
        checked(&pb::AuditRecord { outcome: outcome.into(), ..full() });
    }
}

#[test]
fn every_action_of_the_contract_has_an_activity_of_the_schema() {
    for permission in api_proto::permissions().values() {
        let event = checked(&pb::AuditRecord { action: permission.action.clone(), ..full() });
        assert_ne!(event["activity_id"], 0, "{}", permission.action);
    }
}

#[test]
fn an_event_that_is_none_does_not_keep_the_schema() {
    let event = event("acme", &full());
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut event = event.clone();
        change(&mut event);
        !faults("event", &SCHEMA, &event).is_empty()
    };
    for member in
        ["activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id", "src_endpoint", "time", "type_uid"]
    {
        assert!(broken(&|event| drop(event.as_object_mut().unwrap().remove(member))), "{member}");
    }
    assert!(broken(&|event| event["actor"] = json!({})));
    assert!(broken(&|event| event["src_endpoint"]["ip"] = "somewhere".into()));
    assert!(broken(&|event| event["class_uid"] = 6004.into()));
    assert!(broken(&|event| event["activity_id"] = 7.into()));
    assert!(broken(&|event| event["time"] = "2026-11-29".into()));
    assert!(broken(&|event| event["surprise"] = 1.into()));
}

#[test]
fn an_event_is_one_line() {
    let line = line("acme", &full());
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
}
