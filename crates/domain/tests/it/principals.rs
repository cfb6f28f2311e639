//! Users, service accounts and API keys: who makes, changes and ends them.

use std::time::Duration;

use domain::identity::{
    ApiKey, ApiKeyDraft, Asked, MAX_LIVE_KEYS, Principal, PrincipalDraft, PrincipalState, Role, Secret, UserPatch, actions,
};
use domain::name::{CredentialName, PrincipalName};
use domain::page::PageRequest;
use domain::request::RequestKey;
use domain::revision::Etag;
use domain::{Error, Result};

use crate::installation::{ADA, BEA, CLEO, Installed, PASSWORD, ROOT, UMA, asked, principal, reason, tenant, violations};

const ACCOUNT: &str = "tenants/acme/serviceAccounts/ci";

async fn create(installed: &Installed, who: &str, name: Option<PrincipalName>, draft: PrincipalDraft, asked: Asked) -> Result<Principal> {
    let permit = installed.by::<actions::CreateUser>(who, tenant("acme")).await?;
    installed.identities.create_user(&permit, name, draft, asked).await
}

async fn update(installed: &Installed, who: &str, user: &str, patch: UserPatch) -> Result<Principal> {
    let permit = installed.by::<actions::UpdateUser>(who, principal(user)).await?;
    installed.identities.update_user(&permit, patch, Asked::default()).await
}

async fn delete(installed: &Installed, who: &str, user: &str, asked: Asked) -> Result<Principal> {
    let permit = installed.by::<actions::DeleteUser>(who, principal(user)).await?;
    installed.identities.delete_user(&permit, asked).await
}

async fn new_key(installed: &Installed, draft: ApiKeyDraft, asked: Asked) -> Result<(ApiKey, Option<Secret>)> {
    let permit = installed.by::<actions::CreateApiKey>(ADA, principal(ACCOUNT)).await?;
    installed.identities.create_api_key(&permit, draft, asked).await
}

fn new_password(current: Option<&str>, new: &str) -> UserPatch {
    UserPatch { password: Some(Secret::new(new)), current_password: current.map(Secret::new), ..UserPatch::default() }
}

#[tokio::test]
async fn a_creation_reports_everything_that_is_wrong_and_stores_nothing() {
    let installed = Installed::new().await;
    let draft = PrincipalDraft {
        display_name: "a\nb".to_owned(),
        role: Some(Role::SuperAdmin),
        password: Some(Secret::new("short")),
        ..PrincipalDraft::default()
    };
    let found = violations(create(&installed, ADA, Some(principal("tenants/acme/users/new")), draft, Asked::default()).await);
    let expected = [("user.display_name", "MALFORMED"), ("user.role", "ONLY_IN_SYSTEM"), ("user.password", "TOO_SHORT")];
    assert_eq!(found, expected.map(|(field, reason)| (field.to_owned(), reason)));
    let permit = installed.by::<actions::GetUser>(ADA, principal("tenants/acme/users/new")).await.unwrap();
    assert_eq!(reason(installed.identities.get_user(&permit).await), "NOT_FOUND");
}

#[tokio::test]
async fn users_are_made_by_administrators_once_for_each_name() {
    let installed = Installed::new().await;
    let made = || (Some(principal("tenants/acme/users/new")), PrincipalDraft::default());
    let (name, draft) = made();
    assert_eq!(reason(create(&installed, CLEO, name, draft, Asked::default()).await), "PERMISSION_DENIED");
    let (name, draft) = made();
    let user = create(&installed, ADA, name, draft, Asked::default()).await.unwrap();
    assert_eq!((user.role, user.state, user.password), (Role::User, PrincipalState::Active, None));
    let (name, draft) = made();
    assert_eq!(reason(create(&installed, ADA, name, draft, Asked::default()).await), "ALREADY_EXISTS");
}

#[tokio::test]
async fn a_request_that_comes_twice_makes_one_user_and_another_body_under_its_id_is_refused() {
    let installed = Installed::new().await;
    let name = || Some(principal("tenants/acme/users/new"));
    let first = create(&installed, ADA, name(), PrincipalDraft::default(), asked("one")).await.unwrap();
    let again = create(&installed, ADA, name(), PrincipalDraft::default(), asked("one")).await.unwrap();
    assert_eq!(again, first);
    let request = asked("one").request.map(|request| RequestKey { body: domain::hash::Hash::from_bytes([9; 32]), ..request });
    let other = create(&installed, ADA, name(), PrincipalDraft::default(), Asked { request, ..Asked::default() }).await;
    assert!(other.is_err(), "{other:?}");
    assert_ne!(reason(other), "ALREADY_EXISTS");
}

#[tokio::test]
async fn users_change_their_own_name_and_with_the_present_password_their_password() {
    let installed = Installed::new().await;
    let named = UserPatch { display_name: Some("Uma".to_owned()), ..UserPatch::default() };
    assert_eq!(update(&installed, UMA, UMA, named).await.unwrap().display_name, "Uma");
    let session = installed.sign_in(UMA).await.unwrap();
    let next = "another horse battery";
    let missing = update(&installed, UMA, UMA, new_password(None, next)).await;
    assert_eq!(violations(missing), [("current_password".to_owned(), "MISSING")]);
    let wrong = update(&installed, UMA, UMA, new_password(Some("a wrong horse battery"), next)).await;
    assert_eq!(violations(wrong), [("current_password".to_owned(), "WRONG")]);
    assert!(installed.accepts(session.access.expose()).await);
    update(&installed, UMA, UMA, new_password(Some(PASSWORD), next)).await.unwrap();
    assert!(!installed.accepts(session.access.expose()).await, "what was issued before is void");
    installed.sign_in_with(UMA, next).await.unwrap();
    assert!(matches!(installed.sign_in(UMA).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn administrators_set_passwords_of_those_below_them_without_knowing_the_present_one() {
    let installed = Installed::new().await;
    update(&installed, ADA, UMA, new_password(None, "another horse battery")).await.unwrap();
    installed.sign_in_with(UMA, "another horse battery").await.unwrap();
    assert_eq!(reason(update(&installed, BEA, UMA, new_password(None, "another horse battery")).await), "PERMISSION_DENIED");
}

#[tokio::test]
async fn nobody_gives_a_role_above_their_own_or_takes_one_that_is_not_theirs_to_give() {
    let installed = Installed::new().await;
    let role = |role| UserPatch { role: Some(role), ..UserPatch::default() };
    assert_eq!(reason(update(&installed, UMA, UMA, role(Role::Admin)).await), "PERMISSION_DENIED");
    assert_eq!(update(&installed, ADA, UMA, role(Role::Creator)).await.unwrap().role, Role::Creator);
    assert_eq!(violations(update(&installed, ADA, UMA, role(Role::SuperAdmin)).await), [("user.role".to_owned(), "ONLY_IN_SYSTEM")]);
    let in_system = "tenants/system/users/helper";
    installed.make(in_system, Role::Admin).await;
    let above = update(&installed, in_system, in_system, role(Role::SuperAdmin)).await;
    assert_eq!(violations(above), [("user.role".to_owned(), "ABOVE_OWN_ROLE")]);
    let ruler = update(&installed, in_system, ROOT, role(Role::User)).await;
    assert_eq!(reason(ruler), "NOT_FOUND", "an administrator of that tenant counts as a creator");
}

#[tokio::test]
async fn a_disabled_user_is_refused_at_once_and_let_in_again_with_a_new_session_only() {
    let installed = Installed::new().await;
    let session = installed.sign_in(CLEO).await.unwrap();
    let state = |state| UserPatch { state: Some(state), ..UserPatch::default() };
    assert_eq!(reason(update(&installed, UMA, UMA, state(PrincipalState::Disabled)).await), "PERMISSION_DENIED");
    update(&installed, ADA, CLEO, state(PrincipalState::Disabled)).await.unwrap();
    assert!(!installed.accepts(session.access.expose()).await);
    update(&installed, ADA, CLEO, state(PrincipalState::Active)).await.unwrap();
    assert!(!installed.accepts(session.access.expose()).await);
    installed.sign_in(CLEO).await.unwrap();
}

#[tokio::test]
async fn who_saw_an_older_user_changes_and_deletes_nothing() {
    let installed = Installed::new().await;
    let old = Etag::new("\"0\"");
    let permit = installed.by::<actions::UpdateUser>(ADA, principal(UMA)).await.unwrap();
    let stale = Asked { etag: old.clone(), ..Asked::default() };
    assert_eq!(reason(installed.identities.update_user(&permit, UserPatch::default(), stale.clone()).await), "ETAG_MISMATCH");
    assert_eq!(reason(delete(&installed, ADA, UMA, stale).await), "ETAG_MISMATCH");
    installed.sign_in(UMA).await.unwrap();
}

#[tokio::test]
async fn the_last_super_administrator_stays_one() {
    let installed = Installed::new().await;
    let lower = || UserPatch { role: Some(Role::Admin), ..UserPatch::default() };
    assert_eq!(reason(update(&installed, ROOT, ROOT, lower()).await), "LAST_SUPER_ADMIN");
    assert_eq!(reason(delete(&installed, ROOT, ROOT, Asked::default()).await), "LAST_SUPER_ADMIN");
    let second = "tenants/system/users/second";
    installed.make(second, Role::SuperAdmin).await;
    update(&installed, ROOT, ROOT, lower()).await.unwrap();
    assert_eq!(reason(delete(&installed, second, second, Asked::default()).await), "LAST_SUPER_ADMIN");
}

#[tokio::test]
async fn a_deleted_user_is_gone_with_its_sessions_and_a_repetition_is_told_so_too() {
    let installed = Installed::new().await;
    let session = installed.sign_in(UMA).await.unwrap();
    let first = delete(&installed, ADA, UMA, asked("gone")).await.unwrap();
    assert_eq!(first.name, principal(UMA));
    assert!(!installed.accepts(session.access.expose()).await);
    assert!(matches!(installed.sign_in(UMA).await, Err(Error::Unauthenticated)));
    let again = delete(&installed, ADA, UMA, asked("gone")).await.unwrap();
    assert_eq!(again.name, first.name);
    assert_eq!(reason(delete(&installed, ADA, UMA, Asked::default()).await), "NOT_FOUND");
}

#[tokio::test]
async fn whoever_calls_reads_what_is_known_of_them_and_a_stranger_reads_nothing() {
    let installed = Installed::new().await;
    let permit = installed.by::<actions::GetCaller>(UMA, principal(UMA)).await.unwrap();
    assert_eq!(installed.identities.get_caller(&permit).await.unwrap().map(|known| known.role), Some(Role::User));
    delete(&installed, ADA, UMA, Asked::default()).await.unwrap();
    assert_eq!(installed.identities.get_caller(&permit).await.unwrap(), None);
}

#[tokio::test]
async fn service_accounts_are_listed_and_deleted_with_their_keys() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::Creator).await;
    let (_, secret) = new_key(&installed, ApiKeyDraft::default(), Asked::default()).await.unwrap();
    let secret = secret.expect("a new key is shown");
    let caller = installed.shows(secret.expose()).await.unwrap();
    assert_eq!((caller.principal.as_str(), caller.role), (ACCOUNT, Some(Role::Creator)));
    let listing = installed.by::<actions::ListServiceAccounts>(ADA, tenant("acme")).await.unwrap();
    let page = PageRequest { size: 10, after: None };
    let names = async || {
        let found = installed.identities.list_service_accounts(&listing, &page).await.unwrap().items;
        found.into_iter().map(|account| account.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names().await, [ACCOUNT]);
    let permit = installed.by::<actions::DeleteServiceAccount>(ADA, principal(ACCOUNT)).await.unwrap();
    installed.identities.delete_service_account(&permit, Asked::default()).await.unwrap();
    assert!(names().await.is_empty());
    assert!(!installed.accepts(secret.expose()).await);
}

#[tokio::test]
async fn a_key_is_shown_once_and_a_repetition_of_its_request_answers_the_key_alone() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::User).await;
    let (key, secret) = new_key(&installed, ApiKeyDraft::default(), asked("key")).await.unwrap();
    assert!(secret.is_some());
    let (again, secret) = new_key(&installed, ApiKeyDraft::default(), asked("key")).await.unwrap();
    assert_eq!((again.id, secret.is_none()), (key.id, true));
}

#[tokio::test]
async fn a_key_that_ends_says_when_and_what_is_wrong_with_it_is_told_at_once() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::User).await;
    let past = ApiKeyDraft { description: "x".repeat(201), expires: Some(installed.now()) };
    let expected = [("api_key.description".to_owned(), "TOO_LONG"), ("api_key.expire_time".to_owned(), "OUT_OF_RANGE")];
    assert_eq!(violations(new_key(&installed, past, Asked::default()).await), expected);
    let hour = Duration::from_secs(3_600);
    let draft = ApiKeyDraft { expires: Some(installed.now().plus(hour)), ..ApiKeyDraft::default() };
    let (_, secret) = new_key(&installed, draft, Asked::default()).await.unwrap();
    let secret = secret.expect("a new key is shown");
    assert!(installed.accepts(secret.expose()).await);
    installed.clock.advance(hour);
    assert!(!installed.accepts(secret.expose()).await);
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_keys_that_live_and_each_that_ends_makes_room() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::User).await;
    let mut last = None;
    for _ in 0..MAX_LIVE_KEYS {
        last = Some(new_key(&installed, ApiKeyDraft::default(), Asked::default()).await.unwrap().0);
    }
    assert_eq!(reason(new_key(&installed, ApiKeyDraft::default(), Asked::default()).await), "TOO_MANY_API_KEYS");
    let last = last.expect("some were made");
    let permit = installed.by::<actions::RevokeApiKey>(ADA, last.name()).await.unwrap();
    let revoked = installed.identities.revoke_api_key(&permit, asked("revoke")).await.unwrap();
    assert_eq!(revoked.revoked, Some(installed.now()));
    installed.clock.advance(Duration::from_secs(1));
    assert_eq!(installed.identities.revoke_api_key(&permit, asked("revoke")).await.unwrap().revoked, revoked.revoked);
    // By its name as a credential, too; it is void already.
    let permit = installed.by::<actions::Revoke>(ADA, CredentialName::ApiKey(last.name())).await.unwrap();
    installed.identities.revoke(&permit, Asked::default()).await.unwrap();
    new_key(&installed, ApiKeyDraft::default(), Asked::default()).await.unwrap();
}

#[tokio::test]
async fn keys_of_an_account_are_listed_for_its_administrators_with_when_they_were_used() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::User).await;
    let (used, secret) = new_key(&installed, ApiKeyDraft::default(), Asked::default()).await.unwrap();
    let (unused, _) = new_key(&installed, ApiKeyDraft::default(), Asked::default()).await.unwrap();
    installed.clock.advance(Duration::from_secs(60));
    installed.shows(secret.expect("a new key is shown").expose()).await.unwrap();
    let permit = installed.by::<actions::ListApiKeys>(ADA, principal(ACCOUNT)).await.unwrap();
    let found = installed.identities.list_api_keys(&permit, &PageRequest { size: 10, after: None }).await.unwrap().items;
    let mut uses: Vec<_> = found.into_iter().map(|key| (key.id, key.last_used)).collect();
    uses.sort();
    let mut expected = vec![(used.id, Some(installed.now())), (unused.id, None)];
    expected.sort();
    assert_eq!(uses, expected);
    let foreign = installed.by::<actions::ListApiKeys>(BEA, principal(ACCOUNT)).await;
    assert_eq!(reason(foreign.map(drop)), "PERMISSION_DENIED");
}
