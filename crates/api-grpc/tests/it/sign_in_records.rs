//! What signing in leaves in the audit log: who it was where it worked, and a bounded trace where it did not.

use std::sync::Arc;

use api_proto::zona::identity::v1 as pb;
use domain::audit::{AuditQuery, AuditRepository as _, Entry, Outcome};
use domain::page::PageRequest;
use test_support::sample;
use tonic::Code;

use crate::harness::{Harness, Known, reason};
use crate::identity::{Installation, PASSWORD, ROOT, another, bootstrap, refresh, sign_in};

const ANN: &str = "tenants/acme/users/ann";
const ISSUE: &str = "token.issue";
const REFRESH: &str = "token.refresh";
const BOOTSTRAP: &str = "installation.bootstrap";

/// What the tenant's log says of these actions, oldest first, once all that happened is recorded.
async fn log_of(server: &Harness, tenant: &str, actions: &[&str]) -> Vec<Entry> {
    server.spawner.settle().await;
    let page = PageRequest { size: 1_000, after: None };
    let found = server.execution_store.list(&sample::scope(tenant), &AuditQuery::default(), &page).await.unwrap();
    let mut found = found.open_for_system().unwrap().items;
    found.sort_by_key(|record| record.sequence);
    found.into_iter().map(|record| record.entry).filter(|entry| actions.contains(&entry.action.as_str())).collect()
}

/// Action, outcome, resource, principal and session of a record.
fn said(entry: &Entry) -> (&str, Outcome, &str, Option<&str>, Option<&str>) {
    let actor = &entry.actor;
    let principal = actor.principal.as_ref().map(|principal| principal.as_str());
    (&entry.action, entry.outcome, &entry.resource, principal, actor.session.as_deref())
}

#[tokio::test]
async fn who_signs_in_stands_in_the_log_of_their_tenant_by_name_and_session() {
    let all = Installation::new().await;
    let made = log_of(&all.server, "system", &[BOOTSTRAP]).await;
    assert_eq!(made.iter().map(said).collect::<Vec<_>>(), [(BOOTSTRAP, Outcome::Allowed, ROOT, Some(ROOT), None)]);

    all.user("acme", "ann", pb::Role::User).await;
    let issued = sign_in(&all.server, ANN, PASSWORD).await.unwrap();
    refresh(&all.server, &issued.refresh_token).await.unwrap();
    let session = issued.session.rsplit('/').next();
    let found = log_of(&all.server, "acme", &[ISSUE, REFRESH]).await;
    let expected = [ISSUE, REFRESH].map(|action| (action, Outcome::Allowed, issued.session.as_str(), Some(ANN), session));
    assert_eq!(found.iter().map(said).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|entry| entry.actor.address.is_some()), "{found:?}");

    let ci = all.account("acme", "ci", pb::Role::User).await;
    let key = all.key(&ci.name).await;
    let credential = Some(pb::issue_token_request::Credential::ApiKey(key.secret));
    all.server.identity.clone().issue_token(pb::IssueTokenRequest { credential, browser: false }).await.unwrap();
    let found = log_of(&all.server, "acme", &[ISSUE]).await;
    let name = key.api_key.unwrap().name;
    assert_eq!(found[1].actor.key.as_deref(), name.rsplit('/').next());
}

#[tokio::test]
async fn what_a_refused_sign_in_was_about_stands_in_the_log_of_the_installation_with_nobody_who_did_it() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    let issued = sign_in(&all.server, ANN, PASSWORD).await.unwrap();
    refresh(&all.server, &issued.refresh_token).await.unwrap();
    sign_in(&all.server, ANN, "wrong horse battery").await.unwrap_err();
    refresh(&all.server, &issued.refresh_token).await.unwrap_err();
    let found = log_of(&all.server, "system", &[ISSUE, REFRESH]).await;
    let refused: Vec<_> = found.iter().map(said).filter(|(_, outcome, ..)| *outcome != Outcome::Allowed).collect();
    assert_eq!(refused, [(ISSUE, Outcome::Denied, ANN, None, None), (REFRESH, Outcome::Denied, issued.session.as_str(), None, None)]);
}

#[tokio::test]
async fn strangers_leave_a_bounded_trace_however_often_they_ask() {
    let all = Installation::new().await;
    let before = log_of(&all.server, "system", &[ISSUE, REFRESH]).await.len();
    for _ in 0..100 {
        let refused = all.server.identity.clone().issue_token(pb::IssueTokenRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        // After some of these, attempts from the address have to wait.
        let refused = refresh(&all.server, "nonsense").await.unwrap_err();
        assert!([Code::Unauthenticated, Code::ResourceExhausted].contains(&refused.code()), "{refused:?}");
    }
    let found = log_of(&all.server, "system", &[ISSUE, REFRESH]).await.split_off(before);
    let singly = found.len();
    assert!((1..=60).contains(&singly), "{singly}");
    assert!(found.iter().all(|entry| (entry.action.as_str(), entry.outcome, entry.count) == (REFRESH, Outcome::Denied, 1)), "{found:?}");
    all.server.auditor.flush().await;
    let found = log_of(&all.server, "system", &[ISSUE, REFRESH]).await.split_off(before + singly);
    let mut counted: Vec<_> = found.iter().map(|entry| (entry.action.as_str(), entry.outcome, entry.count)).collect();
    counted.sort_unstable();
    assert_eq!(counted, [(ISSUE, Outcome::Failed, 100), (REFRESH, Outcome::Failed, 100 - singly as u64)]);
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_recorded_begins_no_session_and_a_bootstrap_is_recorded_later() {
    let known = Arc::new(Known::new());
    let server = another(&known).await;
    let code = server.identities.offer_bootstrap().await.unwrap().expect("nobody rules yet");
    let faults = server.execution_store.faults();
    faults.fail_always("append_audit");
    let refused =
        [bootstrap(&server, code.expose()).await.map(drop).unwrap_err(), sign_in(&server, ROOT, PASSWORD).await.map(drop).unwrap_err()];
    for refused in refused {
        assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "AUDIT_UNAVAILABLE".to_owned()));
    }
    faults.heal();
    assert_eq!(log_of(&server, "system", &[BOOTSTRAP, ISSUE]).await, []);
    server.auditor.flush().await;
    let found = log_of(&server, "system", &[BOOTSTRAP, ISSUE]).await;
    let found: Vec<_> = found.iter().map(|entry| (entry.action.as_str(), entry.outcome)).collect();
    // The sign-in and its record are one commit: no session has begun.
    assert_eq!(found, [(BOOTSTRAP, Outcome::Allowed), (ISSUE, Outcome::Failed)]);
}
