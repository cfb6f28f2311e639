//! Grants: whom they name, what they give, and until when.

use super::*;
use crate::access::Who;
use crate::error::Error;

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn acme() -> TenantId {
    TenantId::parse("tenant", "acme").unwrap()
}

fn utility(id: &str) -> UtilityName {
    UtilityName::parse("name", &format!("tenants/acme/utilities/{id}")).unwrap()
}

fn ann() -> PrincipalName {
    PrincipalName::parse("principal", "tenants/acme/users/ann").unwrap()
}

fn grant(id: &str, access: Access, expires: Option<Timestamp>) -> Grant {
    let reason = String::new();
    Grant {
        utility: utility(id),
        grantee: Grantee::Tenant(acme()),
        access,
        reason,
        expires,
        granted_by: ann(),
        created: NOW,
        consent: Consent::Unneeded,
    }
}

fn reasons(error: Error) -> Vec<(String, &'static str)> {
    let Error::Invalid(found) = error else { panic!("{error}") };
    found.into_iter().map(|violation| (violation.field, violation.reason)).collect()
}

#[test]
fn a_grantee_survives_its_text() {
    for text in ["tenants/acme", "tenants/acme/roles/creator", "tenants/acme/users/ann", "tenants/acme/serviceAccounts/nightly"] {
        assert_eq!(Grantee::parse("grantee", &acme(), text).unwrap().to_string(), text);
    }
}

#[test]
fn whoever_is_of_another_tenant_or_nobody_is_refused() {
    for text in ["tenants/beta", "tenants/beta/roles/user", "tenants/beta/users/ann"] {
        let refused = reasons(Grantee::parse("grantee", &acme(), text).unwrap_err());
        assert_eq!(refused, [("grantee".to_owned(), "OTHER_TENANT")], "{text}");
    }
    for text in ["", "ann", "tenants/acme/roles/boss", "tenants/acme/roles/", "tenants/acme/users/", "tenants/acme/users/a/b"] {
        let refused = reasons(Grantee::parse("grantee", &acme(), text).unwrap_err());
        assert_eq!(refused, [("grantee".to_owned(), "MALFORMED")], "{text}");
    }
}

#[test]
fn each_access_includes_the_one_before_and_ends_in_time() {
    let held = HeldGrants::of([
        grant("reads", Access::Read, None),
        grant("runs", Access::Execute, None),
        grant("manages", Access::Manage, Some(NOW.plus(std::time::Duration::from_millis(1)))),
    ]);
    let acme = acme();
    let of = |needed, now| held.giving(&acme, needed, now).map(UtilityId::as_str).collect::<Vec<_>>();
    assert_eq!(of(Access::Read, NOW), ["manages", "reads", "runs"]);
    assert_eq!(of(Access::Execute, NOW), ["manages", "runs"]);
    assert_eq!(of(Access::Manage, NOW), ["manages"]);
    let later = NOW.plus(std::time::Duration::from_millis(1));
    assert_eq!(of(Access::Read, later), ["reads", "runs"]);
    assert!(held.give(&utility("manages"), Access::Manage, NOW) && !held.give(&utility("manages"), Access::Read, later));
}

#[test]
fn a_grant_opens_no_column_but_those_of_what_is_there() {
    let action = |resource, operation| ActionSpec { name: "any", operation, resource, who: Who::Own };
    for resource in ["utility", "version"] {
        assert_eq!(Access::needed_for(action(resource, Operation::Read)), Some(Access::Read));
        assert_eq!(Access::needed_for(action(resource, Operation::Execute)), Some(Access::Execute));
        for change in [Operation::Update, Operation::Delete] {
            assert_eq!(Access::needed_for(action(resource, change)), Some(Access::Manage));
        }
        for other in [Operation::Create, Operation::Administer] {
            assert_eq!(Access::needed_for(action(resource, other)), None);
        }
    }
    // Who was granted a utility does not see what others made of it.
    assert_eq!(Access::needed_for(action("execution", Operation::Read)), None);
}

#[test]
fn a_draft_reports_every_violation() {
    let draft = GrantDraft { reason: "x".repeat(501), expires: Some(NOW), ..GrantDraft::default() };
    let draft = GrantDraft { violations: vec![Violation::new("grantee", "MALFORMED", "")], ..draft };
    let refused = reasons(draft.grant(utility("u"), ann(), NOW).unwrap_err());
    assert_eq!(
        refused,
        [("grantee", "MALFORMED"), ("reason", "TOO_LONG"), ("expire_time", "OUT_OF_RANGE")].map(|(f, r)| (f.to_owned(), r))
    );
}

#[test]
fn what_is_shared_gives_nothing_before_it_is_accepted_and_lies_in_both_tenants() {
    let beta = TenantId::parse("tenant", "beta").unwrap();
    let offered = Grant { grantee: Grantee::Tenant(beta.clone()), consent: Consent::Awaited, ..grant("u", Access::Read, None) };
    assert_eq!(offered.shared_with(), Some(&beta));
    assert!(HeldGrants::of([offered.clone()]).is_empty());
    let consent = Consent::Given { by: ann(), time: NOW };
    let held = HeldGrants::of([Grant { consent, ..offered.clone() }]);
    assert!(held.give(&utility("u"), Access::Read, NOW) && !held.give(&utility("u"), Access::Execute, NOW));
    assert_eq!(held.giving(&beta, Access::Read, NOW).count(), 0, "it is in no list of the receiving tenant's own");
    let gamma = TenantId::parse("tenant", "gamma").unwrap();
    for (target, lies) in [(Target::Tenant(&acme()), true), (Target::Tenant(&beta), true), (Target::Tenant(&gamma), false)] {
        assert_eq!(offered.lies_in(target), lies, "{target:?}");
    }
    assert!(!grant("u", Access::Read, None).lies_in(Target::Tenant(&acme())), "a grant is its utility's");
}
