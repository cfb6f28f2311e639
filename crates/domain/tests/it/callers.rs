//! Who calls, found out from what is shown, and whether that still holds while a call lasts.

use std::sync::Arc;
use std::time::Duration;

use domain::access::{Authenticator as _, Caller, ClientCertificate, CredentialKind, LoopbackAuthenticator, Presented};
use domain::identity::{
    ApiKeyDraft, Asked, Authentication, AuthenticationPorts, CertificateNames, Issuer, Role, Secret, UserPatch, VerifiedToken, actions,
};
use domain::name::CredentialName;
use domain::tenant::TenantState;
use domain::time::Timestamp;
use domain::{Error, Result};
use test_support::{FakeSecrets, sample};

use crate::installation::{ADA, CLEO, Installed, ROOT, SESSION_LIFE, TOKEN_LIFE, principal, reason};

const ACCOUNT: &str = "tenants/acme/serviceAccounts/ci";
const OUTSIDE: &str = "tenants/acme/users/outside";
const HOUR: Duration = Duration::from_secs(3_600);

/// A certificate of [`ACCOUNT`] that was issued then, for an hour.
fn certificate(issued: Timestamp) -> ClientCertificate {
    ClientCertificate { uris: vec![format!("zona://{ACCOUNT}")], issued, expires: issued.plus(HOUR) }
}

async fn by_certificate(installed: &Installed, certificate: &ClientCertificate) -> Result<Caller> {
    installed.authentication.authenticate(Presented { certificate: Some(certificate), ..Presented::default() }).await
}

/// Lets an outside issuer vouch for somebody by this token from now on.
fn vouch(installed: &Installed, text: &str, name: &str, role: Option<Role>) {
    let issued = installed.now();
    let token = VerifiedToken {
        issuer: Issuer::External(Arc::from("https://issuer.example")),
        principal: principal(name),
        session: None,
        role,
        issued,
        expires: issued.plus(HOUR),
        id: text.to_owned(),
    };
    installed.tokens.trust(text, token);
}

async fn as_of_now(installed: &Installed, caller: &Caller) -> Result<Option<Role>> {
    Ok(installed.authentication.as_of_now(caller).await?.and_then(|caller| caller.role))
}

#[tokio::test]
async fn what_is_no_credential_proves_nobody() {
    let installed = Installed::new().await;
    let access = installed.sign_in(CLEO).await.unwrap().access;
    let long = format!("Bearer {}", "x".repeat(17_000));
    let token = access.expose();
    let wrong = ["", "Bearer", "Bearer ", token, &format!("Basic {token}"), "Bearer zona_key_", "Bearer zona_key_nobody_x", &long];
    for shown in wrong {
        let presented = Presented { authorization: Some(shown), ..Presented::default() };
        let refused = installed.authentication.authenticate(presented).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{shown:.40}: {refused:?}");
    }
    let shown = format!("bEARER {token}");
    let presented = Presented { authorization: Some(&shown), ..Presented::default() };
    assert_eq!(installed.authentication.authenticate(presented).await.unwrap().principal, principal(CLEO), "letters of any case");
    let nothing = installed.authentication.authenticate(Presented::default()).await;
    assert!(matches!(nothing, Err(Error::Unauthenticated)), "{nothing:?}");
}

#[tokio::test]
async fn who_shows_nothing_is_left_to_the_rules_of_the_loopback_interface_where_there_are_some() {
    let installed = Installed::new().await;
    let ports = AuthenticationPorts {
        principals: installed.store.clone(),
        api_keys: installed.store.clone(),
        sessions: installed.store.clone(),
        secrets: Arc::new(FakeSecrets::default()),
        verifier: installed.tokens.clone(),
        tenants: installed.kept_tenants.clone(),
        clock: installed.clock.clone(),
    };
    let local = Arc::new(LoopbackAuthenticator::new(sample::user("local")));
    let authentication = Authentication::new(ports, CertificateNames::default(), Some(local));
    let from = |peer: [u8; 4]| Presented { peer: Some(peer.into()), ..Presented::default() };
    let near = authentication.authenticate(from([127, 0, 0, 1])).await.unwrap();
    assert!(near.local());
    assert_eq!(authentication.as_of_now(&near).await.unwrap(), Some(near));
    let far = authentication.authenticate(from([192, 0, 2, 1])).await.unwrap();
    assert_eq!((far.local(), far.role), (false, None));
    let page = authentication.authenticate(Presented { of_web: true, ..from([127, 0, 0, 1]) }).await.unwrap();
    assert_eq!((page.local(), page.role), (false, None), "any page comes from here");
    assert_eq!(page.address, Some([127, 0, 0, 1].into()), "it counts in the limits of its address all the same");
    let wrong = authentication.authenticate(Presented { authorization: Some("Bearer x"), ..from([127, 0, 0, 1]) }).await;
    assert!(matches!(wrong, Err(Error::Unauthenticated)), "what is shown decides: {wrong:?}");
}

#[tokio::test]
async fn a_certificate_proves_the_account_that_it_names_while_it_lasts() {
    let installed = Installed::new().await;
    let early = certificate(installed.now());
    assert!(matches!(by_certificate(&installed, &early).await, Err(Error::Unauthenticated)), "there is no such account yet");
    installed.make_account(ACCOUNT, Role::Creator).await;
    let caller = by_certificate(&installed, &early).await.unwrap();
    assert_eq!((caller.principal.as_str(), caller.role), (ACCOUNT, Some(Role::Creator)));
    assert_eq!(caller.credential().map(|shown| shown.kind), Some(CredentialKind::Certificate));
    let later = certificate(installed.now().plus(HOUR));
    assert!(matches!(by_certificate(&installed, &later).await, Err(Error::Unauthenticated)), "it does not count yet");
    installed.clock.advance(HOUR);
    assert!(matches!(by_certificate(&installed, &early).await, Err(Error::Unauthenticated)), "it has ended");
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), None);
    by_certificate(&installed, &later).await.unwrap();
    let nobody = ClientCertificate { uris: Vec::new(), ..later };
    assert!(matches!(by_certificate(&installed, &nobody).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn what_an_account_made_void_its_certificates_of_before_are_and_so_are_those_of_a_deleted_one_of_its_name() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::Creator).await;
    let first = certificate(installed.now());
    by_certificate(&installed, &first).await.unwrap();
    installed.clock.advance(Duration::from_secs(1));
    let permit = installed.by::<actions::Revoke>(ADA, CredentialName::Principal(principal(ACCOUNT))).await.unwrap();
    installed.identities.revoke(&permit, Asked::default()).await.unwrap();
    assert!(by_certificate(&installed, &first).await.is_err());
    installed.clock.advance(Duration::from_secs(1));
    let second = certificate(installed.now());
    by_certificate(&installed, &second).await.unwrap();
    let permit = installed.by::<actions::DeleteServiceAccount>(ADA, principal(ACCOUNT)).await.unwrap();
    installed.identities.delete_service_account(&permit, Asked::default()).await.unwrap();
    installed.make_account(ACCOUNT, Role::Creator).await;
    assert!(by_certificate(&installed, &second).await.is_err(), "it was another account's");
    installed.clock.advance(Duration::from_secs(1));
    by_certificate(&installed, &certificate(installed.now())).await.unwrap();
}

#[tokio::test]
async fn an_outside_issuer_gives_roles_to_whom_the_store_does_not_know_and_to_nobody_else() {
    let installed = Installed::new().await;
    vouch(&installed, "claimed", OUTSIDE, Some(Role::Creator));
    vouch(&installed, "no-role", OUTSIDE, None);
    vouch(&installed, "ruler", OUTSIDE, Some(Role::SuperAdmin));
    vouch(&installed, "known", CLEO, Some(Role::Admin));
    let role = async |token: &str| installed.shows(token).await.map(|caller| caller.role);
    assert_eq!(role("claimed").await.unwrap(), Some(Role::Creator));
    assert!(matches!(role("no-role").await, Err(Error::Unauthenticated)));
    assert!(matches!(role("ruler").await, Err(Error::Unauthenticated)), "super administrators are of the tenant `system`");
    assert_eq!(role("known").await.unwrap(), Some(Role::Creator), "what the store says counts");
    vouch(&installed, "erased", "tenants/acme/users/erased-0123456789abcdef0123", Some(Role::User));
    assert!(role("erased").await.is_err());
}

#[tokio::test]
async fn a_token_of_an_outside_issuer_from_before_a_deletion_gives_nothing_back() {
    let installed = Installed::new().await;
    vouch(&installed, "before", CLEO, Some(Role::Admin));
    let caller = installed.shows("before").await.unwrap();
    installed.clock.advance(Duration::from_secs(2));
    let permit = installed.by::<actions::DeleteUser>(ADA, principal(CLEO)).await.unwrap();
    installed.identities.delete_user(&permit, Asked::default()).await.unwrap();
    assert!(!installed.accepts("before").await);
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), None);
    installed.clock.advance(Duration::from_secs(2));
    vouch(&installed, "after", CLEO, Some(Role::User));
    let caller = installed.shows("after").await.unwrap();
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), Some(Role::User));
}

#[tokio::test]
async fn a_call_that_lasts_goes_on_with_the_role_of_now_until_what_it_rests_on_is_taken_away() {
    let installed = Installed::new().await;
    let issued = installed.sign_in(CLEO).await.unwrap();
    let caller = installed.shows(issued.access.expose()).await.unwrap();
    let permit = installed.by::<actions::UpdateUser>(ADA, principal(CLEO)).await.unwrap();
    let lower = UserPatch { role: Some(Role::User), ..UserPatch::default() };
    installed.identities.update_user(&permit, lower, Asked::default()).await.unwrap();
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), Some(Role::User));
    installed.clock.advance(TOKEN_LIFE);
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), Some(Role::User), "the end of its token ends no call");
    installed.kept_tenants.turn("acme", TenantState::Suspended);
    assert_eq!(reason(as_of_now(&installed, &caller).await), "TENANT_SUSPENDED");
    installed.kept_tenants.turn("acme", TenantState::Active);
    installed.clock.advance(SESSION_LIFE);
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), None, "the end of the session does");
}

#[tokio::test]
async fn a_call_by_an_api_key_lasts_as_long_as_the_key() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::Creator).await;
    let permit = installed.by::<actions::CreateApiKey>(ROOT, principal(ACCOUNT)).await.unwrap();
    let (key, secret) = installed.identities.create_api_key(&permit, ApiKeyDraft::default(), Asked::default()).await.unwrap();
    let caller = installed.shows(secret.as_ref().map(Secret::expose).expect("a new key is shown")).await.unwrap();
    assert_eq!(caller.credential().and_then(|shown| shown.key.clone()), Some(key.id.clone()));
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), Some(Role::Creator));
    let permit = installed.by::<actions::RevokeApiKey>(ADA, key.name()).await.unwrap();
    installed.identities.revoke_api_key(&permit, Asked::default()).await.unwrap();
    assert_eq!(as_of_now(&installed, &caller).await.unwrap(), None);
}

#[tokio::test]
async fn what_somebody_left_to_the_server_is_not_in_the_right_of_who_was_made_later_under_that_name() {
    let installed = Installed::new().await;
    installed.make_account(ACCOUNT, Role::Creator).await;
    let left = installed.now();
    let absent = installed.authentication.in_absence(&principal(ACCOUNT), left).await.unwrap().expect("it is known");
    assert_eq!((absent.role, as_of_now(&installed, &absent).await.unwrap()), (Some(Role::Creator), Some(Role::Creator)));
    installed.clock.advance(HOUR);
    assert_eq!(as_of_now(&installed, &absent).await.unwrap(), Some(Role::Creator), "it does not age");
    let permit = installed.by::<actions::DeleteServiceAccount>(ADA, principal(ACCOUNT)).await.unwrap();
    installed.identities.delete_service_account(&permit, Asked::default()).await.unwrap();
    assert_eq!(installed.authentication.in_absence(&principal(ACCOUNT), left).await.unwrap(), None);
    installed.make_account(ACCOUNT, Role::Admin).await;
    assert_eq!(installed.authentication.in_absence(&principal(ACCOUNT), left).await.unwrap(), None);
    assert_eq!(as_of_now(&installed, &absent).await.unwrap(), None);
    let later = installed.authentication.in_absence(&principal(ACCOUNT), installed.now()).await.unwrap();
    assert_eq!(later.and_then(|caller| caller.role), Some(Role::Admin), "what it leaves itself");
}
