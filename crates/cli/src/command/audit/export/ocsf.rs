//! A record as an event of the Open Cybersecurity Schema Framework: API Activity, class 6003 of schema 1.8.0. What the schema has no
//! place for stands in `unmapped`.

use api_proto::zona::audit::v1 as pb;
use pb::AuditOutcome;
use serde_json::{Map, Value, json};

use crate::document::message::short;

/// The version of the schema.
const VERSION: &str = "1.8.0";
const CATEGORY: i64 = 6;
const CLASS: i64 = 6003;

/// The event of a record of a tenant's log, on one line.
pub(super) fn line(tenant: &str, record: &pb::AuditRecord) -> Vec<u8> {
    let mut line = event(tenant, record).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// The event.
pub(super) fn event(tenant: &str, record: &pb::AuditRecord) -> Value {
    let (activity, activity_name) = activity(&record.action);
    let (status, severity) = judged(record.outcome());
    let outcome = short("AuditOutcome", record.outcome().as_str_name());
    let time = millis(record.time.as_ref());
    let mut event = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "type_uid": CLASS * 100 + activity,
        "time": time,
        "count": record.count,
        "severity_id": severity,
        "status_id": status,
        "status": outcome,
        "actor": actor(record.actor.as_ref()),
        "api": api(record),
        "src_endpoint": endpoint(record.actor.as_ref()),
        "resources": [resource(record)],
        "metadata": metadata(tenant, record),
        "unmapped": unmapped(record),
    });
    if let Some(end) = record.end_time.as_ref() {
        event["start_time"] = time.into();
        event["end_time"] = millis(Some(end)).into();
    }
    set(&mut event, "status_code", &record.reason);
    set(&mut event, "message", &record.purpose);
    event
}

/// What kind of activity an action is, by its verb.
fn activity(action: &str) -> (i64, String) {
    let verb = action.rsplit('.').next().unwrap_or(action);
    let (id, name) = match verb {
        "create" | "issue" | "bootstrap" | "copy" | "offer" => (1, "Create"),
        "delete" | "revoke" | "purge" => (4, "Delete"),
        "update" | "restore" | "undelete" | "refresh" | "suspend" | "resume" | "accept" | "cosign" => (3, "Update"),
        "list" | "watch" | "export" | "report" | "validate" | "diff" | "explain" => (2, "Read"),
        verb if verb.starts_with("get") => (2, "Read"),
        other => (99, other),
    };
    (id, name.to_owned())
}

/// `status_id` and `severity_id`.
fn judged(outcome: AuditOutcome) -> (i64, i64) {
    let (unknown, success, failure, other) = (0, 1, 2, 99);
    let (informational, low, medium) = (1, 2, 3);
    match outcome {
        AuditOutcome::Allowed => (success, informational),
        AuditOutcome::Intent => (other, informational),
        AuditOutcome::Denied => (failure, medium),
        AuditOutcome::Failed | AuditOutcome::Cancelled => (failure, low),
        AuditOutcome::Unknown | AuditOutcome::Unspecified => (unknown, low),
    }
}

fn actor(actor: Option<&pb::AuditActor>) -> Value {
    // Somebody whom nobody knew; the schema demands one of several members.
    let Some(actor) = actor.filter(|actor| !actor.principal.is_empty()) else {
        return json!({ "user": { "name": "unknown", "type_id": 0 } });
    };
    let name = actor.principal.rsplit('/').next().unwrap_or_default();
    let is_service = actor.principal.contains("/serviceAccounts/");
    let type_id = match actor.role() {
        _ if is_service => 4,
        pb::ActorRole::Admin | pb::ActorRole::SuperAdmin => 2,
        pb::ActorRole::User | pb::ActorRole::Creator => 1,
        pb::ActorRole::Unspecified => 0,
    };
    let mut user = json!({ "uid": actor.principal, "name": name, "type_id": type_id });
    if actor.role() != pb::ActorRole::Unspecified {
        user["groups"] = json!([{ "name": short("ActorRole", actor.role().as_str_name()), "type": "role" }]);
    }
    let mut session = Value::Object(Map::new());
    set(&mut session, "uid", &actor.session);
    set(&mut session, "credential_uid", &actor.api_key);
    match session.as_object().is_some_and(Map::is_empty) {
        true => json!({ "user": user }),
        false => json!({ "user": user, "session": session }),
    }
}

fn api(record: &pb::AuditRecord) -> Value {
    let (service, operation) = record.method.trim_start_matches('/').split_once('/').unwrap_or(("", &record.method));
    let version = service.split('.').find(|part| part.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok()));
    let mut api = json!({ "operation": operation });
    set(&mut api, "version", version.unwrap_or_default());
    if !service.is_empty() {
        api["service"] = json!({ "name": service });
    }
    if !record.request_id.is_empty() {
        api["request"] = json!({ "uid": record.request_id });
    }
    api
}

/// Where it came from; the schema demands one of several members.
fn endpoint(actor: Option<&pb::AuditActor>) -> Value {
    match actor.map(|actor| actor.address.as_str()).filter(|address| !address.is_empty()) {
        Some(address) => json!({ "ip": address }),
        None => json!({ "name": "unknown" }),
    }
}

fn resource(record: &pb::AuditRecord) -> Value {
    let kind = record.action.split('.').next().unwrap_or_default();
    let mut resource = json!({ "name": record.resource, "type": kind });
    if record.version > 0 {
        resource["version"] = record.version.to_string().into();
    }
    resource
}

fn metadata(tenant: &str, record: &pb::AuditRecord) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "product": { "name": "Zona", "vendor_name": "Zona" },
        "uid": format!("{tenant}/{}", record.sequence),
        "sequence": record.sequence,
        "tenant_uid": tenant,
        "log_name": "audit",
    });
    set(&mut metadata, "correlation_uid", &record.call);
    metadata
}

fn unmapped(record: &pb::AuditRecord) -> Value {
    let change = |change: &pb::AuditFieldChange| {
        let mut said = json!({ "field": change.field });
        set(&mut said, "before_sha256", &change.before_sha256);
        set(&mut said, "after_sha256", &change.after_sha256);
        said
    };
    let mut unmapped = json!({ "action": record.action, "instance": record.instance });
    set(&mut unmapped, "trace_id", &record.trace_id);
    if !record.changes.is_empty() {
        unmapped["changes"] = record.changes.iter().map(change).collect();
    }
    unmapped
}

/// Sets a member that says something.
fn set(object: &mut Value, member: &str, text: &str) {
    if !text.is_empty() {
        object[member] = text.into();
    }
}

/// Milliseconds since 1970, as the schema has times.
fn millis(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map(|time| time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000).unwrap_or_default()
}

#[cfg(test)]
mod tests;
