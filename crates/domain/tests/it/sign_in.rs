//! Signing in: what begins a session, what goes on with one, and what ends it.

use std::time::Duration;

use domain::access::CredentialKind;
use domain::audit::Notes;
use domain::identity::{
    ApiKeyDraft, Asked, AuthorizationCode, BootstrapDraft, BrowserSession, Issued, Issuer, Proof, Role, Secret, UserPatch, VerifiedToken,
    actions,
};
use domain::name::CredentialName;
use domain::time::Clock as _;
use domain::{Error, Result};

use crate::installation::{
    ADA, BROWSER_LIFE, CLEO, Installed, PASSWORD, ROOT, SESSION_LIFE, TOKEN_LIFE, UMA, principal, reason, tenant, violations,
};

fn draft(code: &str, name: Option<&str>, password: &str) -> BootstrapDraft {
    BootstrapDraft {
        code: Secret::new(code),
        name: name.map(principal),
        password: Secret::new(password),
        display_name: "Root".to_owned(),
        violations: Vec::new(),
    }
}

async fn go_on(installed: &Installed, token: &Secret) -> Result<Issued> {
    installed.identities.refresh(token, None, &Notes::default()).await
}

async fn key_of(installed: &Installed, account: &str) -> (domain::identity::ApiKey, Secret) {
    let permit = installed.by::<actions::CreateApiKey>(ROOT, principal(account)).await.unwrap();
    let (key, secret) = installed.identities.create_api_key(&permit, ApiKeyDraft::default(), Asked::default()).await.unwrap();
    (key, secret.expect("a new key is shown"))
}

#[tokio::test]
async fn the_first_super_administrator_is_made_once_by_the_newest_code() {
    let (installed, notes) = (Installed::empty(), Notes::default());
    let identities = &installed.identities;
    let old = identities.offer_bootstrap().await.unwrap().expect("nobody rules yet");
    let code = identities.offer_bootstrap().await.unwrap().expect("nobody rules yet");
    let weak = identities.bootstrap(draft(code.expose(), Some(ROOT), "short"), None, &notes).await;
    assert_eq!(violations(weak), [("password".to_owned(), "TOO_SHORT")]);
    let outdated = identities.bootstrap(draft(old.expose(), Some(ROOT), PASSWORD), None, &notes).await;
    assert!(matches!(outdated, Err(Error::Unauthenticated)), "{outdated:?}");
    let made = identities.bootstrap(draft(code.expose(), Some(ROOT), PASSWORD), None, &notes).await.unwrap();
    assert_eq!((made.name, made.role, made.display_name.as_str()), (principal(ROOT), Role::SuperAdmin, "Root"));
    installed.sign_in(ROOT).await.unwrap();
    let again = identities.bootstrap(draft(code.expose(), Some(ADA), PASSWORD), None, &notes).await;
    assert!(matches!(again, Err(Error::Unauthenticated)), "{again:?}");
    assert!(identities.offer_bootstrap().await.unwrap().is_none(), "somebody rules");
}

#[tokio::test]
async fn of_two_who_finish_one_sign_in_at_once_one_has_a_session() {
    let installed = Installed::new().await;
    installed.clock.advance(Duration::from_secs(1));
    let issued = installed.clock.now();
    let token = VerifiedToken {
        issuer: Issuer::External("https://id.example".into()),
        principal: principal(CLEO),
        session: None,
        role: None,
        issued,
        expires: issued.plus(TOKEN_LIFE),
        id: String::new(),
    };
    installed.tokens.trust("a code", token);
    installed.tokens.meet(2);
    let open = async || {
        let code = AuthorizationCode { issuer: "corporate".to_owned(), code: Secret::new("a code"), verifier: Secret::new("a verifier") };
        installed.identities.open_outside(code, None, &Notes::default()).await
    };
    let (won, lost) = match tokio::join!(open(), open()) {
        (Ok(won), lost) => (won, lost),
        (lost, won) => (won.unwrap(), lost),
    };
    assert_eq!(lost.unwrap_err().reason(), "SIGN_IN_UNKNOWN");
    assert!(installed.accepts(won.secret.expose()).await);
}

#[tokio::test]
async fn a_password_begins_a_session_and_its_access_token_says_who_calls_until_it_ends() {
    let installed = Installed::new().await;
    let issued = installed.sign_in(CLEO).await.unwrap();
    assert_eq!(issued.expires_in, TOKEN_LIFE);
    let caller = installed.shows(issued.access.expose()).await.unwrap();
    assert_eq!((caller.principal.as_str(), caller.role), (CLEO, Some(Role::Creator)));
    assert_eq!(caller.credential().and_then(|shown| shown.session.clone()), Some(issued.session.id.clone()));
    installed.clock.advance(TOKEN_LIFE);
    assert!(!installed.accepts(issued.access.expose()).await);
}

#[tokio::test]
async fn a_wrong_password_an_unknown_user_and_a_disabled_one_get_one_answer_after_one_check() {
    let installed = Installed::new().await;
    let permit = installed.by::<actions::UpdateUser>(ADA, principal(UMA)).await.unwrap();
    let disabled = UserPatch { state: Some(domain::identity::PrincipalState::Disabled), ..UserPatch::default() };
    installed.identities.update_user(&permit, disabled, Asked::default()).await.unwrap();
    for (user, password) in [(CLEO, "another horse battery"), ("tenants/acme/users/nobody", PASSWORD), (UMA, PASSWORD)] {
        let before = installed.hasher.checks();
        let refused = installed.sign_in_with(user, password).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{user}: {refused:?}");
        assert_eq!(installed.hasher.checks() - before, 1, "{user}");
    }
}

#[tokio::test]
async fn too_many_wrong_passwords_make_the_right_one_wait() {
    let installed = Installed::new().await;
    for _ in 0..5 {
        installed.sign_in_with(CLEO, "another horse battery").await.unwrap_err();
    }
    assert_eq!(reason(installed.sign_in(CLEO).await), "TOO_MANY_ATTEMPTS");
    installed.sign_in(UMA).await.unwrap();
    installed.clock.advance(std::time::Duration::from_secs(1));
    installed.sign_in(CLEO).await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_right_under_old_parameters_is_hashed_anew() {
    let installed = Installed::new().await;
    let hash = async || {
        let permit = installed.by::<actions::GetUser>(ADA, principal(CLEO)).await.unwrap();
        installed.identities.get_user(&permit).await.unwrap().password.unwrap()
    };
    let before = hash().await;
    installed.sign_in(CLEO).await.unwrap();
    assert_eq!(hash().await, before);
    installed.hasher.raise();
    installed.sign_in(CLEO).await.unwrap();
    let after = hash().await;
    assert_ne!(after, before);
    installed.sign_in(CLEO).await.unwrap();
    assert_eq!(hash().await, after);
}

#[tokio::test]
async fn the_newest_refresh_token_goes_on_and_an_earlier_one_ends_the_session_of_both() {
    let installed = Installed::new().await;
    let first = installed.sign_in(CLEO).await.unwrap();
    let second = go_on(&installed, &first.refresh).await.unwrap();
    assert_eq!((&second.session.id, second.session.generation), (&first.session.id, 1));
    assert!(installed.accepts(second.access.expose()).await);
    let reused = go_on(&installed, &first.refresh).await;
    assert!(matches!(reused, Err(Error::Unauthenticated)), "{reused:?}");
    let ended = go_on(&installed, &second.refresh).await;
    assert!(matches!(ended, Err(Error::Unauthenticated)), "the thief's or the owner's: {ended:?}");
    assert!(!installed.accepts(second.access.expose()).await);
}

#[tokio::test]
async fn what_was_never_a_refresh_token_of_the_session_ends_nothing() {
    let installed = Installed::new().await;
    let issued = installed.sign_in(CLEO).await.unwrap();
    let id = &issued.session.id;
    let stranger = "x".repeat(86);
    let guessed = format!("zona_refresh_{id}_{stranger}");
    let wrong = ["", "zona_refresh_", "zona_refresh_nobody", &format!("zona_refresh_{id}_short"), &guessed, issued.access.expose()];
    for text in wrong {
        let refused = go_on(&installed, &Secret::new(text)).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{text}: {refused:?}");
    }
    go_on(&installed, &issued.refresh).await.unwrap();
}

#[tokio::test]
async fn a_session_ends_in_its_time_however_often_it_is_refreshed_and_no_token_outlives_it() {
    let installed = Installed::new().await;
    let mut issued = installed.sign_in(CLEO).await.unwrap();
    installed.clock.advance(SESSION_LIFE - TOKEN_LIFE / 2);
    issued = go_on(&installed, &issued.refresh).await.unwrap();
    assert_eq!(issued.expires_in, TOKEN_LIFE / 2);
    installed.clock.advance(TOKEN_LIFE / 2);
    assert!(matches!(go_on(&installed, &issued.refresh).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn who_is_of_a_suspended_tenant_is_told_so_once_it_has_proven_that_and_goes_on_later() {
    let installed = Installed::new().await;
    let issued = installed.sign_in(CLEO).await.unwrap();
    installed.kept_tenants.turn("acme", domain::tenant::TenantState::Suspended);
    assert_eq!(reason(installed.sign_in(CLEO).await), "TENANT_SUSPENDED");
    assert_eq!(reason(installed.sign_in_with(CLEO, "another horse battery").await), "UNAUTHENTICATED");
    assert_eq!(reason(go_on(&installed, &issued.refresh).await), "TENANT_SUSPENDED");
    installed.kept_tenants.turn("acme", domain::tenant::TenantState::Active);
    go_on(&installed, &issued.refresh).await.unwrap();
}

#[tokio::test]
async fn an_api_key_begins_a_session_that_ends_with_the_key() {
    let installed = Installed::new().await;
    let account = "tenants/acme/serviceAccounts/ci";
    installed.make_account(account, Role::Creator).await;
    let (key, secret) = key_of(&installed, account).await;
    let proof = || Proof::ApiKey(Secret::new(secret.expose()));
    let issued = installed.identities.issue(proof(), None, &Notes::default()).await.unwrap();
    assert_eq!((issued.session.principal.as_str(), issued.session.key.as_ref()), (account, Some(&key.id)));
    assert!(installed.accepts(issued.access.expose()).await);
    let permit = installed.by::<actions::RevokeApiKey>(ADA, key.name()).await.unwrap();
    installed.identities.revoke_api_key(&permit, Asked::default()).await.unwrap();
    assert!(!installed.accepts(issued.access.expose()).await);
    assert!(!installed.accepts(secret.expose()).await);
    assert!(matches!(go_on(&installed, &issued.refresh).await, Err(Error::Unauthenticated)));
    assert!(matches!(installed.identities.issue(proof(), None, &Notes::default()).await, Err(Error::Unauthenticated)));
}

async fn open_browser(installed: &Installed, user: &str) -> BrowserSession {
    let proof = Proof::Password { user: principal(user), password: Secret::new(PASSWORD) };
    installed.identities.open_browser(proof, None, &Notes::default()).await.unwrap()
}

#[tokio::test]
async fn the_secret_of_a_browser_proves_its_session_until_that_ends() {
    let installed = Installed::new().await;
    let BrowserSession { secret, session } = open_browser(&installed, CLEO).await;
    for _tab in 0..3 {
        let caller = installed.shows(secret.expose()).await.unwrap();
        assert_eq!((caller.principal.as_str(), caller.role), (CLEO, Some(Role::Creator)));
        let shown = caller.credential().unwrap();
        assert_eq!(
            (shown.kind, shown.session.as_ref(), shown.expires),
            (CredentialKind::Session, Some(&session.id), Some(session.expires))
        );
    }
    installed.clock.advance(BROWSER_LIFE - std::time::Duration::from_millis(1));
    assert!(installed.accepts(secret.expose()).await);
    installed.clock.advance(std::time::Duration::from_millis(1));
    assert!(!installed.accepts(secret.expose()).await);
}

#[tokio::test]
async fn a_browser_is_signed_out_at_once_by_whatever_takes_its_session_away() {
    let installed = Installed::new().await;
    let (one, other) = (open_browser(&installed, CLEO).await, open_browser(&installed, CLEO).await);
    let shown = |opened: &BrowserSession| opened.secret.expose().to_owned();
    assert!(installed.accepts(&shown(&one)).await);
    let target = CredentialName::Session(one.session.name());
    let permit = installed.by::<actions::Revoke>(CLEO, target).await.unwrap();
    installed.identities.revoke(&permit, Asked::default()).await.unwrap();
    assert!(!installed.accepts(&shown(&one)).await);
    assert!(installed.accepts(&shown(&other)).await);
    let permit = installed.by::<actions::Revoke>(CLEO, CredentialName::Principal(principal(CLEO))).await.unwrap();
    installed.identities.revoke(&permit, Asked::default()).await.unwrap();
    assert!(!installed.accepts(&shown(&other)).await);
}

#[tokio::test]
async fn what_goes_on_with_one_kind_of_session_is_nothing_for_the_other() {
    let installed = Installed::new().await;
    let (browser, issued) = (open_browser(&installed, CLEO).await, installed.sign_in(CLEO).await.unwrap());
    assert!(matches!(go_on(&installed, &browser.secret).await, Err(Error::Unauthenticated)));
    let (_, own) = browser.secret.expose().rsplit_once('_').unwrap();
    let as_refresh = Secret::new(format!("zona_refresh_{}_{own}", browser.session.id));
    assert!(matches!(go_on(&installed, &as_refresh).await, Err(Error::Unauthenticated)));
    let (_, refresh) = issued.refresh.expose().rsplit_once('_').unwrap();
    for text in [
        issued.refresh.expose().to_owned(),
        format!("zona_session_{}_{refresh}", issued.session.id),
        format!("zona_session_{}_{own}x", browser.session.id),
        format!("zona_session_{}_{own}", issued.session.id),
        format!("zona_session_{}_", browser.session.id),
        "zona_session_".to_owned(),
    ] {
        assert!(!installed.accepts(&text).await, "{text}");
    }
    assert!(installed.accepts(browser.secret.expose()).await, "what was tried in vain ends nothing");
    go_on(&installed, &issued.refresh).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_not_one_or_has_another_secret_begins_nothing() {
    let installed = Installed::new().await;
    let account = "tenants/acme/serviceAccounts/ci";
    installed.make_account(account, Role::Creator).await;
    let (_, secret) = key_of(&installed, account).await;
    let mut other = secret.expose().to_owned();
    other.pop();
    other.push('x');
    for text in ["", "zona_key_", "zona_key_kkkkkkkkkkkkkkzz_x", &other] {
        let refused = installed.identities.issue(Proof::ApiKey(Secret::new(text)), None, &Notes::default()).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{text}: {refused:?}");
    }
}

#[tokio::test]
async fn a_session_is_made_void_by_its_owner_and_by_whoever_rules_over_them_and_by_nobody_else() {
    let installed = Installed::new().await;
    let revoke = async |who: &str, session: &domain::identity::Session| {
        let target = CredentialName::Session(session.name());
        let permit = installed.by::<actions::Revoke>(who, target).await?;
        installed.identities.revoke(&permit, Asked::default()).await
    };
    let own = installed.sign_in(CLEO).await.unwrap();
    assert_eq!(reason(revoke(UMA, &own.session).await), "NOT_FOUND");
    assert!(installed.accepts(own.access.expose()).await);
    revoke(CLEO, &own.session).await.unwrap();
    assert!(!installed.accepts(own.access.expose()).await);
    revoke(CLEO, &own.session).await.unwrap();
    let other = installed.sign_in(CLEO).await.unwrap();
    revoke(ADA, &other.session).await.unwrap();
    assert!(!installed.accepts(other.access.expose()).await);
}

#[tokio::test]
async fn everything_that_was_issued_to_somebody_is_made_void_at_once_and_what_comes_after_is_not() {
    let installed = Installed::new().await;
    let before = installed.sign_in(CLEO).await.unwrap();
    let permit = installed.by::<actions::Revoke>(ADA, CredentialName::Principal(principal(CLEO))).await.unwrap();
    installed.identities.revoke(&permit, Asked::default()).await.unwrap();
    assert!(!installed.accepts(before.access.expose()).await);
    assert!(matches!(go_on(&installed, &before.refresh).await, Err(Error::Unauthenticated)));
    let after = installed.sign_in(CLEO).await.unwrap();
    assert!(installed.accepts(after.access.expose()).await);
    let above = installed.by::<actions::Revoke>(ADA, CredentialName::Principal(principal(ROOT))).await;
    assert_eq!(reason(above.map(drop)), "PERMISSION_DENIED");
}

#[tokio::test]
async fn keys_are_published_and_a_list_of_users_is_that_of_one_tenant() {
    let installed = Installed::new().await;
    assert_eq!(installed.identities.key_set(), "{\"keys\":[]}");
    let listed = async |who: &str, code: &str| {
        let permit = installed.by::<actions::ListUsers>(who, tenant(code)).await?;
        let page = domain::page::PageRequest { size: 10, after: None };
        let found = installed.identities.list_users(&permit, &page).await?;
        Ok::<_, Error>(found.items.into_iter().map(|user| user.name.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(listed(ADA, "acme").await.unwrap(), [ADA, CLEO, UMA]);
    assert_eq!(listed(UMA, "acme").await.unwrap(), [UMA], "others are none of a user's business");
    assert_eq!(reason(listed(ADA, "beta").await), "PERMISSION_DENIED");
    assert_eq!(listed(ROOT, "beta").await.unwrap(), [crate::installation::BEA]);
}
