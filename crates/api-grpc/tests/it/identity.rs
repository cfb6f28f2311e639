//! Identity through a real client: signing in, being let out, and who may make whom.

use std::sync::Arc;
use std::time::Duration;

use api_proto::zona::identity::v1 as pb;
use async_trait::async_trait;
use domain::Result;
use domain::access::{ActionSpec, Caller, Operation, Reach, Rules, Target};
use domain::identity::Role;
use prost_types::FieldMask;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::harness::{Harness, Known, Options, details, pairs, reason, violations};

pub const PASSWORD: &str = "correct horse battery";
pub const ROOT: &str = "tenants/system/users/root";

/// What roles may do, as far as these tests need it.
pub struct RoleRules;

#[async_trait]
impl Rules for RoleRules {
    async fn decide(&self, caller: &Caller, action: ActionSpec, target: Target<'_>) -> Result<Option<Reach>> {
        let is_own_tenant = target.tenant() == Some(caller.principal.tenant());
        Ok(match (caller.role, action.operation) {
            (Some(Role::SuperAdmin), _) => Some(Reach::Tenant),
            (Some(Role::Admin), _) if is_own_tenant => Some(Reach::Tenant),
            (Some(Role::User | Role::Creator), Operation::Administer | Operation::Delete) => None,
            (Some(Role::User | Role::Creator), _) if is_own_tenant => Some(Reach::Own),
            _ => None,
        })
    }
}

/// Servers on one store, and the first super administrator.
pub struct Installation {
    pub known: Arc<Known>,
    pub server: Harness,
    pub root: String,
}

impl Installation {
    pub async fn new() -> Self {
        let known = Arc::new(Known::new());
        let server = another(&known).await;
        Self::on(known, server).await
    }

    /// On a server that is there.
    pub async fn on(known: Arc<Known>, server: Harness) -> Self {
        let code = server.identities.offer_bootstrap().await.unwrap().expect("nobody rules yet");
        bootstrap(&server, code.expose()).await.unwrap();
        let root = sign_in(&server, ROOT, PASSWORD).await.unwrap().access_token;
        Installation { known, server, root }
    }

    pub async fn user(&self, tenant: &str, id: &str, role: pb::Role) -> pb::User {
        self.create_user(&self.root, tenant, id, role).await.unwrap()
    }

    pub async fn create_user(&self, token: &str, tenant: &str, id: &str, role: pb::Role) -> Result<pb::User, Status> {
        let user = pb::User { role: role.into(), password: PASSWORD.to_owned(), ..Default::default() };
        let parent = format!("tenants/{tenant}");
        let request = pb::CreateUserRequest { parent, user_id: id.to_owned(), user: Some(user), ..Default::default() };
        Ok(self.server.identity.clone().create_user(shown(token, request)).await?.into_inner())
    }

    pub async fn account(&self, tenant: &str, id: &str, role: pb::Role) -> pb::ServiceAccount {
        let service_account = Some(pb::ServiceAccount { role: role.into(), ..Default::default() });
        let (parent, service_account_id) = (format!("tenants/{tenant}"), id.to_owned());
        let request = pb::CreateServiceAccountRequest { parent, service_account_id, service_account, ..Default::default() };
        self.server.identity.clone().create_service_account(shown(&self.root, request)).await.unwrap().into_inner()
    }

    pub async fn key(&self, account: &str) -> pb::CreateApiKeyResponse {
        let request = pb::CreateApiKeyRequest { parent: account.to_owned(), ..Default::default() };
        self.server.identity.clone().create_api_key(shown(&self.root, request)).await.unwrap().into_inner()
    }

    pub async fn update(&self, token: &str, user: pb::User, paths: &[&str], current: &str) -> Result<pb::User, Status> {
        let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        let request = pb::UpdateUserRequest { user: Some(user), update_mask, current_password: current.to_owned(), ..Default::default() };
        Ok(self.server.identity.clone().update_user(shown(token, request)).await?.into_inner())
    }

    pub async fn revoke(&self, token: &str, name: &str) -> Result<(), Status> {
        let request = pb::RevokeRequest { name: name.to_owned(), ..Default::default() };
        self.server.identity.clone().revoke(shown(token, request)).await.map(drop)
    }
}

pub async fn another(known: &Arc<Known>) -> Harness {
    Harness::with(Options { known: Some(known.clone()), rules: Some(Arc::new(RoleRules)), ..Options::default() }).await
}

pub fn shown<T>(credential: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {credential}").parse().unwrap());
    request
}

pub async fn sign_in(server: &Harness, user: &str, password: &str) -> Result<pb::IssueTokenResponse, Status> {
    let credential = pb::PasswordCredential { user: user.to_owned(), password: password.to_owned() };
    let request = pb::IssueTokenRequest { credential: Some(pb::issue_token_request::Credential::Password(credential)), browser: false };
    Ok(server.identity.clone().issue_token(request).await?.into_inner())
}

pub async fn refresh(server: &Harness, token: &str) -> Result<pb::RefreshTokenResponse, Status> {
    let request = pb::RefreshTokenRequest { refresh_token: token.to_owned() };
    Ok(server.identity.clone().refresh_token(request).await?.into_inner())
}

pub async fn bootstrap(server: &Harness, code: &str) -> Result<pb::User, Status> {
    let (code, user_id, password) = (code.to_owned(), "root".to_owned(), PASSWORD.to_owned());
    let request = pb::BootstrapRequest { code, user_id, password, display_name: "Root".to_owned() };
    Ok(server.identity.clone().bootstrap(request).await?.into_inner())
}

pub async fn who(server: &Harness, credential: &str) -> Result<pb::WhoAmIResponse, Status> {
    Ok(server.identity.clone().who_am_i(shown(credential, pb::WhoAmIRequest {})).await?.into_inner())
}

pub fn is_unauthenticated(status: &Status) -> bool {
    (status.code(), reason(status)) == (Code::Unauthenticated, "UNAUTHENTICATED".to_owned())
}

#[tokio::test]
async fn the_first_super_administrator_is_made_once_by_the_newest_code() {
    let known = Arc::new(Known::new());
    let server = another(&known).await;
    let old = server.identities.offer_bootstrap().await.unwrap().expect("nobody rules yet");
    let new = server.identities.offer_bootstrap().await.unwrap().expect("nobody rules yet");
    assert!(is_unauthenticated(&bootstrap(&server, old.expose()).await.unwrap_err()));
    let weak = pb::BootstrapRequest { code: new.expose().to_owned(), user_id: "R".to_owned(), ..Default::default() };
    let refused = server.identity.clone().bootstrap(weak).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("user_id", "MALFORMED"), ("password", "TOO_SHORT")]));
    let root = bootstrap(&server, new.expose()).await.unwrap();
    assert_eq!((root.name.as_str(), root.role(), root.has_password, root.password.as_str()), (ROOT, pb::Role::SuperAdmin, true, ""));
    assert!(is_unauthenticated(&bootstrap(&server, new.expose()).await.unwrap_err()));
    assert!(server.identities.offer_bootstrap().await.unwrap().is_none());
}

#[tokio::test]
async fn a_browser_gets_one_secret_that_every_server_knows_and_no_tokens() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::Creator).await;
    let password = pb::PasswordCredential { user: "tenants/acme/users/ann".to_owned(), password: PASSWORD.to_owned() };
    let request = pb::IssueTokenRequest { credential: Some(pb::issue_token_request::Credential::Password(password)), browser: true };
    let issued = all.server.identity.clone().issue_token(request).await.unwrap().into_inner();
    assert_eq!((issued.access_token.as_str(), issued.refresh_token.as_str()), ("", ""));
    assert_eq!(issued.expires_in.map(|life| life.seconds), Some(3_600));
    let elsewhere = another(&all.known).await;
    let me = who(&elsewhere, &issued.session_secret).await.unwrap();
    assert_eq!((me.principal.as_str(), me.credential()), ("tenants/acme/users/ann", pb::CredentialKind::Session));
    assert_eq!((me.session, me.expire_time), (issued.session.clone(), issued.session_expire_time));
    assert!(is_unauthenticated(&refresh(&all.server, &issued.session_secret).await.unwrap_err()));
    let end = pb::RevokeRequest { name: issued.session, ..Default::default() };
    all.server.identity.clone().revoke(shown(&issued.session_secret, end)).await.unwrap();
    for server in [&all.server, &elsewhere] {
        assert!(is_unauthenticated(&who(server, &issued.session_secret).await.unwrap_err()));
    }
}

#[tokio::test]
async fn a_user_who_signs_in_is_known_by_the_access_token() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::Creator).await;
    let issued = sign_in(&all.server, "tenants/acme/users/ann", PASSWORD).await.unwrap();
    assert_eq!(issued.principal, "tenants/acme/users/ann");
    assert_eq!(issued.expires_in.map(|life| life.seconds), Some(900));
    let me = who(&all.server, &issued.access_token).await.unwrap();
    assert_eq!(
        (me.principal.as_str(), me.role(), me.credential()),
        ("tenants/acme/users/ann", pb::Role::Creator, pb::CredentialKind::AccessToken)
    );
    assert_eq!(me.session, issued.session);
    let keys = all.server.identity.clone().get_key_set(pb::GetKeySetRequest {}).await.unwrap().into_inner();
    assert!(keys.jwks_json.contains("\"keys\""));
    all.known.clock.advance(Duration::from_secs(901));
    assert!(is_unauthenticated(&who(&all.server, &issued.access_token).await.unwrap_err()), "it has ended");
}

#[tokio::test]
async fn whoever_shows_nothing_or_nonsense_is_unauthenticated_with_one_answer() {
    let all = Installation::new().await;
    let nothing = all.server.identity.clone().who_am_i(pb::WhoAmIRequest {}).await.unwrap_err();
    for credential in ["", "nonsense", "zona_key_", "zona_key_abcdefghij234567_wrong", "zona_refresh_x", &"x".repeat(8_000)] {
        let refused = who(&all.server, credential).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (nothing.code(), nothing.message()), "{credential}");
        assert_eq!(refused.details(), nothing.details(), "{credential}");
    }
    let mut basic = Request::new(pb::WhoAmIRequest {});
    basic.metadata_mut().insert("authorization", format!("Basic {}", all.root).parse().unwrap());
    assert!(is_unauthenticated(&all.server.identity.clone().who_am_i(basic).await.unwrap_err()));
    let mut lower = Request::new(pb::WhoAmIRequest {});
    lower.metadata_mut().insert("authorization", format!("bearer {}", all.root).parse().unwrap());
    all.server.identity.clone().who_am_i(lower).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_an_unknown_user_and_a_disabled_one_get_the_same_answer_after_the_same_work() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    let off = all.user("acme", "off", pb::Role::User).await;
    let off = pb::User { state: pb::PrincipalState::Disabled.into(), ..off };
    all.update(&all.root, off, &["state"], "").await.unwrap();
    let mut answers = Vec::new();
    for (user, password) in [("ann", "wrong horse battery"), ("nobody", PASSWORD), ("off", PASSWORD)] {
        let before = all.known.hasher.checks();
        let refused = sign_in(&all.server, &format!("tenants/acme/users/{user}"), password).await.unwrap_err();
        assert_eq!(all.known.hasher.checks(), before + 1, "{user}");
        answers.push((refused.code(), refused.message().to_owned(), refused.details().to_vec()));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0] && answer.0 == Code::Unauthenticated), "{answers:?}");
}

#[tokio::test]
async fn attempts_are_bounded_and_the_right_password_waits_too() {
    let all = Installation::new().await;
    all.user("acme", "ann", pb::Role::User).await;
    for user in ["tenants/acme/users/ann", "tenants/acme/users/nobody"] {
        for _ in 0..5 {
            assert_eq!(sign_in(&all.server, user, "wrong horse battery").await.unwrap_err().code(), Code::Unauthenticated);
        }
        let refused = sign_in(&all.server, user, PASSWORD).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS".to_owned()), "{user}");
        let delay = details(&refused).retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(delay, Some(Duration::from_secs(1)), "{user}");
    }
    all.known.clock.advance(Duration::from_secs(1));
    sign_in(&all.server, "tenants/acme/users/ann", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn what_is_revoked_on_one_server_is_refused_by_the_next_call_on_every_other_of_the_store() {
    let all = Installation::new().await;
    let second = another(&all.known).await;
    let ann = all.user("acme", "ann", pb::Role::User).await;
    let ci = all.account("acme", "ci", pb::Role::Creator).await;
    for what in ["session", "user", "disabled", "password", "deleted", "key", "account", "key of the account that is deleted"] {
        let signed = sign_in(&all.server, &ann.name, PASSWORD).await;
        let key = all.key(&ci.name).await;
        let name = key.api_key.clone().unwrap().name;
        let credential = match what {
            "key" | "account" | "key of the account that is deleted" => key.secret.clone(),
            _ => signed.as_ref().unwrap().access_token.clone(),
        };
        // Both have it in memory.
        who(&all.server, &credential).await.unwrap();
        who(&second, &credential).await.unwrap();
        let user = || pb::User { name: ann.name.clone(), ..Default::default() };
        match what {
            "session" => all.revoke(&credential, &signed.unwrap().session).await.unwrap(),
            "user" => all.revoke(&all.root, &ann.name).await.unwrap(),
            "disabled" => {
                let disabled = pb::User { state: pb::PrincipalState::Disabled.into(), ..user() };
                all.update(&all.root, disabled, &["state"], "").await.unwrap();
            }
            "password" => {
                let changed = pb::User { password: PASSWORD.to_owned(), ..user() };
                all.update(&all.root, changed, &["password"], "").await.unwrap();
            }
            "deleted" => {
                let request = pb::DeleteUserRequest { name: ann.name.clone(), ..Default::default() };
                all.server.identity.clone().delete_user(shown(&all.root, request)).await.unwrap();
            }
            "key" => all.revoke(&all.root, &name).await.unwrap(),
            "account" => all.revoke(&all.root, &ci.name).await.unwrap(),
            _ => {
                let request = pb::DeleteServiceAccountRequest { name: ci.name.clone(), ..Default::default() };
                all.server.identity.clone().delete_service_account(shown(&all.root, request)).await.unwrap();
            }
        }
        for server in [&second, &all.server] {
            assert!(is_unauthenticated(&who(server, &credential).await.unwrap_err()), "{what}");
        }
        match what {
            "disabled" => {
                let active = pb::User { state: pb::PrincipalState::Active.into(), ..user() };
                all.update(&all.root, active, &["state"], "").await.unwrap();
                assert!(is_unauthenticated(&who(&second, &credential).await.unwrap_err()), "what was void stays void");
            }
            "deleted" => {
                all.user("acme", "ann", pb::Role::User).await;
                assert!(is_unauthenticated(&who(&second, &credential).await.unwrap_err()), "the new one is somebody else");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_api_key_is_shown_once_and_signs_its_account_in_until_it_ends() {
    let all = Installation::new().await;
    let ci = all.account("acme", "ci", pb::Role::Creator).await;
    let expire_time = Some(prost_types::Timestamp { seconds: 1_767_225_600 + 600, nanos: 0 });
    let api_key = Some(pb::ApiKey { description: "deploys".to_owned(), expire_time, ..Default::default() });
    let request = pb::CreateApiKeyRequest { parent: ci.name.clone(), api_key, ..Default::default() };
    let made = all.server.identity.clone().create_api_key(shown(&all.root, request)).await.unwrap().into_inner();
    let me = who(&all.server, &made.secret).await.unwrap();
    assert_eq!((me.principal.as_str(), me.credential()), (ci.name.as_str(), pb::CredentialKind::ApiKey));
    assert_eq!(me.api_key, made.api_key.clone().unwrap().name);
    let credential = Some(pb::issue_token_request::Credential::ApiKey(made.secret.clone()));
    let issued = all.server.identity.clone().issue_token(pb::IssueTokenRequest { credential, browser: false }).await.unwrap().into_inner();
    assert_eq!(who(&all.server, &issued.access_token).await.unwrap().api_key, me.api_key);
    let list = pb::ListApiKeysRequest { parent: ci.name.clone(), ..Default::default() };
    let listed = all.server.identity.clone().list_api_keys(shown(&all.root, list)).await.unwrap().into_inner();
    assert_eq!(listed.api_keys.len(), 1);
    assert!(listed.api_keys[0].last_use_time.is_some(), "its use is noted");
    assert!(!format!("{listed:?}").contains(&made.secret));
    all.known.clock.advance(Duration::from_secs(600));
    assert!(is_unauthenticated(&who(&all.server, &made.secret).await.unwrap_err()), "it has ended");
    assert!(is_unauthenticated(&who(&all.server, &issued.access_token).await.unwrap_err()), "and so has what it began");
}

#[tokio::test]
async fn nobody_gives_a_role_above_their_own_and_super_administrators_belong_to_the_system() {
    let all = Installation::new().await;
    all.user("acme", "boss", pb::Role::Admin).await;
    all.user("system", "clerk", pb::Role::Admin).await;
    let boss = sign_in(&all.server, "tenants/acme/users/boss", PASSWORD).await.unwrap().access_token;
    let clerk = sign_in(&all.server, "tenants/system/users/clerk", PASSWORD).await.unwrap().access_token;
    let refused = all.create_user(&all.root, "acme", "two", pb::Role::SuperAdmin).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("user.role", "ONLY_IN_SYSTEM")]));
    let refused = all.create_user(&clerk, "system", "two", pb::Role::SuperAdmin).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("user.role", "ABOVE_OWN_ROLE")]));
    let own = pb::User { name: "tenants/system/users/clerk".to_owned(), role: pb::Role::SuperAdmin.into(), ..Default::default() };
    let refused = all.update(&clerk, own, &["role"], "").await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("user.role", "ABOVE_OWN_ROLE")]));
    // Whoever is above is out of reach.
    let root = pb::User { name: ROOT.to_owned(), password: "another horse battery".to_owned(), ..Default::default() };
    assert_eq!(all.update(&clerk, root, &["password"], "").await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(all.revoke(&clerk, ROOT).await.unwrap_err().code(), Code::PermissionDenied);
    let above = all.account("system", "robot", pb::Role::SuperAdmin).await;
    let key = pb::CreateApiKeyRequest { parent: above.name, ..Default::default() };
    let refused = all.server.identity.clone().create_api_key(shown(&clerk, key)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    all.create_user(&boss, "acme", "ann", pb::Role::Admin).await.unwrap();
    assert_eq!(all.create_user(&boss, "beta", "ann", pb::Role::User).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn the_last_active_super_administrator_stays() {
    let all = Installation::new().await;
    let root = || pb::User { name: ROOT.to_owned(), ..Default::default() };
    let attempts = async || {
        let delete = pb::DeleteUserRequest { name: ROOT.to_owned(), ..Default::default() };
        let deleted = all.server.identity.clone().delete_user(shown(&all.root, delete)).await.map(drop);
        let disabled = pb::User { state: pb::PrincipalState::Disabled.into(), ..root() };
        let demoted = pb::User { role: pb::Role::Admin.into(), ..root() };
        let disabled = all.update(&all.root, disabled, &["state"], "").await.map(drop);
        let demoted = all.update(&all.root, demoted, &["role"], "").await.map(drop);
        [deleted, disabled, demoted]
    };
    for refused in attempts().await {
        let refused = refused.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "LAST_SUPER_ADMIN".to_owned()));
    }
    all.user("system", "two", pb::Role::SuperAdmin).await;
    let demoted = pb::User { role: pb::Role::Admin.into(), ..root() };
    all.update(&all.root, demoted, &["role"], "").await.unwrap();
}

#[tokio::test]
async fn users_change_their_own_name_and_with_the_old_one_their_password_and_nothing_else() {
    let all = Installation::new().await;
    let ann = all.user("acme", "ann", pb::Role::User).await;
    all.user("acme", "bob", pb::Role::User).await;
    let token = sign_in(&all.server, &ann.name, PASSWORD).await.unwrap().access_token;
    let own = || pb::User { name: ann.name.clone(), ..Default::default() };
    let named = pb::User { display_name: "Ann".to_owned(), ..own() };
    assert_eq!(all.update(&token, named, &["display_name"], "").await.unwrap().display_name, "Ann");
    let raised = pb::User { role: pb::Role::Creator.into(), ..own() };
    assert_eq!(all.update(&token, raised, &["role"], "").await.unwrap_err().code(), Code::PermissionDenied);
    let others = pb::User { name: "tenants/acme/users/bob".to_owned(), display_name: "Bob".to_owned(), ..Default::default() };
    assert_eq!(all.update(&token, others, &["display_name"], "").await.unwrap_err().code(), Code::NotFound);
    let changed = || pb::User { password: "another horse battery".to_owned(), ..own() };
    let refused = all.update(&token, changed(), &["password"], "").await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("current_password", "MISSING")]));
    let refused = all.update(&token, changed(), &["password"], "wrong horse battery").await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("current_password", "WRONG")]));
    all.update(&token, changed(), &["password"], PASSWORD).await.unwrap();
    assert!(is_unauthenticated(&who(&all.server, &token).await.unwrap_err()), "sessions end with the password");
    assert!(is_unauthenticated(&sign_in(&all.server, &ann.name, PASSWORD).await.unwrap_err()));
    sign_in(&all.server, &ann.name, "another horse battery").await.unwrap();
    let listed = pb::ListUsersRequest { parent: "tenants/acme".to_owned(), ..Default::default() };
    let token = sign_in(&all.server, "tenants/acme/users/bob", PASSWORD).await.unwrap().access_token;
    let listed = all.server.identity.clone().list_users(shown(&token, listed)).await.unwrap().into_inner();
    assert_eq!(listed.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["tenants/acme/users/bob"]);
}

#[tokio::test]
async fn a_password_that_was_hashed_too_weakly_is_hashed_anew_when_its_user_signs_in() {
    let all = Installation::new().await;
    let ann = all.user("acme", "ann", pb::Role::User).await;
    let before = sign_in(&all.server, &ann.name, PASSWORD).await.unwrap();
    all.known.hasher.raise();
    sign_in(&all.server, &ann.name, PASSWORD).await.unwrap();
    who(&all.server, &before.access_token).await.expect("nothing became void");
    let request = pb::GetUserRequest { name: ann.name.clone() };
    let now = all.server.identity.clone().get_user(shown(&all.root, request)).await.unwrap().into_inner();
    assert_eq!(now.etag, ann.etag);
    let scope = test_support::sample::scope("acme");
    let name = domain::name::PrincipalName::parse("name", &ann.name).unwrap();
    let stored = domain::identity::PrincipalRepository::find(&*all.known.store, &scope, &name).await.unwrap().open_for_system();
    assert!(stored.unwrap().password.unwrap().as_str().starts_with("1:"));
}

#[tokio::test]
async fn every_violation_of_a_request_about_identity_is_reported_at_once() {
    let all = Installation::new().await;
    let user = pb::User { display_name: "x\n".repeat(60), role: 42, state: 42, password: "short".to_owned(), ..Default::default() };
    let (parent, request_id) = ("tenants/acme".to_owned(), "no uuid".to_owned());
    let request = pb::CreateUserRequest { parent: parent.clone(), user_id: "No Id".to_owned(), user: Some(user), request_id };
    let refused = all.server.identity.clone().create_user(shown(&all.root, request)).await.unwrap_err();
    let expected = [
        ("request_id", "MALFORMED"),
        ("user_id", "MALFORMED"),
        ("user.role", "UNKNOWN_VALUE"),
        ("user.state", "UNKNOWN_VALUE"),
        ("user.display_name", "TOO_LONG"),
        ("user.display_name", "MALFORMED"),
        ("user.password", "TOO_SHORT"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
    let ci = all.account("acme", "ci", pb::Role::User).await;
    let api_key = Some(pb::ApiKey {
        description: "x\n".repeat(101),
        expire_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        ..Default::default()
    });
    let request = pb::CreateApiKeyRequest { parent: ci.name, api_key, request_id: "no uuid".to_owned() };
    let refused = all.server.identity.clone().create_api_key(shown(&all.root, request)).await.unwrap_err();
    let expected = [
        ("request_id", "MALFORMED"),
        ("api_key.description", "TOO_LONG"),
        ("api_key.description", "MALFORMED"),
        ("api_key.expire_time", "OUT_OF_RANGE"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
    let refused = all.update(&all.root, pb::User { name: ROOT.to_owned(), ..Default::default() }, &["name"], "").await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("update_mask.paths[0]", "UNKNOWN_PATH")]));
    let refused = all.server.identity.clone().issue_token(pb::IssueTokenRequest::default()).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("credential", "MISSING")]));
    let refused = sign_in(&all.server, "ann", "").await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("password.user", "MALFORMED"), ("password.password", "OUT_OF_RANGE")]));
    assert_eq!(all.create_user(&all.root, "system", "root", pb::Role::User).await.unwrap_err().code(), Code::AlreadyExists);
    let stale = pb::DeleteUserRequest { name: ROOT.to_owned(), etag: "99".to_owned(), ..Default::default() };
    assert_eq!(all.server.identity.clone().delete_user(shown(&all.root, stale)).await.unwrap_err().code(), Code::Aborted);
}

#[tokio::test]
async fn no_refusal_repeats_a_secret_of_its_request() {
    let all = Installation::new().await;
    let canary = "Canary-7f3a";
    let user = pb::User { name: ROOT.to_owned(), password: canary.to_owned(), ..Default::default() };
    let created = pb::User { password: canary.to_owned(), ..Default::default() };
    let create =
        pb::CreateUserRequest { parent: "tenants/acme".to_owned(), user_id: "ann".to_owned(), user: Some(created), ..Default::default() };
    let credential = Some(pb::issue_token_request::Credential::ApiKey(format!("zona_key_abcdefghij234567_{canary}")));
    let refusals = [
        sign_in(&all.server, ROOT, canary).await.unwrap_err(),
        refresh(&all.server, &format!("zona_refresh_00000000-0000-4000-8000-000000000001_{canary}")).await.unwrap_err(),
        bootstrap(&all.server, canary).await.unwrap_err(),
        who(&all.server, canary).await.unwrap_err(),
        all.update(&all.root, user, &["password"], canary).await.unwrap_err(),
        all.server.identity.clone().create_user(shown(&all.root, create.clone())).await.unwrap_err(),
        all.server
            .identity
            .clone()
            .issue_token(pb::IssueTokenRequest { credential: credential.clone(), browser: false })
            .await
            .unwrap_err(),
    ];
    for refused in refusals {
        let whole = format!("{refused:?} {:?}", refused.get_error_details());
        assert!(!whole.contains(canary), "{whole}");
    }
    let messages = format!("{create:?} {:?} {:?}", pb::IssueTokenRequest { credential: credential.clone(), browser: false }, credential);
    assert!(!messages.contains(canary), "{messages}");
}
