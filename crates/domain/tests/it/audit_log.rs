//! Reading a log: lists, proofs, exports and reports say the same of it, and nobody but who administers the tenant reads it.

use std::sync::Arc;
use std::time::Duration;

use domain::Result;
use domain::audit::{
    AuditLog, AuditQuery, AuditRepository as _, Building, Entry, Exported, Followed, Form, LogPorts, MAX_DAYS, Outcome, Period, Report,
    actions,
};
use domain::identity::Role;
use domain::page::PageRequest;
use domain::time::Timestamp;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use test_support::{FakeTree, InMemoryCodePolicyRepository, audit_repository, sample};

use crate::installation::{ADA, BEA, Installed, UMA, principal, reason, tenant, violations};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn log_of(installed: &Installed) -> AuditLog {
    AuditLog::new(LogPorts {
        repository: installed.executions.clone(),
        tree: Arc::new(FakeTree::new(installed.executions.clone())),
        executions: installed.executions.clone(),
        policies: Arc::new(InMemoryCodePolicyRepository::default()),
        clock: installed.clock.clone(),
    })
}

/// So many records of acme, one a millisecond.
async fn recorded(count: u64) -> (Installed, AuditLog) {
    let installed = Installed::new().await;
    let entries = (0..count).map(|number| audit_repository::entry("acme", number)).collect();
    installed.executions.append(entries).await.unwrap();
    let log = log_of(&installed);
    (installed, log)
}

/// Covers all that there is by a checkpoint.
async fn seal(installed: &Installed) {
    let tree = FakeTree::new(installed.executions.clone());
    domain::audit::AuditTree::seal(&tree, &sample::scope("acme")).await.unwrap();
}

async fn export(installed: &Installed, log: &AuditLog, form: Form) -> Vec<Exported> {
    let permit = installed.by::<actions::ExportAuditRecords>(ADA, tenant("acme")).await.unwrap();
    log.export(permit, form).await.unwrap().try_collect().await.unwrap()
}

async fn report(installed: &Installed, log: &AuditLog, period: Period) -> Report {
    let permit = installed.by::<actions::BuildAuditReport>(ADA, tenant("acme")).await.unwrap();
    let parts: Vec<Building> = log.report(permit, period).await.unwrap().try_collect().await.unwrap();
    match parts.into_iter().next_back() {
        Some(Building::Done(report)) => *report,
        other => panic!("{other:?}"),
    }
}

fn day_of(time: Timestamp) -> Timestamp {
    let day = DAY.as_millis() as u64;
    Timestamp::from_millis(time.as_millis() / day * day)
}

#[tokio::test]
async fn records_are_listed_newest_first_and_only_for_who_administers_the_tenant() {
    let (installed, log) = recorded(3).await;
    let permit = installed.by::<actions::ListAuditRecords>(ADA, tenant("acme")).await.unwrap();
    let places = async |query: AuditQuery| {
        let page = log.list(&permit, &query, &PageRequest { size: 10, after: None }).await.unwrap();
        page.items.into_iter().map(|record| record.sequence).collect::<Vec<_>>()
    };
    assert_eq!(places(AuditQuery::default()).await, [2, 1, 0]);
    assert_eq!(places(AuditQuery { before: Some(sample::at(1)), ..AuditQuery::default() }).await, [0]);
    assert!(places(AuditQuery { outcome: Some(Outcome::Denied), ..AuditQuery::default() }).await.is_empty());
    for who in [UMA, BEA] {
        let refused = installed.by::<actions::ListAuditRecords>(who, tenant("acme")).await;
        assert_eq!(reason(refused.map(drop)), "PERMISSION_DENIED", "{who}");
    }
}

#[tokio::test]
async fn proofs_are_of_what_a_checkpoint_covers_and_of_nothing_else() {
    let (installed, log) = recorded(3).await;
    let checkpoint = installed.by::<actions::GetCheckpoint>(ADA, tenant("acme")).await.unwrap();
    assert_eq!(reason(log.checkpoint(&checkpoint, None).await), "NOT_FOUND");
    let inclusion = installed.by::<actions::GetInclusionProof>(ADA, tenant("acme")).await.unwrap();
    assert_eq!(reason(log.inclusion(&inclusion, 0, None).await), "NOT_FOUND");
    let consistency = installed.by::<actions::GetConsistencyProof>(ADA, tenant("acme")).await.unwrap();
    assert_eq!(reason(log.consistency(&consistency, 0, None).await), "NOT_FOUND");
    seal(&installed).await;
    installed.executions.append(vec![audit_repository::entry("acme", 3)]).await.unwrap();
    assert_eq!(log.checkpoint(&checkpoint, None).await.unwrap().size, 3);
    assert_eq!(reason(log.checkpoint(&checkpoint, Some(2)).await), "NOT_FOUND");
    let proven = log.inclusion(&inclusion, 2, None).await.unwrap();
    assert_eq!((proven.record.sequence, proven.checkpoint.size, proven.proof.len()), (2, 3, 2));
    assert_eq!(reason(log.inclusion(&inclusion, 3, None).await), "NOT_COVERED");
    seal(&installed).await;
    log.inclusion(&inclusion, 3, None).await.unwrap();
    let (newer, proof) = log.consistency(&consistency, 3, None).await.unwrap();
    assert_eq!((newer.size, proof.len()), (4, 2));
    assert_eq!(reason(log.consistency(&consistency, 4, Some(3)).await), "NOT_COVERED");
    assert_eq!(log.key(&tenant("acme")), "key of acme");
}

#[tokio::test]
async fn witnesses_sign_checkpoints_that_there_are_and_what_is_no_cosignature_is_refused_with_why() {
    let (installed, log) = recorded(2).await;
    seal(&installed).await;
    let permit = installed.by::<actions::AddCosignatures>(ADA, tenant("acme")).await.unwrap();
    assert_eq!(log.cosign(&permit, 2, "one").await.unwrap().note, "2 records, one");
    assert_eq!(log.cosign(&permit, 2, "two").await.unwrap().note, "2 records, one, two", "each is kept");
    assert_eq!(reason(log.cosign(&permit, 1, "one").await), "NOT_FOUND");
    for (text, why) in [("malformed", "MALFORMED"), ("unknown", "UNKNOWN_WITNESS"), ("wrong", "WRONG_COSIGNATURE")] {
        assert_eq!(violations(log.cosign(&permit, 2, text).await), [("cosignatures".to_owned(), why)]);
    }
}

#[tokio::test]
async fn an_export_has_every_record_in_order_and_the_checkpoints_where_they_cover() {
    let (installed, log) = recorded(2).await;
    seal(&installed).await;
    installed.executions.append(vec![audit_repository::entry("acme", 2)]).await.unwrap();
    let parts = export(&installed, &log, Form::Provable).await;
    let [header, Exported::Record(_), Exported::Record(_), first, Exported::Record(_), last, end] = parts.as_slice() else {
        panic!("{parts:?}")
    };
    let expected = Exported::Header { tenant: "acme".to_owned(), origin: "fake/acme".to_owned(), key: "key of acme".to_owned() };
    assert_eq!((header, end), (&expected, &Exported::End(3)));
    let notes = [Exported::Checkpoint("2 records".to_owned()), Exported::Checkpoint("3 records".to_owned())];
    assert_eq!([first, last], [&notes[0], &notes[1]], "all that there is was covered first");
    let read = export(&installed, &log, Form::Readable).await;
    let [_, Exported::Read(one), Exported::Read(_), Exported::Read(three), Exported::End(3)] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((one.sequence, three.sequence, one.entry.actor.role), (0, 2, Some(Role::Creator)));
}

#[tokio::test]
async fn of_records_that_were_removed_an_export_proves_the_places_and_nobody_is_shown_them() {
    let (installed, log) = recorded(2).await;
    seal(&installed).await;
    installed.executions.append(vec![audit_repository::entry("acme", 2)]).await.unwrap();
    let judged = domain::revision::Revision::FIRST;
    let scope = sample::scope("acme");
    assert_eq!(installed.executions.remove(&scope, 2, 1_000, Some(judged)).await.unwrap(), 2);
    let parts = export(&installed, &log, Form::Provable).await;
    let gone = parts.iter().filter_map(|part| if let Exported::Removed(leaves) = part { Some(leaves.len()) } else { None });
    assert_eq!((gone.sum::<usize>(), parts.last()), (2, Some(&Exported::End(3))));
    let read = export(&installed, &log, Form::Readable).await;
    assert_eq!(read.last(), Some(&Exported::End(1)));
    let inclusion = installed.by::<actions::GetInclusionProof>(ADA, tenant("acme")).await.unwrap();
    assert_eq!(reason(log.inclusion(&inclusion, 1, None).await), "RECORDS_REMOVED");
    let watching = installed.by::<actions::WatchAuditRecords>(ADA, tenant("acme")).await.unwrap();
    assert_eq!(reason(log.watch(watching, AuditQuery::default(), Some(1)).await.map(drop)), "RECORDS_REMOVED");
}

#[tokio::test]
async fn a_watch_tells_every_record_from_its_place_on_and_what_is_added() {
    let (installed, log) = recorded(3).await;
    let watch = async |from| {
        let permit = installed.by::<actions::WatchAuditRecords>(ADA, tenant("acme")).await.unwrap();
        log.watch(permit, AuditQuery::default(), from).await
    };
    assert_eq!(reason(watch(Some(4)).await.map(drop)), "NOT_RECORDED");
    let (mut old, mut new) = (watch(Some(1)).await.unwrap(), watch(None).await.unwrap());
    let told = |watch: &mut domain::audit::Following| {
        let mut places = Vec::new();
        while let Some(next) = watch.next().now_or_never() {
            match next.expect("a watch has no end").unwrap() {
                Followed::Record(record) => places.push(record.sequence),
                Followed::Reached(place) => assert!(places.is_empty(), "reached {place}"),
            }
        }
        places
    };
    assert_eq!((told(&mut old), told(&mut new)), (vec![1, 2], vec![]));
    installed.executions.append(vec![audit_repository::entry("acme", 3)]).await.unwrap();
    assert_eq!((told(&mut old), told(&mut new)), (vec![3], vec![3]));
}

#[tokio::test]
async fn a_report_counts_calls_by_outcome_day_and_role_and_names_what_was_refused_or_changed_rights() {
    let (installed, log) = recorded(0).await;
    let begin = day_of(installed.now());
    let entry = |number: u64, days: u32, action: &str, outcome, count| Entry {
        time: begin.plus(DAY * days).plus(Duration::from_millis(number)),
        action: action.to_owned(),
        outcome,
        count,
        call: format!("call-{number}"),
        ..audit_repository::entry("acme", number)
    };
    let entries = vec![
        entry(0, 0, "utility.create", Outcome::Intent, 1),
        entry(1, 0, "utility.create", Outcome::Allowed, 1),
        entry(2, 0, "utility.list", Outcome::Allowed, 5),
        entry(3, 0, "utility.delete", Outcome::Denied, 70),
        entry(4, 1, "utility.transform", Outcome::Failed, 1),
        entry(5, 1, "user.create", Outcome::Allowed, 1),
        entry(6, 1, "user.get", Outcome::Allowed, 1),
        entry(7, 1, "policy.update", Outcome::Cancelled, 1),
        entry(8, 2, "user.delete", Outcome::Allowed, 1),
    ];
    installed.executions.append(entries).await.unwrap();
    for number in 1..3 {
        let execution = domain::execution::Execution { created: begin.plus(DAY), ..sample::execution(&sample::scope("acme"), number) };
        domain::execution::ExecutionRepository::insert(installed.executions.as_ref(), &sample::scope("acme"), &execution, None, &[], None)
            .await
            .unwrap();
    }
    let period = Period::new(vec![begin, begin.plus(DAY)], begin.plus(DAY * 2)).expect("two days in order");
    let built = report(&installed, &log, period.clone()).await;
    assert_eq!((built.records, built.calls), (8, 80), "the third day is not asked for");
    let outcomes: Vec<_> = built.outcomes.iter().map(|count| (count.outcome, count.records, count.calls)).collect();
    let expected =
        [(Outcome::Intent, 1, 0), (Outcome::Allowed, 4, 8), (Outcome::Denied, 1, 70), (Outcome::Failed, 1, 1), (Outcome::Cancelled, 1, 1)];
    assert_eq!(outcomes.len(), expected.len());
    assert!(expected.iter().all(|one| outcomes.contains(one)), "{outcomes:?}");
    let days: Vec<_> = built.days.iter().map(|day| (day.allowed, day.denied, day.failed, day.other)).collect();
    assert_eq!(days, [(6, 70, 0, 0), (2, 0, 1, 1)]);
    let denials: Vec<_> = built.denials.iter().map(|denial| (denial.action.as_str(), denial.calls)).collect();
    assert_eq!((denials, built.other_denials), (vec![("utility.delete", 70)], 0));
    assert_eq!(built.denials[0].principal, Some(sample::user("ann")));
    let executing: Vec<_> = built.executing.iter().map(|count| (count.action.as_str(), count.outcome, count.calls)).collect();
    assert_eq!(executing, [("utility.transform", Outcome::Failed, 1)]);
    assert_eq!((built.permission_changes.total, built.policy_changes.total), (1, 1));
    assert_eq!(built.permission_changes.newest[0].entry.action, "user.create");
    let executions: Vec<_> = built.executions.iter().map(|count| (count.state, count.executions)).collect();
    assert_eq!(executions.iter().map(|(_, number)| number).sum::<u64>(), 2, "{executions:?}");
    assert!(built.access.iter().all(|count| count.role == Some(Role::Creator)));
    assert_eq!((built.oldest.map(|(place, _)| place), built.beginning), (Some(0), None));
    assert!(built.verification.as_ref().is_some_and(|verified| verified.whole));
    assert_eq!(report(&installed, &log, period).await, built, "the same days give the same report");
}

#[tokio::test]
async fn a_report_says_of_a_log_whose_beginning_is_gone_without_a_word_that_it_is() {
    let (installed, log) = recorded(3).await;
    seal(&installed).await;
    let scope = sample::scope("acme");
    installed.executions.remove(&scope, 3, 1_000, Some(domain::revision::Revision::FIRST)).await.unwrap();
    let today = day_of(installed.now());
    let built = report(&installed, &log, Period::new(vec![today], today.plus(DAY)).expect("a day")).await;
    assert_eq!(built.beginning, Some(domain::audit::BeginningFault::NotRecorded));
}

#[test]
fn a_period_is_days_in_order_and_no_more_than_a_year_of_them() {
    let at = |days: u32| Timestamp::from_millis(0).plus(DAY * days);
    assert_eq!(Period::new(vec![], at(1)), None);
    assert_eq!(Period::new(vec![at(1), at(0)], at(2)), None);
    assert_eq!(Period::new(vec![at(0)], at(0)), None);
    let most = u32::try_from(MAX_DAYS).unwrap();
    assert_eq!(Period::new((0..=most).map(at).collect(), at(most + 1)), None);
    let year = Period::new((0..most).map(at).collect(), at(most)).expect("a year");
    assert_eq!((year.from(), year.before()), (at(0), at(most)));
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another_ones_log() -> Result<()> {
    let (installed, log) = recorded(2).await;
    let permit = installed.by::<actions::ListAuditRecords>(BEA, tenant("beta")).await?;
    let page = log.list(&permit, &AuditQuery::default(), &PageRequest { size: 10, after: None }).await?;
    assert!(page.items.is_empty());
    let actor = AuditQuery { actor: Some(principal(ADA)), ..AuditQuery::default() };
    assert!(log.list(&permit, &actor, &PageRequest { size: 10, after: None }).await?.items.is_empty());
    Ok(())
}
