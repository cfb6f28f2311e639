//! The audit log of calls: nothing that has an effect happens unrecorded, and what was recorded is read through the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api_grpc::RecordedSingly;
use api_proto::zona::access::v1 as access;
use api_proto::zona::annotations::v1::{Operation, Who};
use api_proto::zona::audit::v1 as pb;
use api_proto::zona::execution::v1 as executions;
use api_proto::zona::identity::v1 as identity;
use api_proto::zona::utility::v1 as utilities;
use domain::audit::{AuditQuery, AuditRepository as _, MAX_LOOKED_AT};
use pb::AuditOutcome::{Allowed, Cancelled, Denied, Failed, Intent};
use pb::export_audit_records_response::Part;
use prost::Message as _;
use prost_types::FieldMask;
use tokio_stream::StreamExt as _;
use tonic::{Code, Request};

use crate::fakes::TokenAuthenticator;
use crate::generic::{call_with, methods, named_request, path, send};
use crate::harness::{Harness, LOCAL, Options, TENANT, reason, utility_name, violations};
use crate::identity::Installation;
use crate::roles::RoleAuthenticator;
use crate::roles::{Person, keep};
use crate::tenants::ROOT;

pub const SCRIPT: &str = "def main():\n    return 1\n";

/// Every record of the tenant that fits, oldest first, once all that happened is recorded.
async fn records(server: &Harness, filter: pb::AuditFilter) -> Vec<pb::AuditRecord> {
    server.spawner.settle().await;
    let request = pb::ListAuditRecordsRequest { parent: TENANT.to_owned(), filter: Some(filter), page_size: 1_000, ..Default::default() };
    let mut records = server.audit.clone().list_audit_records(request).await.unwrap().into_inner().records;
    records.sort_by_key(|record| record.sequence);
    records
}

pub async fn of_action(server: &Harness, action: &str) -> Vec<pb::AuditRecord> {
    records(server, pb::AuditFilter { action: action.to_owned(), ..Default::default() }).await
}

pub fn outcomes(records: &[pb::AuditRecord]) -> Vec<(pb::AuditOutcome, &str)> {
    records.iter().map(|record| (record.outcome(), record.reason.as_str())).collect()
}

#[tokio::test]
async fn a_change_has_an_intent_before_it_and_an_outcome_behind_it_that_say_who_did_what() {
    let server = Harness::start().await;
    let utility = utilities::Utility { code: SCRIPT.to_owned(), ..Default::default() };
    let body = utilities::CreateUtilityRequest {
        parent: TENANT.to_owned(),
        utility_id: "one".to_owned(),
        utility: Some(utility),
        ..Default::default()
    };
    let mut request = Request::new(body);
    request.metadata_mut().insert("x-request-id", "my-request".parse().unwrap());
    request.metadata_mut().insert("zona-purpose", "ticket 4711".parse().unwrap());
    server.utilities.clone().create_utility(request).await.unwrap();

    let found = of_action(&server, "utility.create").await;
    assert_eq!(outcomes(&found), [(Intent, ""), (Allowed, "")]);
    assert_eq!((&found[0].call, found[0].count), (&found[1].call, 1));
    let said = &found[1];
    assert_eq!(said.method, "/zona.utility.v1.UtilityService/CreateUtility");
    let named: Vec<_> = found.iter().map(|record| (record.resource.clone(), record.version)).collect();
    assert_eq!(named, [(TENANT.to_owned(), 0), (utility_name("one"), 1)], "where it was made, and what");
    assert_eq!((said.request_id.as_str(), said.purpose.as_str(), said.instance.as_str()), ("my-request", "ticket 4711", "test"));
    let actor = said.actor.as_ref().unwrap();
    assert_eq!((actor.principal.as_str(), actor.address.as_str()), (LOCAL, "127.0.0.1"));
}

#[tokio::test]
async fn an_update_is_recorded_with_the_hashes_of_what_it_changed_and_with_no_value() {
    let server = Harness::start().await;
    server.create("one", SCRIPT).await;
    let utility = utilities::Utility { name: utility_name("one"), description: "the new text".to_owned(), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["description".to_owned()] });
    let request = utilities::UpdateUtilityRequest { utility: Some(utility), update_mask, ..Default::default() };
    server.utilities.clone().update_utility(request).await.unwrap();
    let policy =
        utilities::CodePolicy { name: format!("{TENANT}/codePolicy"), extra_modules: vec!["acme_tools".to_owned()], ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["extra_modules".to_owned()] });
    server.policies.clone().update_code_policy(utilities::UpdateCodePolicyRequest { policy: Some(policy), update_mask }).await.unwrap();

    let found = of_action(&server, "utility.update").await;
    assert_eq!((found[0].changes.len(), found[1].changes.len()), (0, 1), "{found:?}");
    let change = &found[1].changes[0];
    // Of nothing, and of the new text.
    assert_eq!(change.before_sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!((change.field.as_str(), change.after_sha256.len()), ("description", 64));
    let found = of_action(&server, "policy.update").await;
    assert_eq!(found[1].changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(), ["extra_modules"]);
}

#[tokio::test]
async fn a_restored_version_is_recorded_by_the_one_that_it_was_made_of_and_the_one_that_it_became() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let utility = utilities::Utility { name: utility_name("some"), code: "def main():\n    return 2\n".to_owned(), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["code".to_owned()] });
    let update = utilities::UpdateUtilityRequest { utility: Some(utility), update_mask, ..Default::default() };
    server.utilities.clone().update_utility(update).await.unwrap();
    let old = format!("{}/versions/1", utility_name("some"));
    let restore = utilities::RestoreUtilityVersionRequest { name: old.clone(), ..Default::default() };
    server.utilities.clone().restore_utility_version(restore).await.unwrap();
    let found = of_action(&server, "version.restore").await;
    let named: Vec<_> = found.iter().map(|record| (record.resource.clone(), record.version)).collect();
    assert_eq!(named, [(old, 1), (format!("{}/versions/3", utility_name("some")), 3)]);
    assert_eq!(of_action(&server, "utility.update").await[1].version, 2);
}

#[tokio::test]
async fn an_execution_is_recorded_by_its_name_and_the_version_that_ran() {
    let server = Harness::start().await;
    server.create("runs", SCRIPT).await;
    server.create("maps", "def transform(value):\n    return value\n").await;
    let start = executions::StartExecutionRequest { name: utility_name("runs"), ..Default::default() };
    let started = server.executions.clone().start_execution(start).await.unwrap().into_inner();
    let request = executions::TransformRequest { name: utility_name("maps"), values_json: vec!["1".to_owned()], ..Default::default() };
    let mapped = server.executions.clone().transform(request).await.unwrap().into_inner();
    for (action, utility, execution) in [("utility.start", "runs", started.name), ("utility.transform", "maps", mapped.execution)] {
        let found = of_action(&server, action).await;
        let named: Vec<_> = found.iter().map(|record| (record.resource.clone(), record.version)).collect();
        assert_eq!(named, [(utility_name(utility), 0), (execution, 1)], "{action}");
    }
}

/// The fields of the outcome of the only call of this action; whether each held something before and holds something now.
async fn changes(server: &Harness, action: &str) -> Vec<(String, bool, bool)> {
    let found = of_action(server, action).await;
    let fields = found[1].changes.iter();
    fields.map(|change| (change.field.clone(), !change.before_sha256.is_empty(), !change.after_sha256.is_empty())).collect()
}

fn fields(expected: &[(&str, bool, bool)]) -> Vec<(String, bool, bool)> {
    expected.iter().map(|(field, before, after)| ((*field).to_owned(), *before, *after)).collect()
}

#[tokio::test]
async fn a_grant_is_recorded_with_whom_it_was_given_and_taken_from_and_what_it_gave() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    keep(&server.known, Person::new("ann", domain::identity::Role::User).principal()).await;
    let (name, grantee) = (utility_name("some"), "tenants/demo/users/ann".to_owned());
    let grant = access::GrantAccessRequest {
        name: name.clone(),
        grantee: grantee.clone(),
        access: access::Access::Execute.into(),
        expire_time: Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 }),
        ..Default::default()
    };
    server.access.clone().grant_access(grant).await.unwrap();
    server.access.clone().revoke_access(access::RevokeAccessRequest { name, grantee, ..Default::default() }).await.unwrap();
    let said = |before, after| {
        fields(&[
            // Of the name of a person there is no hash: it could be confirmed.
            ("grantee=tenants/demo/users/ann", false, false),
            ("access=execute", before, after),
            ("expire_time=4000000000000", before, after),
        ])
    };
    assert_eq!(changes(&server, "grant.create").await, said(false, true));
    assert_eq!(changes(&server, "grant.revoke").await, said(true, false));
}

#[tokio::test]
async fn who_was_made_and_what_became_of_their_role_and_state_is_recorded_and_of_a_password_only_that_it_changed() {
    let all = Installation::new().await;
    let ann = all.user("demo", "ann", identity::Role::User).await;
    let changed = identity::User { role: identity::Role::Creator.into(), password: "another horse battery".to_owned(), ..ann.clone() };
    all.update(&all.root, changed, &["role", "password"], "").await.unwrap();
    let ci = all.account("demo", "ci", identity::Role::Creator).await;
    let key = all.key(&ci.name).await.api_key.unwrap();
    all.server.spawner.settle().await;
    let page = domain::page::PageRequest { size: 100, after: None };
    let found = all.server.execution_store.list(&test_support::sample::scope("demo"), &AuditQuery::default(), &page).await.unwrap();
    let mut found: Vec<_> = found.open_for_system().unwrap().items.into_iter().map(|record| (record.sequence, record.entry)).collect();
    found.retain(|(_, entry)| entry.outcome == domain::audit::Outcome::Allowed);
    found.sort_by_key(|(sequence, _)| *sequence);
    let said = found.iter().map(|(_, entry)| {
        let fields = entry.changes.iter().map(|change| (change.field.as_str(), change.before.is_some(), change.after.is_some()));
        (entry.action.as_str(), entry.resource.as_str(), fields.collect::<Vec<_>>())
    });
    let made = |role| vec![(role, false, true), ("state=active", false, true)];
    let with_password = |mut fields: Vec<_>| {
        fields.push(("password", false, false));
        fields
    };
    let expected = [
        ("user.create", ann.name.as_str(), with_password(made("role=user"))),
        ("user.update", ann.name.as_str(), with_password(vec![("role=user->creator", true, true)])),
        ("service_account.create", ci.name.as_str(), made("role=creator")),
        ("api_key.create", key.name.as_str(), Vec::new()),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_fails_is_recorded_with_the_reason_that_its_caller_is_told() {
    let server = Harness::start().await;
    let delete = utilities::DeleteUtilityRequest { name: utility_name("absent"), ..Default::default() };
    server.utilities.clone().delete_utility(delete).await.unwrap_err();
    assert_eq!(outcomes(&of_action(&server, "utility.delete").await), [(Intent, ""), (Failed, "NOT_FOUND")]);
}

#[tokio::test]
async fn nothing_that_has_an_effect_happens_without_a_record_of_its_intent() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    let before = server.get("some").await;
    let ruled = Harness::with(Options { authenticator: Some(RoleAuthenticator::of([ROOT])), ..Options::default() }).await;
    ruled.execution_store.faults().fail_always("append_audit");
    server.execution_store.faults().fail_always("append_audit");
    let mut tried = 0;
    for described in api_proto::methods() {
        let effect = !matches!(described.permission.operation(), Operation::Unspecified | Operation::Read) && !described.is_get;
        // Who anybody may be is known only when the work is done: see `a_sign_in_that_cannot_be_recorded_begins_no_session_and_a_bootstrap_is_recorded_later`.
        if effect && described.permission.who() != Who::Anyone {
            let method = methods().into_iter().find(|method| path(method) == described.path()).unwrap();
            let request = named_request(&method, "demo");
            // Who makes and stops tenants has proven who they are.
            let answered = match described.permission.who() {
                Who::All => send(&ruled.channel, &path(&method), ROOT.asks(request.encode_to_vec().into())).await,
                _ => call_with(&server.channel, &method, &request).await,
            };
            let refused = answered.expect_err(&described.path());
            assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "AUDIT_UNAVAILABLE".to_owned()), "{}", described.path());
            tried += 1;
        }
    }
    assert!(tried > 8, "{tried}");
    server.execution_store.faults().heal();
    assert_eq!(server.get("some").await, before);
    let list = executions::ListExecutionsRequest { parent: TENANT.to_owned(), ..Default::default() };
    assert!(server.executions.clone().list_executions(list).await.unwrap().into_inner().executions.is_empty());
}

#[tokio::test]
async fn an_execution_and_its_intent_are_stored_in_one_commit_and_nothing_runs_before() {
    let server = Harness::start().await;
    server.create("runs", SCRIPT).await;
    server.create("maps", "def transform(value):\n    return value\n").await;
    let launch = async || {
        let name = utility_name("runs");
        let execute = executions::ExecuteUtilityRequest { name: name.clone(), ..Default::default() };
        let start = executions::StartExecutionRequest { name, ..Default::default() };
        let values_json = vec!["1".to_owned()];
        let transform = executions::TransformRequest { name: utility_name("maps"), values_json, ..Default::default() };
        let mut client = server.executions.clone();
        [
            client.execute_utility(execute).await.map(drop),
            client.start_execution(start).await.map(drop),
            client.transform(transform).await.map(drop),
        ]
    };
    let (commits, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for (fault, commits) in [("insert", &commits), ("append_audit", &seen)] {
        let commits = Arc::clone(commits);
        server.execution_store.faults().meanwhile(fault, move || {
            commits.fetch_add(1, Ordering::Relaxed);
        });
    }
    // Whichever of both the store refuses, neither is stored.
    for fault in ["insert", "append_audit"] {
        server.execution_store.faults().fail_always(fault);
        for refused in launch().await {
            let refused = refused.expect_err(fault);
            assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "AUDIT_UNAVAILABLE".to_owned()));
        }
        server.execution_store.faults().heal();
        assert_eq!((server.sandbox.started(), launches(&server).await), (0, vec![]));
        let list = executions::ListExecutionsRequest { parent: TENANT.to_owned(), ..Default::default() };
        assert_eq!(server.executions.clone().list_executions(list).await.unwrap().into_inner().executions, []);
    }
    commits.store(0, Ordering::Relaxed);
    seen.store(0, Ordering::Relaxed);
    assert!(launch().await.iter().all(Result::is_ok));
    // The fake asks for both when it stores an execution with its intent, and no intent is stored alone.
    assert_eq!((commits.load(Ordering::Relaxed), seen.load(Ordering::Relaxed)), (3, 3));
    assert_eq!(launches(&server).await, vec![Intent, Allowed, Intent, Allowed, Intent, Allowed]);
}

/// The outcomes of all launches, each call's together.
async fn launches(server: &Harness) -> Vec<pb::AuditOutcome> {
    let mut found = records(server, pb::AuditFilter::default()).await;
    found.retain(|record| ["utility.execute", "utility.start", "utility.transform"].contains(&record.action.as_str()));
    found.sort_by(|one, other| (&one.call, one.sequence).cmp(&(&other.call, other.sequence)));
    found.iter().map(pb::AuditRecord::outcome).collect()
}

#[tokio::test]
async fn a_launch_that_fails_before_there_is_an_execution_has_an_intent_and_an_outcome() {
    let server = Harness::start().await;
    server.create("maps", "def transform(value):\n    return value\n").await;
    let values_json = vec!["no JSON".to_owned()];
    let transform = executions::TransformRequest { name: utility_name("maps"), values_json, ..Default::default() };
    server.executions.clone().transform(transform.clone()).await.unwrap_err();
    assert_eq!(outcomes(&of_action(&server, "utility.transform").await), [(Intent, ""), (Failed, "INVALID_FIELDS")]);
    server.execution_store.faults().fail_always("append_audit");
    let refused = server.executions.clone().transform(transform).await.unwrap_err();
    assert_eq!(reason(&refused), "AUDIT_UNAVAILABLE");
}

#[tokio::test]
async fn code_and_output_are_shown_only_where_it_is_recorded_that_they_were() {
    let server = Harness::start().await;
    server.create("some", SCRIPT).await;
    server.get("some").await;
    let read = of_action(&server, "utility.get").await;
    assert_eq!(outcomes(&read), [(Allowed, "")]);
    assert_eq!(read[0].resource, utility_name("some"));

    server.execution_store.faults().fail_always("append_audit");
    let request = utilities::GetUtilityRequest { name: utility_name("some") };
    let refused = server.utilities.clone().get_utility(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "AUDIT_UNAVAILABLE".to_owned()));
    let list = utilities::ListUtilitiesRequest { parent: TENANT.to_owned(), ..Default::default() };
    assert_eq!(server.utilities.clone().list_utilities(list).await.unwrap().into_inner().utilities.len(), 1, "a list shows no code");
}

#[tokio::test]
async fn a_read_that_shows_nothing_is_counted_and_needs_no_record_of_its_own() {
    let server = Harness::start().await;
    server.execution_store.faults().fail_always("append_audit");
    for _ in 0..3 {
        let request = utilities::GetUtilityRequest { name: utility_name("absent") };
        assert_eq!(reason(&server.utilities.clone().get_utility(request).await.unwrap_err()), "NOT_FOUND");
    }
    server.execution_store.faults().heal();
    assert_eq!(of_action(&server, "utility.get").await, []);
    server.clock.advance(Duration::from_secs(60));
    server.auditor.tend().await.unwrap();
    let counted = of_action(&server, "utility.get").await;
    assert_eq!((outcomes(&counted), counted[0].count), (vec![(Failed, "")], 3));
}

#[tokio::test]
async fn other_reads_are_counted_by_the_minute() {
    let server = Harness::start().await;
    for _ in 0..3 {
        let list = utilities::ListUtilitiesRequest { parent: TENANT.to_owned(), ..Default::default() };
        server.utilities.clone().list_utilities(list).await.unwrap();
    }
    assert_eq!(of_action(&server, "utility.list").await, []);
    server.clock.advance(Duration::from_secs(60));
    server.auditor.tend().await.unwrap();
    let counted = of_action(&server, "utility.list").await;
    assert_eq!(outcomes(&counted), [(Allowed, "")]);
    assert_eq!((counted[0].count, counted[0].resource.as_str()), (3, "utility"));
    assert!(counted[0].end_time.is_some());
}

#[tokio::test]
async fn a_read_that_would_be_counted_is_recorded_each_time_where_that_is_set() {
    let record_singly = RecordedSingly::parse("UtilityService/ListUtilities").unwrap();
    let server = Harness::with(Options { record_singly, ..Options::default() }).await;
    for _ in 0..2 {
        let list = utilities::ListUtilitiesRequest { parent: TENANT.to_owned(), ..Default::default() };
        server.utilities.clone().list_utilities(list).await.unwrap();
    }
    assert_eq!(outcomes(&of_action(&server, "utility.list").await), [(Allowed, ""), (Allowed, "")]);
}

#[tokio::test]
async fn an_attempt_at_another_tenant_is_recorded_in_the_log_of_who_tried() {
    let server = Harness::start().await;
    let delete = utilities::DeleteUtilityRequest { name: "tenants/other/utilities/a".to_owned(), ..Default::default() };
    server.utilities.clone().delete_utility(delete).await.unwrap_err();
    let found = records(&server, pb::AuditFilter { outcome: Denied.into(), ..Default::default() }).await;
    assert_eq!(outcomes(&found), [(Denied, "PERMISSION_DENIED")]);
    assert_eq!(found[0].resource, "tenants/other/utilities/a");
}

#[tokio::test]
async fn who_is_not_known_stands_in_the_log_of_the_installation() {
    let authenticator = Arc::new(TokenAuthenticator::default());
    let server = Harness::with(Options { authenticator: Some(authenticator), ..Options::default() }).await;
    let get = utilities::GetUtilityRequest { name: utility_name("some") };
    server.utilities.clone().get_utility(get).await.unwrap_err();
    server.spawner.settle().await;
    let scope = test_support::sample::scope("system");
    let stored = domain::audit::AuditRepository::records_from(&*server.execution_store, &scope, 0, usize::MAX).await.unwrap();
    assert_eq!(stored.len(), 1);
}

#[tokio::test]
async fn an_execution_whose_caller_goes_away_is_recorded_as_cancelled() {
    let server = Harness::start().await;
    server.create("waits", "def transform(value):\n    #: wait\n").await;
    let request = executions::TransformRequest { name: utility_name("waits"), values_json: vec!["1".to_owned()], ..Default::default() };
    let mut client = server.executions.clone();
    let call = tokio::spawn(async move { client.transform(request).await });
    while server.sandbox.running() == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    let found = loop {
        let found = of_action(&server, "utility.transform").await;
        if found.len() == 2 {
            break found;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(outcomes(&found), [(Intent, ""), (Cancelled, "CALL_DROPPED")]);
}

#[tokio::test]
async fn records_page_and_what_is_no_filter_is_refused() {
    let server = Harness::start().await;
    for id in ["a", "b", "c"] {
        server.create(id, SCRIPT).await;
    }
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let filter = Some(pb::AuditFilter { actor: LOCAL.to_owned(), action: "utility.create".to_owned(), ..Default::default() });
        let request = pb::ListAuditRecordsRequest { parent: TENANT.to_owned(), filter, page_size: 2, page_token };
        let page = server.audit.clone().list_audit_records(request).await.unwrap().into_inner();
        assert!(page.records.len() <= 2);
        found.extend(page.records.iter().map(|record| record.sequence));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found.len(), 6);
    assert!(found.is_sorted_by(|one, next| one > next), "newest first: {found:?}");

    let filter = pb::AuditFilter { actor: "nobody".to_owned(), outcome: 99, ..Default::default() };
    let request = pb::ListAuditRecordsRequest { parent: TENANT.to_owned(), filter: Some(filter), ..Default::default() };
    let refused = server.audit.clone().list_audit_records(request).await.unwrap_err();
    let fields: Vec<_> = violations(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["filter.actor", "filter.outcome"]);
}

#[tokio::test]
async fn a_page_without_what_is_asked_for_ends_and_its_token_goes_on_behind_it() {
    let server = Harness::start().await;
    server.create("a", SCRIPT).await;
    server.spawner.settle().await;
    let an_hour_later = 3_600_000;
    let others = (0..MAX_LOOKED_AT as u64).map(|number| test_support::audit_repository::entry("demo", an_hour_later + number));
    domain::audit::AuditRepository::append(&*server.execution_store, others.collect()).await.unwrap();
    let filter = || Some(pb::AuditFilter { action: "utility.create".to_owned(), ..Default::default() });
    let list = async |page_token| {
        let request = pb::ListAuditRecordsRequest { parent: TENANT.to_owned(), filter: filter(), page_token, ..Default::default() };
        server.audit.clone().list_audit_records(request).await.unwrap().into_inner()
    };
    let first = list(String::new()).await;
    assert!(first.records.is_empty() && !first.next_page_token.is_empty(), "{} records", first.records.len());
    assert_eq!(list(first.next_page_token).await.records.len(), 2);
}

#[tokio::test]
async fn an_export_holds_every_record_and_says_that_it_was_taken() {
    let server = Harness::start().await;
    server.create("a", SCRIPT).await;
    let request = pb::ExportAuditRecordsRequest { parent: TENANT.to_owned(), ..Default::default() };
    let parts = server.audit.clone().export_audit_records(request).await.unwrap().into_inner();
    let parts: Vec<Part> = parts.map(|part| part.unwrap().part.unwrap()).collect().await;
    let kinds: Vec<&str> = parts
        .iter()
        .map(|part| match part {
            Part::Header(_) => "header",
            Part::Record(_) => "record",
            Part::Checkpoint(_) => "checkpoint",
            Part::End(_) => "end",
            Part::Read(_) => "read",
            Part::Removed(_) => "removed",
        })
        .collect();
    // Intent and outcome of the creation, and the intent of the export itself.
    assert_eq!(kinds, ["header", "record", "record", "record", "checkpoint", "end"]);
    assert_eq!(outcomes(&of_action(&server, "audit.export").await), [(Intent, ""), (Allowed, "")]);

    let parent = || TENANT.to_owned();
    let checkpoint =
        server.audit.clone().get_checkpoint(pb::GetCheckpointRequest { parent: parent(), size: 0 }).await.unwrap().into_inner();
    assert_eq!((checkpoint.size, checkpoint.note.as_str(), checkpoint.public_key.as_str()), (3, "3 records", "key of demo"));
    let ask = pb::GetInclusionProofRequest { parent: parent(), sequence: 1, size: 0 };
    let proof = server.audit.clone().get_inclusion_proof(ask).await.unwrap().into_inner();
    assert_eq!((proof.sequence, proof.checkpoint.as_str(), &proof.hashes), (1, "3 records", &vec![vec![1; 32], vec![3; 32]]));
    let Part::Record(second) = &parts[2] else { panic!("{kinds:?}") };
    assert_eq!(&proof.record, second);
    let ask = pb::GetConsistencyProofRequest { parent: parent(), older_size: 2, newer_size: 0 };
    let proof = server.audit.clone().get_consistency_proof(ask).await.unwrap().into_inner();
    assert_eq!(proof.hashes, vec![vec![2; 32], vec![3; 32]]);
}

#[tokio::test]
async fn an_export_to_be_read_holds_the_records_of_the_log_and_neither_keys_nor_checkpoints() {
    let server = Harness::start().await;
    server.create("a", SCRIPT).await;
    let request = pb::ExportAuditRecordsRequest { parent: TENANT.to_owned(), readable: true };
    let parts = server.audit.clone().export_audit_records(request).await.unwrap().into_inner();
    let parts: Vec<Part> = parts.map(|part| part.unwrap().part.unwrap()).collect().await;
    let [Part::Header(header), read @ .., Part::End(3)] = parts.as_slice() else { panic!("{parts:?}") };
    assert!(header.public_keys.is_empty());
    let read: Vec<pb::AuditRecord> = read
        .iter()
        .map(|part| match part {
            Part::Read(record) => record.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(read, records(&server, pb::AuditFilter::default()).await[..3]);
}

#[tokio::test]
async fn a_checkpoint_shows_the_cosignatures_that_were_added_and_any_other_is_refused() {
    let server = Harness::start().await;
    let export = pb::ExportAuditRecordsRequest { parent: TENANT.to_owned(), ..Default::default() };
    server.audit.clone().export_audit_records(export).await.unwrap();
    let add = async |size, cosignatures: &str| {
        let request = pb::AddCosignaturesRequest { parent: TENANT.to_owned(), size, cosignatures: cosignatures.to_owned() };
        server.audit.clone().add_cosignatures(request).await
    };
    for (cosignatures, expected) in [("malformed", "MALFORMED"), ("unknown", "UNKNOWN_WITNESS"), ("wrong", "WRONG_COSIGNATURE")] {
        let refused = add(1, cosignatures).await.unwrap_err();
        assert_eq!(violations(&refused), [("cosignatures".to_owned(), expected.to_owned())]);
    }
    assert_eq!(reason(&add(2, "good").await.unwrap_err()), "NOT_FOUND");
    assert_eq!(add(1, "good").await.unwrap().into_inner().note, "1 records, good");
    let request = pb::GetCheckpointRequest { parent: TENANT.to_owned(), size: 1 };
    let shown = server.audit.clone().get_checkpoint(request).await.unwrap().into_inner();
    assert_eq!((shown.note.as_str(), shown.public_key.as_str()), ("1 records, good", "key of demo"));
    let last = of_action(&server, "audit.cosign").await;
    assert_eq!(outcomes(&last[last.len() - 2..]), [(Intent, ""), (Allowed, "")]);
}

#[tokio::test]
async fn a_proof_of_what_no_checkpoint_covers_is_refused() {
    let server = Harness::start().await;
    let absent = server.audit.clone().get_checkpoint(pb::GetCheckpointRequest { parent: TENANT.to_owned(), size: 0 }).await.unwrap_err();
    assert_eq!(reason(&absent), "NOT_FOUND");
    let request = pb::ExportAuditRecordsRequest { parent: TENANT.to_owned(), ..Default::default() };
    server.audit.clone().export_audit_records(request).await.unwrap();
    let ask = |sequence| pb::GetInclusionProofRequest { parent: TENANT.to_owned(), sequence, size: 0 };
    let refused = server.audit.clone().get_inclusion_proof(ask(1)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::OutOfRange, "NOT_COVERED".to_owned()));
    let refused = server.audit.clone().get_inclusion_proof(ask(-1)).await.unwrap_err();
    assert_eq!(violations(&refused), [("sequence".to_owned(), "OUT_OF_RANGE".to_owned())]);
    let ask = pb::GetConsistencyProofRequest { parent: TENANT.to_owned(), older_size: 9, newer_size: 0 };
    assert_eq!(reason(&server.audit.clone().get_consistency_proof(ask).await.unwrap_err()), "NOT_COVERED");
}
