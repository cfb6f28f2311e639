//! Reports on audit logs: the days that are asked for, and the report as it is answered.

use api_proto::zona::audit::v1 as pb;
use api_proto::zona::execution::v1::ExecutionState;
use domain::Error;
use domain::audit::{
    AccessCount, BeginningFault, Building, DayCount, DenialCount, Events, ExecutingCount, ExecutionCount, MAX_DAYS, OutcomeCount, Period,
    Report, Verification,
};
use domain::code_policy::RuleException;
use domain::execution::State;
use domain::name::TenantName;
use domain::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::convert::audit::{actor_role_to_wire, outcome_to_wire, record_to_wire};
use crate::convert::execution::state_to_wire;
use crate::convert::{Violations, size, time};

/// The time zone of those who name none.
const UTC: &str = "UTC";
/// How a day is written.
const FORM: &str = "%Y-%m-%d";

/// The days of a report, as they were named.
pub(crate) struct Days {
    pub(crate) period: Period,
    dates: Vec<Date>,
    time_zone: String,
}

/// Reads the days of a report; `None` where there are violations.
pub(crate) fn read_days(body: &pb::BuildAuditReportRequest, violations: &mut Violations) -> Option<Days> {
    let (from, to) = (date("from_date", &body.from_date, violations), date("to_date", &body.to_date, violations));
    let time_zone = if body.time_zone.is_empty() { UTC } else { &body.time_zone };
    let zone = TimeZone::get(time_zone).ok();
    if zone.is_none() {
        violations.push("time_zone", "UNKNOWN_VALUE", "is no IANA name of a time zone, e.g. `Europe/Paris`");
    }
    let (from, to, zone) = (from?, to?, zone?);
    if to < from {
        violations.push("to_date", "OUT_OF_RANGE", "is before `from_date`; the last day may be the first");
        return None;
    }
    let dates: Vec<Date> = from.series(jiff::Span::new().days(1)).take_while(|date| *date <= to).take(MAX_DAYS + 1).collect();
    if dates.len() > MAX_DAYS {
        violations.push("to_date", "OUT_OF_RANGE", format!("is more than {MAX_DAYS} days behind `from_date`; ask for several reports"));
        return None;
    }
    let begins = dates.iter().map(|date| begin(*date, &zone)).collect::<Option<Vec<_>>>();
    let before = to.tomorrow().ok().and_then(|date| begin(date, &zone));
    let period = begins.zip(before).and_then(|(begins, before)| Period::new(begins, before));
    if period.is_none() {
        violations.push("from_date", "OUT_OF_RANGE", "must be a day from 1970 on");
    }
    period.map(|period| Days { period, dates, time_zone: time_zone.to_owned() })
}

/// That no days were read although nothing was wrong with them.
pub(crate) fn no_days() -> Error {
    Error::Internal { context: "the days of a report were neither read nor refused", source: None }
}

/// A part of the answer.
pub(crate) fn to_wire(days: &Days, part: Building) -> pb::BuildAuditReportResponse {
    use pb::build_audit_report_response::Part;
    let part = match part {
        Building::Read(records) => Part::Read(size(records)),
        Building::Done(report) => Part::Report(report_to_wire(days, *report)),
    };
    pb::BuildAuditReportResponse { part: Some(part) }
}

fn date(field: &str, text: &str, violations: &mut Violations) -> Option<Date> {
    // Read strictly: the form is printed back.
    let date = Date::strptime(FORM, text).ok().filter(|date| date.to_string() == text);
    if date.is_none() {
        violations.push(field, "MALFORMED", "must be a day in the form 2026-11-01");
    }
    date
}

/// When a day begins; at midnight, but for days that clocks are put forward on.
fn begin(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let begin = zone.to_ambiguous_zoned(date.at(0, 0, 0, 0)).compatible().ok()?;
    Some(Timestamp::from_millis(u64::try_from(begin.timestamp().as_millisecond()).ok()?))
}

fn report_to_wire(days: &Days, report: Report) -> pb::AuditReport {
    let date = |at: usize| days.dates.get(at).map(ToString::to_string).unwrap_or_default();
    let day = |(at, count): (usize, DayCount)| pb::AuditDayCount {
        date: date(at),
        allowed: size(count.allowed),
        denied: size(count.denied),
        failed: size(count.failed),
        other: size(count.other),
    };
    let oldest = report.oldest;
    pb::AuditReport {
        parent: TenantName { tenant: report.tenant }.to_string(),
        from_date: date(0),
        to_date: date(days.dates.len() - 1),
        time_zone: days.time_zone.clone(),
        from: Some(time::timestamp(days.period.from())),
        before: Some(time::timestamp(days.period.before())),
        records: size(report.records),
        calls: size(report.calls),
        outcomes: report.outcomes.into_iter().map(outcome_count).collect(),
        days: report.days.into_iter().enumerate().map(day).collect(),
        access: report.access.into_iter().map(access_count).collect(),
        denials: report.denials.into_iter().map(denial_count).collect(),
        other_denials: size(report.other_denials),
        executing: report.executing.into_iter().map(executing_count).collect(),
        executions: report.executions.into_iter().map(execution_count).collect(),
        permission_changes: Some(events(&report.permission_changes)),
        policy_changes: Some(events(&report.policy_changes)),
        policy_exceptions: report.exceptions.into_iter().map(exception).collect(),
        retention: Some(pb::AuditRetention {
            oldest_sequence: oldest.map_or(0, |(sequence, _)| size(sequence)),
            oldest_time: oldest.map(|(_, at)| time::timestamp(at)),
            fault: report.beginning.map_or(pb::AuditRetentionFault::Unspecified, beginning_fault).into(),
        }),
        verification: report.verification.map(verification),
    }
}

fn outcome_count(count: OutcomeCount) -> pb::AuditOutcomeCount {
    pb::AuditOutcomeCount { outcome: outcome_to_wire(count.outcome).into(), records: size(count.records), calls: size(count.calls) }
}

fn access_count(count: AccessCount) -> pb::AuditAccessCount {
    let role = count.role.map_or(pb::ActorRole::Unspecified, actor_role_to_wire).into();
    pb::AuditAccessCount { role, action: count.action, outcome: outcome_to_wire(count.outcome).into(), calls: size(count.calls) }
}

fn denial_count(count: DenialCount) -> pb::AuditDenialCount {
    let principal = count.principal.map(|principal| principal.to_string()).unwrap_or_default();
    pb::AuditDenialCount { principal, action: count.action, reason: count.reason, calls: size(count.calls) }
}

fn executing_count(count: ExecutingCount) -> pb::AuditExecutingCount {
    let outcome = outcome_to_wire(count.outcome).into();
    pb::AuditExecutingCount { action: count.action, outcome, reason: count.reason, calls: size(count.calls) }
}

fn execution_count(count: ExecutionCount) -> pb::AuditExecutionCount {
    let state = State::from_name(count.state).map_or(ExecutionState::Unspecified, state_to_wire).into();
    pb::AuditExecutionCount { state, reason: count.reason.to_owned(), executions: size(count.executions) }
}

fn events(events: &Events) -> pb::AuditEvents {
    pb::AuditEvents { total: size(events.total), newest: events.newest.iter().map(record_to_wire).collect() }
}

fn exception(exception: RuleException) -> pb::AuditPolicyException {
    pb::AuditPolicyException {
        utility: exception.utility.to_string(),
        rule: exception.rule,
        reason: exception.reason,
        granted_by: exception.granted_by.to_string(),
        expire_time: Some(time::timestamp(exception.expires)),
    }
}

fn beginning_fault(fault: BeginningFault) -> pb::AuditRetentionFault {
    match fault {
        BeginningFault::NotRecorded => pb::AuditRetentionFault::NotRecorded,
    }
}

fn verification(found: Verification) -> pb::AuditVerification {
    let Verification { first, size: covered, checkpoints, whole } = found;
    pb::AuditVerification { whole, first_sequence: size(first), size: size(covered), checkpoints: size(checkpoints) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: &str, to: &str, zone: &str) -> Result<Days, Vec<(String, &'static str)>> {
        let body = pb::BuildAuditReportRequest {
            from_date: from.to_owned(),
            to_date: to.to_owned(),
            time_zone: zone.to_owned(),
            ..Default::default()
        };
        let mut violations = Violations::default();
        let days = read_days(&body, &mut violations);
        let found = violations.into_inner().into_iter().map(|violation| (violation.field, violation.reason)).collect();
        days.ok_or(found)
    }

    fn bounds(from: &str, to: &str, zone: &str) -> (u64, u64) {
        let period = read(from, to, zone).map_err(|found| format!("{found:?}")).unwrap().period;
        (period.from().as_millis(), period.before().as_millis())
    }

    #[test]
    fn days_begin_and_end_at_midnight_of_their_time_zone() {
        const DAY: u64 = 86_400_000;
        assert_eq!(bounds("1970-01-01", "1970-01-01", ""), (0, DAY));
        assert_eq!(bounds("1970-01-02", "1970-01-04", "UTC"), (DAY, 4 * DAY));
        // Clocks are put forward on this day, and back on that one.
        let (from, before) = bounds("2026-03-29", "2026-03-29", "Europe/Paris");
        assert_eq!(before - from, DAY - 3_600_000);
        let (from, before) = bounds("2026-10-25", "2026-10-25", "Europe/Paris");
        assert_eq!(before - from, DAY + 3_600_000);
    }

    #[test]
    fn what_is_no_day_no_zone_and_no_period_is_refused() {
        let check = |from, to, zone, expected: &[(&str, &str)]| {
            let found = read(from, to, zone).err().unwrap();
            let found: Vec<_> = found.iter().map(|(field, reason)| (field.as_str(), *reason)).collect();
            assert_eq!(found, expected, "{from} {to} {zone}");
        };
        check("", "2026-1-2", "Nowhere/Else", &[("from_date", "MALFORMED"), ("to_date", "MALFORMED"), ("time_zone", "UNKNOWN_VALUE")]);
        check("2026-02-30", "2026-03-01T00:00", "", &[("from_date", "MALFORMED"), ("to_date", "MALFORMED")]);
        check("2026-02-02", "2026-02-01", "", &[("to_date", "OUT_OF_RANGE")]);
        check("2025-01-01", "2026-01-02", "", &[("to_date", "OUT_OF_RANGE")]);
        check("1969-12-31", "1970-01-01", "", &[("from_date", "OUT_OF_RANGE")]);
        assert!(read("2024-01-01", "2024-12-31", "").is_ok(), "a leap year");
    }
}
