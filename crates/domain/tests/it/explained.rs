//! Explanations of decisions: which rule or grant opens something or keeps it closed, as the call itself would find.

use domain::access::{Access, Explanation, GrantDraft, Grantee, actions};
use domain::identity::{Asked, PrincipalState, Role, UserPatch, actions as identity};
use domain::tenant::TenantState;
use domain::{Error, Result};

use crate::installation::{ADA, BEA, CLEO, Installed, ROOT, UMA, principal, reason, violations};

async fn explain(installed: &Installed, asks: &str, about: &str, action: &str, resource: &str) -> Result<Explanation> {
    let permit = installed.by::<actions::ExplainAccess>(asks, principal(about)).await?;
    installed.explanations.explain(&permit, action, resource).await
}

#[tokio::test]
async fn each_decision_is_explained_by_the_rule_that_made_it() {
    let installed = Installed::new().await;
    let own = installed.keep_utility("own", UMA).await.to_string();
    let others = installed.keep_utility("others", CLEO).await.to_string();
    let cases = [
        (UMA, "utility.get", own.as_str(), true, "MATRIX"),
        (UMA, "utility.get", &others, false, "NEITHER_OWNED_NOR_GRANTED"),
        (UMA, "utility.get", "tenants/acme/utilities/missing", false, "NEITHER_OWNED_NOR_GRANTED"),
        (UMA, "utility.delete", &own, false, "MATRIX"),
        (ADA, "utility.get", &others, true, "MATRIX"),
        (UMA, "utility.get", "tenants/beta/utilities/any", false, "OTHER_TENANT"),
        (ADA, "tenant.list", "", false, "SUPER_ADMINS_ONLY"),
        (UMA, "token.issue", "", true, "ANYONE"),
        (UMA, "version.get", &format!("{own}/versions/1"), true, "MATRIX"),
        (UMA, "user.get", UMA, true, "MATRIX"),
        (UMA, "user.get", CLEO, false, "NEITHER_OWNED_NOR_GRANTED"),
        (UMA, "execution.get", "tenants/acme/executions/018f0000-0000-7000-8000-000000000001", false, "NEITHER_OWNED_NOR_GRANTED"),
        (ADA, "webhook.get", "tenants/acme/webhooks/chat", true, "MATRIX"),
        (UMA, "webhook.get", "tenants/acme/webhooks/chat", false, "MATRIX"),
    ];
    for (about, action, resource, allowed, rule) in cases {
        let explained = explain(&installed, ROOT, about, action, resource).await.unwrap();
        assert_eq!((explained.allowed, explained.rule), (allowed, rule), "{about} {action} {resource}: {}", explained.text);
    }
}

#[tokio::test]
async fn a_grant_that_opens_something_is_named_until_it_is_taken_back() {
    let installed = Installed::new().await;
    let others = installed.keep_utility("others", CLEO).await;
    let grantee = Grantee::Role(others.tenant.clone(), Role::User);
    let draft = GrantDraft { grantee: Some(grantee.clone()), access: Some(Access::Read), ..GrantDraft::default() };
    let permit = installed.by::<actions::GrantAccess>(ADA, others.clone()).await.unwrap();
    let granted = installed.sharing.grant(&permit, draft, None).await.unwrap();
    let explained = explain(&installed, ADA, UMA, "utility.get", &others.to_string()).await.unwrap();
    assert_eq!((explained.allowed, explained.rule, explained.grant), (true, "GRANT", Some(granted)));
    let text = format!("{grantee} was granted read of {others}");
    assert_eq!(explained.text, text);
    let permit = installed.by::<actions::RevokeAccess>(ADA, others.clone()).await.unwrap();
    installed.sharing.revoke(&permit, Some(grantee), Vec::new(), None).await.unwrap();
    let explained = explain(&installed, ADA, UMA, "utility.get", &others.to_string()).await.unwrap();
    assert_eq!((explained.allowed, explained.rule), (false, "NEITHER_OWNED_NOR_GRANTED"));
}

#[tokio::test]
async fn who_is_disabled_or_of_a_closed_tenant_is_told_that_first() {
    let installed = Installed::new().await;
    let own = installed.keep_utility("own", UMA).await.to_string();
    let rule = async |about: &str, action: &str, resource: &str| {
        explain(&installed, ROOT, about, action, resource).await.map(|explained| (explained.allowed, explained.rule))
    };
    installed.kept_tenants.turn("acme", TenantState::Suspended);
    assert_eq!(rule(UMA, "utility.get", &own).await.unwrap(), (false, "TENANT_SUSPENDED"));
    assert_eq!(rule(UMA, "token.issue", "").await.unwrap(), (true, "ANYONE"), "signing in finds out for itself");
    assert_eq!(rule(ROOT, "utility.get", &own).await.unwrap(), (true, "MATRIX"), "super administrators read it");
    assert_eq!(rule(ROOT, "utility.update", &own).await.unwrap(), (false, "TENANT_SUSPENDED"));
    assert_eq!(rule(ROOT, "utility.get", "tenants/nowhere/utilities/any").await.unwrap(), (false, "NO_SUCH_TENANT"));
    installed.kept_tenants.turn("acme", TenantState::Active);
    let permit = installed.by::<identity::UpdateUser>(ADA, principal(UMA)).await.unwrap();
    let disabled = UserPatch { state: Some(PrincipalState::Disabled), ..UserPatch::default() };
    installed.identities.update_user(&permit, disabled, Asked::default()).await.unwrap();
    assert_eq!(rule(UMA, "utility.get", &own).await.unwrap(), (false, "DISABLED"));
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused_with_all_that_is_wrong() {
    let installed = Installed::new().await;
    let both = violations(explain(&installed, ADA, UMA, "utility.frobnicate", "acme").await);
    assert_eq!(both, [("action".to_owned(), "UNKNOWN_ACTION"), ("resource".to_owned(), "MALFORMED")]);
    let other_kind = violations(explain(&installed, ADA, UMA, "utility.get", "tenants/acme").await);
    assert_eq!(other_kind, [("resource".to_owned(), "MALFORMED")]);
    assert_eq!(reason(explain(&installed, ADA, "tenants/acme/users/nobody", "utility.get", "").await), "NOT_FOUND");
    let foreign = explain(&installed, BEA, UMA, "utility.get", "").await;
    assert!(matches!(foreign, Err(Error::Denied { .. })), "{foreign:?}");
}
