//! Sessions that begin at the page of an outside issuer: of whom the store knows, and of whom only the issuer does.

use std::collections::BTreeSet;
use std::time::Duration;

use api_proto::zona::identity::v1 as pb;
use domain::audit::{AuditQuery, AuditRepository as _, Entry, FieldChange, Outcome};
use domain::identity::{Issuer, MAX_EXTERNAL_TOKEN_LIFE, Role, VerifiedToken};
use domain::name::PrincipalName;
use domain::page::PageRequest;
use domain::time::Clock as _;
use test_support::sample;
use tonic::{Code, Status};

use crate::harness::{Harness, pairs, reason, violations};
use crate::identity::{Installation, PASSWORD, another, is_unauthenticated, shown, sign_in, who};
use crate::subjects::export;

const ANN: &str = "tenants/acme/users/ann";
const ISSUER: &str = "https://id.example";
const SECOND: Duration = Duration::from_secs(1);

/// Has the issuer say, for this code, that it is ann.
fn vouch(all: &Installation, code: &str, role: Option<Role>) {
    let issued = all.known.clock.now();
    let token = VerifiedToken {
        issuer: Issuer::External(ISSUER.into()),
        principal: PrincipalName::parse("name", ANN).unwrap(),
        session: None,
        role,
        issued,
        expires: issued.plus(MAX_EXTERNAL_TOKEN_LIFE),
        id: String::new(),
    };
    all.known.tokens.trust(code, token);
}

/// Shows a code; each sign-in has a verifier of its own, of the fewest characters that there may be.
async fn open(server: &Harness, code: &str, sign_in: &str, browser: bool) -> Result<pb::IssueTokenResponse, Status> {
    show(server, code, &format!("{sign_in:->43}"), browser).await
}

async fn show(server: &Harness, code: &str, verifier: &str, browser: bool) -> Result<pb::IssueTokenResponse, Status> {
    let code = pb::CodeCredential { issuer: "corporate".to_owned(), code: code.to_owned(), code_verifier: verifier.to_owned() };
    let credential = Some(pb::issue_token_request::Credential::Code(code));
    Ok(server.identity.clone().issue_token(pb::IssueTokenRequest { credential, browser }).await?.into_inner())
}

async fn is_known(server: &Harness, secret: &str) -> bool {
    match who(server, secret).await {
        Ok(me) => me.principal == ANN,
        Err(refused) if is_unauthenticated(&refused) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whom_only_the_issuer_knows_has_the_role_that_it_gives_on_every_server() {
    let all = Installation::new().await;
    vouch(&all, "a code", Some(Role::Creator));
    let issued = open(&all.server, "a code", "one", true).await.unwrap();
    assert_eq!((issued.principal.as_str(), issued.access_token.as_str(), issued.refresh_token.as_str()), (ANN, "", ""));
    let elsewhere = another(&all.known).await;
    let me = who(&elsewhere, &issued.session_secret).await.unwrap();
    assert_eq!((me.role(), me.credential(), me.issuer.as_str()), (pb::Role::Creator, pb::CredentialKind::Session, ISSUER));
    assert_eq!(me.session, issued.session);
    all.known.clock.advance(SECOND * 3_599);
    assert!(is_known(&elsewhere, &issued.session_secret).await, "it lasts as any browser's");
    let end = pb::RevokeRequest { name: issued.session, ..Default::default() };
    all.server.identity.clone().revoke(shown(&issued.session_secret, end)).await.unwrap();
    for server in [&all.server, &elsewhere] {
        assert!(!is_known(server, &issued.session_secret).await);
    }
    vouch(&all, "a late code", Some(Role::Creator));
    let issued = open(&all.server, "a late code", "two", true).await.unwrap();
    all.known.clock.advance(SECOND * 3_600);
    assert!(!is_known(&all.server, &issued.session_secret).await);
}

#[tokio::test]
async fn whom_the_store_knows_has_their_own_role_and_a_session_as_with_a_password() {
    let all = Installation::new().await;
    let ann = all.user("acme", "ann", pb::Role::User).await;
    all.known.clock.advance(SECOND);
    vouch(&all, "a code", Some(Role::Admin));
    let issued = open(&all.server, "a code", "one", true).await.unwrap();
    let me = who(&all.server, &issued.session_secret).await.unwrap();
    assert_eq!((me.role(), me.issuer.as_str()), (pb::Role::User, ""), "what the store says counts");
    all.revoke(&all.root, ANN).await.unwrap();
    assert!(!is_known(&all.server, &issued.session_secret).await);

    all.known.clock.advance(SECOND);
    let current = all.server.identity.clone().get_user(shown(&all.root, pb::GetUserRequest { name: ann.name })).await.unwrap().into_inner();
    let disabled = pb::User { state: pb::PrincipalState::Disabled.into(), ..current };
    all.update(&all.root, disabled, &["state"], "").await.unwrap();
    all.known.clock.advance(SECOND);
    vouch(&all, "another code", Some(Role::Admin));
    let refused = open(&all.server, "another code", "two", true).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "SIGN_IN_OF_NOBODY"));
}

#[tokio::test]
async fn sessions_end_with_the_trust_in_the_issuer_that_they_were_begun_at() {
    let all = Installation::new().await;
    vouch(&all, "a code", Some(Role::Admin));
    let unknown = open(&all.server, "a code", "one", true).await.unwrap();
    all.known.tokens.drop_issuer("https://other.example");
    assert!(is_known(&all.server, &unknown.session_secret).await);
    all.known.tokens.drop_issuer(ISSUER);
    assert!(!is_known(&all.server, &unknown.session_secret).await);

    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::Admin).await;
    all.known.clock.advance(SECOND);
    vouch(&all, "a code", None);
    let known = open(&all.server, "a code", "one", true).await.unwrap();
    let by_password = sign_in(&all.server, ANN, PASSWORD).await.unwrap();
    assert!(is_known(&all.server, &known.session_secret).await);
    all.known.tokens.drop_issuer(ISSUER);
    assert!(!is_known(&all.server, &known.session_secret).await, "who could name anybody may have named her");
    assert!(is_known(&all.server, &by_password.access_token).await);
}

#[tokio::test]
async fn an_issuers_word_ends_once_the_store_knows_them_and_gives_back_nothing_that_was_taken() {
    let all = Installation::new().await;
    vouch(&all, "a code", Some(Role::Creator));
    let issued = open(&all.server, "a code", "one", true).await.unwrap();
    assert!(is_known(&all.server, &issued.session_secret).await);
    all.known.clock.advance(SECOND);
    all.user("acme", "ann", pb::Role::Admin).await;
    assert!(!is_known(&all.server, &issued.session_secret).await, "the user of that name is somebody whom an administrator has made");
    all.known.clock.advance(SECOND);
    let delete = pb::DeleteUserRequest { name: ANN.to_owned(), ..Default::default() };
    all.server.identity.clone().delete_user(shown(&all.root, delete)).await.unwrap();
    assert!(!is_known(&all.server, &issued.session_secret).await);
    let refused = open(&all.server, "a code", "two", true).await.unwrap_err();
    assert_eq!(reason(&refused), "SIGN_IN_OF_NOBODY", "what was issued before the deletion is void");
    all.known.clock.advance(SECOND);
    vouch(&all, "a later code", Some(Role::Creator));
    assert!(open(&all.server, "a later code", "three", true).await.is_ok());
    vouch(&all, "a code without a role", None);
    let refused = open(&all.server, "a code without a role", "four", true).await.unwrap_err();
    assert_eq!(reason(&refused), "SIGN_IN_OF_NOBODY");
}

#[tokio::test]
async fn only_codes_that_the_issuer_refuses_count_as_attempts() {
    let all = Installation::new().await;
    all.user("acme", "bob", pb::Role::User).await;
    vouch(&all, "a code of nobody", None);
    // The address has 20 attempts that cost no wait.
    for number in 0..21 {
        let refused = open(&all.server, "a code of nobody", &number.to_string(), true).await.unwrap_err();
        assert_eq!(reason(&refused), "SIGN_IN_OF_NOBODY");
    }
    sign_in(&all.server, "tenants/acme/users/bob", PASSWORD).await.expect("people of the same address sign in");
    for number in 0..20 {
        let refused = open(&all.server, "a guess", &number.to_string(), true).await.unwrap_err();
        assert_eq!(reason(&refused), "SIGN_IN_REFUSED");
    }
    let refused = open(&all.server, "a guess", "one more", true).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS"));
}

#[tokio::test]
async fn a_sign_in_begins_one_session_and_only_for_a_browser_and_stands_in_the_log() {
    let all = Installation::new().await;
    vouch(&all, "a code", Some(Role::Creator));
    let refused = open(&all.server, "a code", "one", false).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    for (code, verifier, field) in [
        ("", "v".repeat(43), "code.code"),
        ("a code", "v".repeat(42), "code.code_verifier"),
        ("a code", "v".repeat(129), "code.code_verifier"),
    ] {
        let refused = show(&all.server, code, &verifier, true).await.unwrap_err();
        assert_eq!(violations(&refused), pairs(&[(field, "OUT_OF_RANGE")]));
    }
    let issued = open(&all.server, "a code", "one", true).await.unwrap();
    // The fake issuer takes a code as often as it is shown.
    for server in [&all.server, &another(&all.known).await] {
        let used = open(server, "a code", "one", true).await.unwrap_err();
        assert_eq!((used.code(), reason(&used).as_str()), (Code::Unauthenticated, "SIGN_IN_UNKNOWN"));
    }
    assert!(is_known(&all.server, &issued.session_secret).await, "the first one goes on");
    let unknown = open(&all.server, "nobody's code", "two", true).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::Unauthenticated, "SIGN_IN_REFUSED"));

    let record = recorded(&all, &issued.session).await;
    let actor = record.actor.principal.as_ref().map(|principal| principal.as_str());
    assert_eq!((record.action.as_str(), record.outcome, actor), ("token.issue", Outcome::Allowed, Some(ANN)));
}

#[tokio::test]
async fn the_log_and_an_export_say_at_which_issuer_a_session_was_begun_also_of_whom_the_store_knows() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    all.known.clock.advance(SECOND);
    vouch(&all, "a code", Some(Role::Admin));
    let outside = open(&all.server, "a code", "one", true).await.unwrap();
    let named = FieldChange::named("issuer", None, Some(ISSUER)).unwrap();
    assert_eq!(named.field, format!("issuer={ISSUER}"));
    assert_eq!(recorded(&all, &outside.session).await.changes, [named]);
    let by_password = sign_in(&all.server, ANN, PASSWORD).await.unwrap();
    assert!(recorded(&all, &by_password.session).await.changes.is_empty());

    let sessions = export(&all, ANN).await.unwrap().into_iter().filter_map(|part| match part {
        pb::export_subject_response::Part::Session(session) => Some((session.name, session.issuer)),
        _ => None,
    });
    let expected = BTreeSet::from([(outside.session, ISSUER.to_owned()), (by_password.session, String::new())]);
    assert_eq!(sessions.collect::<BTreeSet<_>>(), expected);
}

/// The record of the call that has begun this session, which is the only one about it.
async fn recorded(all: &Installation, session: &str) -> Entry {
    all.server.spawner.settle().await;
    let page = PageRequest { size: 1_000, after: None };
    let found = all.server.execution_store.list(&sample::scope("acme"), &AuditQuery::default(), &page).await.unwrap();
    let found = found.open_for_system().unwrap().items.into_iter().map(|record| record.entry);
    let [entry] = found.filter(|entry| entry.resource == session).collect::<Vec<_>>().try_into().unwrap();
    entry
}
