//! Records as lines of CSV. They prove nothing: cells that a spreadsheet would compute are changed, and no checkpoint stands beside them.

use api_proto::zona::audit::v1 as pb;

use crate::command::execution::moment;
use crate::csv::Lines;
use crate::document::message::short;

/// The first line.
pub(super) fn header() -> Vec<u8> {
    let mut lines = Lines::default();
    lines.push([
        "sequence",
        "time",
        "end_time",
        "count",
        "principal",
        "role",
        "session",
        "api_key",
        "address",
        "method",
        "action",
        "resource",
        "version",
        "outcome",
        "reason",
        "changes",
        "purpose",
        "call",
        "request_id",
        "trace_id",
        "instance",
    ]);
    lines.into_bytes()
}

/// The line of a record.
pub(super) fn line(record: &pb::AuditRecord) -> Vec<u8> {
    let actor = record.actor.clone().unwrap_or_default();
    let role = if actor.role() == pb::ActorRole::Unspecified { "" } else { short("ActorRole", actor.role().as_str_name()) };
    let version = if record.version > 0 { record.version.to_string() } else { String::new() };
    let changes: Vec<String> = record.changes.iter().map(change).collect();
    let mut lines = Lines::default();
    lines.push([
        record.sequence.to_string().as_str(),
        &moment(record.time.as_ref()),
        &moment(record.end_time.as_ref()),
        &record.count.to_string(),
        &actor.principal,
        role,
        &actor.session,
        &actor.api_key,
        &actor.address,
        &record.method,
        &record.action,
        &record.resource,
        &version,
        short("AuditOutcome", record.outcome().as_str_name()),
        &record.reason,
        &changes.join(" "),
        &record.purpose,
        &record.call,
        &record.request_id,
        &record.trace_id,
        &record.instance,
    ]);
    lines.into_bytes()
}

/// `field:before:after`.
fn change(change: &pb::AuditFieldChange) -> String {
    format!("{}:{}:{}", change.field, change.before_sha256, change.after_sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_cell_for_each_column_and_none_of_them_is_a_formula() {
        let actor =
            pb::AuditActor { principal: "tenants/acme/users/ann".to_owned(), role: pb::ActorRole::Creator.into(), ..Default::default() };
        let record = pb::AuditRecord {
            sequence: 7,
            count: 1,
            actor: Some(actor),
            outcome: pb::AuditOutcome::Denied.into(),
            purpose: "=HYPERLINK(\"http://a\",\"b\")".to_owned(),
            resource: "@SUM(1,2)".to_owned(),
            ..Default::default()
        };
        let text = String::from_utf8([header(), line(&record)].concat()).unwrap();
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let columns = reader.headers().unwrap().clone();
        let cells = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| cells.get(columns.iter().position(|column| column == name).unwrap()).unwrap();
        assert_eq!((cell("sequence"), cell("role"), cell("outcome"), cell("version")), ("7", "CREATOR", "DENIED", ""));
        assert_eq!((cell("purpose"), cell("resource")), ("'=HYPERLINK(\"http://a\",\"b\")", "'@SUM(1,2)"));
    }
}
