//! What a report says, as tables: each form of the file shows the same ones.

use api_proto::zona::audit::v1 as pb;
use api_proto::zona::execution::v1::ExecutionState;

use crate::command::execution::moment;
use crate::document::message::short;

/// One table.
pub(super) struct Section {
    /// Its name for programs.
    pub(super) id: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// What it is, in one sentence.
    pub(super) about: String,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
}

/// Whether the log begins later than it says.
pub(super) fn is_cut(report: &pb::AuditReport) -> bool {
    report.retention.as_ref().is_some_and(|retention| retention.fault() != pb::AuditRetentionFault::Unspecified)
}

/// Every table of a report, in order.
pub(super) fn sections(report: &pb::AuditReport) -> Vec<Section> {
    vec![
        outcomes(report),
        days(report),
        access(report),
        events("permission_changes", "Changes of permissions", report.permission_changes.as_ref()),
        denials(report),
        executing(report),
        executions(report),
        events("policy_changes", "Changes of the code policy", report.policy_changes.as_ref()),
        exceptions(report),
        retention(report),
        verification(report),
    ]
}

/// The short name of an outcome.
pub(super) fn outcome(outcome: pb::AuditOutcome) -> String {
    short("AuditOutcome", outcome.as_str_name()).to_owned()
}

/// The short name of a role, also of one that nobody knows.
pub(super) fn role(role: pb::ActorRole) -> String {
    if role == pb::ActorRole::Unspecified { "unknown".to_owned() } else { short("ActorRole", role.as_str_name()).to_owned() }
}

/// The short name of an execution's state.
pub(super) fn state(state: ExecutionState) -> String {
    short("ExecutionState", state.as_str_name()).to_owned()
}

fn outcomes(report: &pb::AuditReport) -> Section {
    let row = |count: &pb::AuditOutcomeCount| vec![outcome(count.outcome()), count.records.to_string(), count.calls.to_string()];
    let mut rows: Vec<_> = report.outcomes.iter().map(row).collect();
    rows.push(vec!["all".to_owned(), report.records.to_string(), report.calls.to_string()]);
    let about = "What became of the calls. An intent is of the same call as its outcome, and counts for none.".to_owned();
    Section { id: "outcomes", title: "Outcomes", about, columns: &["outcome", "records", "calls"], rows }
}

fn days(report: &pb::AuditReport) -> Section {
    let row = |day: &pb::AuditDayCount| {
        let counts = [day.allowed, day.denied, day.failed, day.other].map(|count| count.to_string());
        std::iter::once(day.date.clone()).chain(counts).collect()
    };
    let about = format!("Calls of each day, in the time zone {}.", report.time_zone);
    let columns = &["day", "allowed", "denied", "failed", "other"];
    Section { id: "days", title: "Calls by day", about, columns, rows: report.days.iter().map(row).collect() }
}

fn access(report: &pb::AuditReport) -> Section {
    let row =
        |count: &pb::AuditAccessCount| vec![role(count.role()), count.action.clone(), outcome(count.outcome()), count.calls.to_string()];
    let about = "Who did what, by the role that they had then.".to_owned();
    let columns = &["role", "action", "outcome", "calls"];
    Section { id: "access", title: "Access by role", about, columns, rows: report.access.iter().map(row).collect() }
}

fn events(id: &'static str, title: &'static str, events: Option<&pb::AuditEvents>) -> Section {
    let (total, newest) = events.map_or((0, [].as_slice()), |events| (events.total, events.newest.as_slice()));
    let row = |record: &pb::AuditRecord| {
        let actor = record.actor.as_ref().map(|actor| actor.principal.clone()).unwrap_or_default();
        let fields: Vec<&str> = record.changes.iter().map(|change| change.field.as_str()).collect();
        let (sequence, time) = (record.sequence.to_string(), moment(record.time.as_ref()));
        let said = [record.action.clone(), record.resource.clone(), outcome(record.outcome()), record.reason.clone(), fields.join(" ")];
        [sequence, time, actor].into_iter().chain(said).collect()
    };
    let about = match usize::try_from(total).is_ok_and(|total| total == newest.len()) {
        true => format!("{total} calls, newest first."),
        false => format!("The newest {} of {total} calls, newest first.", newest.len()),
    };
    let columns = &["record", "time", "principal", "action", "resource", "outcome", "reason", "fields"];
    Section { id, title, about, columns, rows: newest.iter().map(row).collect() }
}

fn denials(report: &pb::AuditReport) -> Section {
    let row = |count: &pb::AuditDenialCount| {
        let principal = if count.principal.is_empty() { "unknown" } else { &count.principal };
        vec![principal.to_owned(), count.action.clone(), count.reason.clone(), count.calls.to_string()]
    };
    let mut rows: Vec<_> = report.denials.iter().map(row).collect();
    if report.other_denials > 0 {
        rows.push(vec!["others".to_owned(), String::new(), String::new(), report.other_denials.to_string()]);
    }
    let about = "Attempts that were refused, the most frequent first. Where they were counted, no reason is known.".to_owned();
    Section { id: "denials", title: "Denied attempts", about, columns: &["principal", "action", "reason", "calls"], rows }
}

fn executing(report: &pb::AuditReport) -> Section {
    let row = |count: &pb::AuditExecutingCount| {
        vec![count.action.clone(), outcome(count.outcome()), count.reason.clone(), count.calls.to_string()]
    };
    let about = "What became of calls that execute something. A stream of events counts as allowed once it was begun.".to_owned();
    let columns = &["action", "outcome", "reason", "calls"];
    Section { id: "executing", title: "Calls that execute", about, columns, rows: report.executing.iter().map(row).collect() }
}

fn executions(report: &pb::AuditReport) -> Section {
    let row = |count: &pb::AuditExecutionCount| vec![state(count.state()), count.reason.clone(), count.executions.to_string()];
    let about = "What became of the executions that were created in the period and are still kept.".to_owned();
    let columns = &["state", "reason", "executions"];
    Section { id: "executions", title: "Executions", about, columns, rows: report.executions.iter().map(row).collect() }
}

fn exceptions(report: &pb::AuditReport) -> Section {
    let row = |found: &pb::AuditPolicyException| {
        let ends = moment(found.expire_time.as_ref());
        vec![found.utility.clone(), found.rule.clone(), found.reason.clone(), found.granted_by.clone(), ends]
    };
    let about = "Exceptions from rules of the code check that have not ended before the period, as the policy is now.".to_owned();
    let columns = &["utility", "rule", "why", "granted by", "ends"];
    let rows = report.policy_exceptions.iter().map(row).collect();
    Section { id: "policy_exceptions", title: "Policy exceptions", about, columns, rows }
}

fn retention(report: &pb::AuditReport) -> Section {
    let retention = report.retention.unwrap_or_default();
    let about = match retention.oldest_sequence {
        gone if is_cut(report) => format!(
            "The first {gone} records of the log are gone, and the log does NOT say that they were removed: somebody has taken them, \
             perhaps some of this period."
        ),
        0 => "No record was removed from the log.".to_owned(),
        removed => format!("The first {removed} records of the log are no longer kept."),
    };
    let fault = if is_cut(report) { retention.fault().as_str_name().to_owned() } else { String::new() };
    let rows = match retention.oldest_time.as_ref() {
        Some(time) => vec![vec![retention.oldest_sequence.to_string(), moment(Some(time)), fault]],
        None => Vec::new(),
    };
    Section { id: "retention", title: "Retention", about, columns: &["oldest record", "time", "fault"], rows }
}

fn verification(report: &pb::AuditReport) -> Section {
    let about = match &report.verification {
        None => "There are no records in the period.",
        Some(found) if found.whole => {
            "The records are those that were signed for, as the server finds it; `zona audit verify` finds it without the server."
        }
        Some(_) => "The records are NOT those that were signed for: somebody has changed, removed or added some.",
    };
    let row = |found: &pb::AuditVerification| {
        let whole = if found.whole { "whole" } else { "broken" };
        vec![whole.to_owned(), found.first_sequence.to_string(), found.size.to_string(), found.checkpoints.to_string()]
    };
    let columns = &["result", "from record", "before record", "checkpoints"];
    let rows = report.verification.iter().map(row).collect();
    Section { id: "verification", title: "Verification", about: about.to_owned(), columns, rows }
}
