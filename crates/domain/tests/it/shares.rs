//! Grants within a tenant and shares across tenants: what opens a utility to whom, and what closes it again.

use std::time::Duration;

use domain::Result;
use domain::access::{Access, Consent, Grant, GrantDraft, Grantee, ShareDraft, Side, actions};
use domain::identity::Role;
use domain::name::UtilityName;
use domain::page::PageRequest;
use domain::request::RequestKey;
use domain::tenant::{ShareOffers, TenantState};
use domain::utility::actions::{DeleteUtility, GetUtility, UpdateUtility};
use domain::utility::{Call, Patch};
use domain::violation::Violation;
use test_support::sample;

use crate::installation::{ADA, BEA, CLEO, Installed, UMA, principal, reason, tenant, violations};

const HOUR: Duration = Duration::from_secs(3_600);

fn to(grantee: Grantee, access: Access) -> GrantDraft {
    GrantDraft { grantee: Some(grantee), access: Some(access), reason: "reports".to_owned(), ..GrantDraft::default() }
}

fn draft_of<T>(named: T) -> ShareDraft<T> {
    ShareDraft { named: Some(named), violations: Vec::new(), request: None }
}

fn request(who: &str, id: &str) -> Option<RequestKey> {
    Some(RequestKey { caller: principal(who), ..sample::request("/zona.Test/Any", id, 1) })
}

fn first_page() -> PageRequest {
    PageRequest { size: 10, after: None }
}

async fn reads(installed: &Installed, who: &str, utility: &UtilityName) -> Result<()> {
    let permit = installed.by::<GetUtility>(who, utility.clone()).await?;
    installed.makers.get(&permit).await.map(drop)
}

async fn grant(installed: &Installed, utility: &UtilityName, draft: GrantDraft, request: Option<RequestKey>) -> Result<Grant> {
    let permit = installed.by::<actions::GrantAccess>(ADA, utility.clone()).await?;
    installed.sharing.grant(&permit, draft, request).await
}

async fn revoke(installed: &Installed, utility: &UtilityName, grantee: Option<Grantee>) -> Result<Grant> {
    let permit = installed.by::<actions::RevokeAccess>(ADA, utility.clone()).await?;
    let violations = if grantee.is_some() { Vec::new() } else { vec![Violation::new("grantee", "MALFORMED", "is nobody")] };
    installed.sharing.revoke(&permit, grantee, violations, None).await
}

async fn offer(installed: &Installed, utility: &UtilityName, draft: GrantDraft, request: Option<RequestKey>) -> Result<Grant> {
    let permit = installed.by::<actions::OfferShare>(ADA, utility.clone()).await?;
    installed.shares.offer(&permit, draft, request).await
}

async fn offer_to_beta(installed: &Installed, utility: &UtilityName) -> Result<Grant> {
    offer(installed, utility, to(Grantee::Tenant(sample::tenant("beta")), Access::Read), None).await
}

async fn accept(installed: &Installed, utility: &UtilityName) -> Result<Grant> {
    let permit = installed.by::<actions::AcceptShare>(BEA, tenant("beta")).await?;
    installed.shares.accept(&permit, draft_of(utility.clone())).await
}

async fn decline(installed: &Installed, utility: &UtilityName) -> Result<Grant> {
    let permit = installed.by::<actions::DeclineShare>(BEA, tenant("beta")).await?;
    installed.shares.decline(&permit, draft_of(utility.clone())).await
}

async fn take_back(installed: &Installed, utility: &UtilityName) -> Result<Grant> {
    let permit = installed.by::<actions::RevokeShare>(ADA, utility.clone()).await?;
    let draft = draft_of(sample::tenant("beta"));
    installed.shares.revoke(&permit, draft).await
}

async fn listed(installed: &Installed, who: &str, code: &str, side: Side) -> Vec<Grant> {
    let permit = installed.by::<actions::ListShares>(who, tenant(code)).await.unwrap();
    installed.shares.list(&permit, side, &first_page()).await.unwrap().items
}

#[tokio::test]
async fn a_grant_opens_what_it_says_to_a_person_a_role_or_everybody_until_it_ends() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    let acme = sample::tenant("acme");
    for grantee in [Grantee::Principal(principal(UMA)), Grantee::Role(acme.clone(), Role::User), Grantee::Tenant(acme.clone())] {
        assert_eq!(reason(reads(&installed, UMA, &utility).await), "NOT_FOUND");
        let granted = grant(&installed, &utility, to(grantee.clone(), Access::Read), None).await.unwrap();
        assert_eq!((&granted.grantee, granted.consent, granted.granted_by), (&grantee, Consent::Unneeded, principal(ADA)));
        reads(&installed, UMA, &utility).await.unwrap();
        let permit = installed.by::<UpdateUtility>(UMA, utility.clone()).await.unwrap();
        let patch = Patch { display_name: Some("Mine".to_owned()), ..Patch::default() };
        assert_eq!(reason(installed.makers.update(&permit, patch, Call::default()).await), "NOT_FOUND", "reading is no changing");
        let permit = installed.by::<actions::ListGrants>(ADA, utility.clone()).await.unwrap();
        assert_eq!(installed.sharing.list(&permit, &first_page()).await.unwrap().items.len(), 1);
        assert_eq!(revoke(&installed, &utility, Some(grantee)).await.unwrap().access, Access::Read);
    }
    let ends = GrantDraft { expires: Some(installed.now().plus(HOUR)), ..to(Grantee::Principal(principal(UMA)), Access::Manage) };
    grant(&installed, &utility, ends, None).await.unwrap();
    let permit = installed.by::<UpdateUtility>(UMA, utility.clone()).await.unwrap();
    let patch = Patch { display_name: Some("Ours".to_owned()), ..Patch::default() };
    assert_eq!(installed.makers.update(&permit, patch, Call::default()).await.unwrap().0.metadata.display_name, "Ours");
    let delete = installed.by::<DeleteUtility>(UMA, utility.clone()).await;
    assert_eq!(reason(delete.map(drop)), "PERMISSION_DENIED", "a role that deletes nothing deletes nothing of others either");
    installed.clock.advance(HOUR);
    assert_eq!(reason(reads(&installed, UMA, &utility).await), "NOT_FOUND");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_grant_is_told_at_once() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    let nobody = Grantee::Principal(principal("tenants/acme/users/nobody"));
    let draft = GrantDraft { reason: "x".repeat(501), expires: Some(installed.now()), ..to(nobody, Access::Read) };
    let expected = [("grantee", "UNKNOWN_GRANTEE"), ("reason", "TOO_LONG"), ("expire_time", "OUT_OF_RANGE")];
    assert_eq!(violations(grant(&installed, &utility, draft, None).await), expected.map(|(field, reason)| (field.to_owned(), reason)));
    let rulers = Grantee::Role(sample::tenant("acme"), Role::SuperAdmin);
    let found = violations(grant(&installed, &utility, to(rulers, Access::Read), None).await);
    assert_eq!(found, [("grantee".to_owned(), "UNKNOWN_GRANTEE")]);
    assert_eq!(violations(revoke(&installed, &utility, None).await), [("grantee".to_owned(), "MALFORMED")]);
    assert_eq!(reason(revoke(&installed, &utility, Some(Grantee::Principal(principal(UMA)))).await), "NOT_FOUND");
    let missing = UtilityName { tenant: sample::tenant("acme"), utility: sample::utility_id("missing") };
    assert_eq!(reason(grant(&installed, &missing, to(Grantee::Principal(principal(UMA)), Access::Read), None).await), "NOT_FOUND");
}

#[tokio::test]
async fn a_grant_that_is_asked_for_twice_is_answered_as_it_was_given() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    let draft = || to(Grantee::Principal(principal(UMA)), Access::Read);
    let first = grant(&installed, &utility, draft(), request(ADA, "grant")).await.unwrap();
    installed.clock.advance(HOUR);
    assert_eq!(grant(&installed, &utility, draft(), request(ADA, "grant")).await.unwrap(), first);
    let other = request(ADA, "grant").map(|request| RequestKey { body: domain::hash::Hash::from_bytes([7; 32]), ..request });
    assert!(grant(&installed, &utility, draft(), other).await.is_err());
}

#[tokio::test]
async fn what_is_offered_gives_nothing_until_it_is_accepted_and_nothing_once_it_is_taken_back() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    assert_eq!(offer_to_beta(&installed, &utility).await.unwrap().consent, Consent::Awaited);
    assert_eq!(reason(reads(&installed, BEA, &utility).await), "PERMISSION_DENIED");
    let accepted = accept(&installed, &utility).await.unwrap();
    assert_eq!(accepted.consent, Consent::Given { by: principal(BEA), time: installed.now() });
    reads(&installed, BEA, &utility).await.unwrap();
    assert_eq!(reason(accept(&installed, &utility).await), "OFFER_ACCEPTED");
    assert_eq!(listed(&installed, ADA, "acme", Side::Given).await, std::slice::from_ref(&accepted));
    assert_eq!(listed(&installed, BEA, "beta", Side::Received).await, std::slice::from_ref(&accepted));
    assert_eq!(take_back(&installed, &utility).await.unwrap(), accepted);
    assert_eq!(reason(reads(&installed, BEA, &utility).await), "PERMISSION_DENIED");
    assert_eq!(reason(take_back(&installed, &utility).await), "NOT_FOUND");
}

#[tokio::test]
async fn the_receiving_side_declines_an_offer_and_gives_back_what_it_has_accepted() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    assert_eq!(reason(decline(&installed, &utility).await), "NOT_FOUND");
    for accepts in [false, true] {
        offer_to_beta(&installed, &utility).await.unwrap();
        if accepts {
            accept(&installed, &utility).await.unwrap();
        }
        decline(&installed, &utility).await.unwrap();
        assert_eq!(reason(reads(&installed, BEA, &utility).await), "PERMISSION_DENIED");
        assert!(listed(&installed, ADA, "acme", Side::Given).await.is_empty());
    }
}

#[tokio::test]
async fn an_offer_in_place_of_what_was_accepted_ends_that() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    offer_to_beta(&installed, &utility).await.unwrap();
    accept(&installed, &utility).await.unwrap();
    offer_to_beta(&installed, &utility).await.unwrap();
    assert_eq!(reason(reads(&installed, BEA, &utility).await), "PERMISSION_DENIED");
    accept(&installed, &utility).await.unwrap();
    reads(&installed, BEA, &utility).await.unwrap();
}

#[tokio::test]
async fn an_offer_that_has_ended_is_not_accepted_and_no_other_tenant_manages() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    let beta = || Grantee::Tenant(sample::tenant("beta"));
    let manage = offer(&installed, &utility, to(beta(), Access::Manage), None).await;
    assert_eq!(violations(manage), [("access".to_owned(), "OUT_OF_RANGE")]);
    let ends = GrantDraft { expires: Some(installed.now().plus(HOUR)), ..to(beta(), Access::Read) };
    let first = offer(&installed, &utility, ends.clone(), request(ADA, "offer")).await.unwrap();
    assert_eq!(offer(&installed, &utility, ends, request(ADA, "offer")).await.unwrap(), first);
    installed.clock.advance(HOUR);
    assert_eq!(reason(accept(&installed, &utility).await), "OFFER_ENDED");
}

#[tokio::test]
async fn a_tenant_that_takes_no_offers_hears_of_none_and_one_that_is_closed_offers_nothing() {
    let installed = Installed::new().await;
    let utility = installed.keep_utility("some", CLEO).await;
    offer_to_beta(&installed, &utility).await.unwrap();
    installed.kept_tenants.settle("beta", |settings| settings.consent.offers = ShareOffers::Refused);
    assert_eq!(reason(accept(&installed, &utility).await), "NOT_FOUND");
    assert!(listed(&installed, BEA, "beta", Side::Received).await.is_empty());
    installed.kept_tenants.settle("beta", |settings| settings.consent.offers = ShareOffers::Taken);
    installed.kept_tenants.turn("acme", TenantState::Suspended);
    assert_eq!(reason(accept(&installed, &utility).await), "NOT_FOUND");
    assert!(listed(&installed, BEA, "beta", Side::Received).await.is_empty());
    installed.kept_tenants.turn("acme", TenantState::Active);
    accept(&installed, &utility).await.unwrap();
    installed.kept_tenants.settle("beta", |settings| settings.consent.offers = ShareOffers::Refused);
    reads(&installed, BEA, &utility).await.unwrap();
    assert_eq!(listed(&installed, BEA, "beta", Side::Received).await.len(), 1, "what it has accepted stays");
}
