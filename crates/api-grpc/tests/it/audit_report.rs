//! Reports on audit logs: their totals are those of the records, counted here once more, and the same days give the same report.

use std::collections::BTreeMap;
use std::time::Duration;

use api_proto::zona::audit::v1 as pb;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::utility::v1 as utilities;
use domain::time::Clock as _;
use pb::AuditOutcome::{self, Allowed, Denied, Failed, Intent};
use pb::build_audit_report_response::Part;
use prost::Message as _;
use tokio_stream::StreamExt as _;
use tonic::Code;

use crate::harness::{Harness, TENANT, reason, utility_name, violations};

const DAY: Duration = Duration::from_secs(86_400);

/// The day on which a server's clock stands, of UTC.
fn today(server: &Harness) -> String {
    let millis = i64::try_from(server.clock.now().as_millis()).unwrap();
    jiff::Timestamp::from_millisecond(millis).unwrap().strftime("%Y-%m-%d").to_string()
}

async fn report(server: &Harness, from: &str, to: &str) -> pb::AuditReport {
    let request =
        pb::BuildAuditReportRequest { parent: TENANT.to_owned(), from_date: from.to_owned(), to_date: to.to_owned(), ..Default::default() };
    let parts = server.audit.clone().build_audit_report(request).await.unwrap().into_inner();
    let parts: Vec<Part> = parts.map(|part| part.unwrap().part.unwrap()).collect().await;
    let [.., Part::Read(read), Part::Report(report)] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    assert_eq!(*read, report.records);
    report.clone()
}

/// Every record of the tenant, page by page, as a caller who counts by hand gets them.
async fn raw(server: &Harness) -> Vec<pb::AuditRecord> {
    let (mut records, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListAuditRecordsRequest { parent: TENANT.to_owned(), page_size: 7, page_token, ..Default::default() };
        let page = server.audit.clone().list_audit_records(request).await.unwrap().into_inner();
        records.extend(page.records);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return records;
        }
    }
}

/// Calls of every kind on two days; a third has begun.
async fn lived(server: &Harness) {
    server.create("a", "def transform(value):\n    return value\n").await;
    for _ in 0..3 {
        let list = utilities::ListUtilitiesRequest { parent: TENANT.to_owned(), ..Default::default() };
        server.utilities.clone().list_utilities(list).await.unwrap();
    }
    let absent = utilities::DeleteUtilityRequest { name: utility_name("absent"), ..Default::default() };
    server.utilities.clone().delete_utility(absent).await.unwrap_err();
    server.spawner.settle().await;
    server.clock.advance(DAY);
    server.auditor.tend().await.unwrap();
    for _ in 0..70 {
        let other = utilities::DeleteUtilityRequest { name: "tenants/other/utilities/a".to_owned(), ..Default::default() };
        server.utilities.clone().delete_utility(other).await.unwrap_err();
    }
    let transform = executions::TransformRequest { name: utility_name("a"), values_json: vec!["1".to_owned()], ..Default::default() };
    server.executions.clone().transform(transform).await.unwrap();
    let policy =
        utilities::CodePolicy { name: format!("{TENANT}/codePolicy"), extra_modules: vec!["acme".to_owned()], ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["extra_modules".to_owned()] });
    server.policies.clone().update_code_policy(utilities::UpdateCodePolicyRequest { policy: Some(policy), update_mask }).await.unwrap();
    server.spawner.settle().await;
    server.clock.advance(DAY);
    server.auditor.tend().await.unwrap();
    server.spawner.settle().await;
}

#[tokio::test]
async fn the_totals_of_a_report_are_those_of_the_records_and_the_same_days_give_the_same_bytes() {
    let server = Harness::start().await;
    let first = today(&server);
    lived(&server).await;
    server.clock.advance(DAY);
    let last = jiff::civil::Date::strptime("%Y-%m-%d", &first).unwrap().tomorrow().unwrap().to_string();
    let end = server.clock.now().as_millis() / 86_400_000 * 86_400 - 86_400;

    let built = report(&server, &first, &last).await;
    let records: Vec<_> = raw(&server).await.into_iter().filter(|record| record.time.unwrap().seconds < end as i64).collect();
    let (mut outcomes, mut access, mut days) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for record in &records {
        let calls = if record.outcome() == Intent { 0 } else { record.count };
        let sums: &mut (i64, i64) = outcomes.entry(record.outcome).or_default();
        *sums = (sums.0 + 1, sums.1 + calls);
        if calls > 0 {
            let role = record.actor.as_ref().unwrap().role;
            *access.entry((role, record.action.clone(), record.outcome)).or_insert(0) += calls;
            *days.entry(record.time.unwrap().seconds / 86_400).or_insert(0) += calls;
        }
    }
    assert!(records.len() > 60, "{}", records.len());
    assert_eq!(built.records, records.len() as i64);
    assert_eq!(built.calls, outcomes.values().map(|(_, calls)| calls).sum::<i64>());
    let counted = |count: &pb::AuditOutcomeCount| (count.outcome, (count.records, count.calls));
    assert_eq!(built.outcomes.iter().map(counted).collect::<BTreeMap<_, _>>(), outcomes);
    let counted = |count: &pb::AuditAccessCount| ((count.role, count.action.clone(), count.outcome), count.calls);
    assert_eq!(built.access.iter().map(counted).collect::<BTreeMap<_, _>>(), access);
    let counted: Vec<i64> = built.days.iter().map(|day| day.allowed + day.denied + day.failed + day.other).collect();
    assert_eq!((counted, days.len()), (days.into_values().collect(), 2));
    let of = |outcome: AuditOutcome| outcomes[&outcome.into()].1;
    let sum = |of: fn(&pb::AuditDayCount) -> i64| built.days.iter().map(of).sum::<i64>();
    assert_eq!((sum(|day| day.allowed), sum(|day| day.denied), sum(|day| day.failed)), (of(Allowed), of(Denied), of(Failed)));
    assert_eq!(built.denials.iter().map(|count| count.calls).sum::<i64>(), 70, "those that were counted, too");
    assert_eq!(built.policy_changes.as_ref().unwrap().total, 1, "its outcome; the intent is of the same call");
    let executing: Vec<_> = built.executing.iter().map(|count| (count.action.as_str(), count.outcome(), count.calls)).collect();
    assert_eq!(executing, [("utility.transform", Allowed, 1)]);
    let ended: i64 = built.executions.iter().map(|count| count.executions).sum();
    assert_eq!(ended, 1);
    let found = built.verification.unwrap();
    assert!(found.whole && found.size >= built.records, "{found:?}");
    assert!(built.access.iter().all(|count| count.role() != pb::ActorRole::Unspecified));

    let again = report(&server, &first, &last).await;
    assert_eq!(again.encode_to_vec(), built.encode_to_vec());
}

#[tokio::test]
async fn that_a_report_was_built_is_recorded_and_it_does_not_count_itself() {
    let server = Harness::start().await;
    let today = today(&server);
    assert_eq!(report(&server, &today, &today).await.records, 0);
    assert_eq!(report(&server, &today, &today).await.records, 1);
    let actions: Vec<String> = raw(&server).await.into_iter().map(|record| record.action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "audit.report").count(), 2, "{actions:?}");
}

#[tokio::test]
async fn days_that_are_none_are_refused_all_at_once() {
    let server = Harness::start().await;
    let request = pb::BuildAuditReportRequest { parent: TENANT.to_owned(), time_zone: "Here".to_owned(), ..Default::default() };
    let refused = server.audit.clone().build_audit_report(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "INVALID_FIELDS".to_owned()));
    let fields: Vec<String> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["from_date", "to_date", "time_zone"]);
}
