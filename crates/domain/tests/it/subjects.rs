//! What is stored of a person: taken away whole, and erased for good.

use domain::access::{Access, GrantDraft, Grantee, actions as grants};
use domain::execution::{Execution, ExecutionRepository as _};
use domain::identity::{Asked, Role, SubjectPart, UserPatch, actions};
use domain::name::PrincipalName;
use domain::{Error, Result};
use futures_util::TryStreamExt as _;
use test_support::sample;

use crate::installation::{ADA, BEA, CLEO, Installed, ROOT, UMA, asked, principal, reason};

async fn export(installed: &Installed, who: &str, user: &str) -> Result<Vec<SubjectPart>> {
    let permit = installed.by::<actions::ExportSubject>(who, principal(user)).await?;
    installed.identities.export_subject(&permit).await?.try_collect().await
}

async fn erase(installed: &Installed, who: &str, user: &str, asked: Asked) -> Result<PrincipalName> {
    let permit = installed.by::<actions::EraseSubject>(who, principal(user)).await?;
    installed.identities.erase_subject(&permit, asked).await
}

async fn grant(installed: &Installed, utility: &domain::name::UtilityName, user: &str) {
    let permit = installed.by::<grants::GrantAccess>(ADA, utility.clone()).await.unwrap();
    let draft = GrantDraft { grantee: Some(Grantee::Principal(principal(user))), access: Some(Access::Execute), ..GrantDraft::default() };
    installed.sharing.grant(&permit, draft, None).await.unwrap();
}

#[tokio::test]
async fn an_export_holds_every_kind_of_thing_that_is_stored_of_a_person_and_nothing_of_others() {
    let installed = Installed::new().await;
    let session = installed.sign_in(CLEO).await.unwrap().session;
    installed.sign_in(UMA).await.unwrap();
    let own = installed.keep_utility("own", CLEO).await;
    let others = installed.keep_utility("others", UMA).await;
    grant(&installed, &others, CLEO).await;
    for (number, caller) in [(1, CLEO), (2, UMA)] {
        let execution = sample::execution(&sample::scope("acme"), number);
        let execution = Execution { caller: principal(caller), ..execution };
        installed.executions.insert(&sample::scope("acme"), &execution, None, &[], None).await.unwrap();
    }
    let parts = export(&installed, ADA, CLEO).await.unwrap();
    let mut events = 0;
    for part in &parts {
        match part {
            SubjectPart::User(user) => assert_eq!(user.name, principal(CLEO)),
            SubjectPart::Session(kept) => assert_eq!(kept.id, session.id),
            SubjectPart::Grant { utility, access, expires } => assert_eq!((utility, *access, *expires), (&others, Access::Execute, None)),
            SubjectPart::Utility(name) => assert_eq!(*name, own),
            SubjectPart::Execution(name) => assert_eq!(name.execution, sample::execution_id(1)),
            SubjectPart::Event(event) => {
                let named = event.subject == CLEO || format!("{:?}", event.details).contains(CLEO);
                assert!(named, "{event:?}");
                events += 1;
            }
            SubjectPart::Record(record) => {
                let names = [record.entry.actor.principal.as_ref().map(PrincipalName::as_str), Some(record.entry.resource.as_str())];
                assert!(names.contains(&Some(CLEO)), "{record:?}");
            }
        }
    }
    let kinds = |kind: fn(&SubjectPart) -> bool| parts.iter().filter(|part| kind(part)).count();
    assert_eq!(kinds(|part| matches!(part, SubjectPart::User(_))), 1);
    assert_eq!(kinds(|part| matches!(part, SubjectPart::Session(_))), 1);
    assert_eq!(kinds(|part| matches!(part, SubjectPart::Grant { .. })), 1);
    assert_eq!(kinds(|part| matches!(part, SubjectPart::Utility(_))), 1);
    assert_eq!(kinds(|part| matches!(part, SubjectPart::Execution(_))), 1);
    assert!(events > 0, "that the user was made");
}

#[tokio::test]
async fn only_who_administers_the_tenant_takes_a_person_with_them_and_nobody_what_is_above_them() {
    let installed = Installed::new().await;
    assert_eq!(reason(export(&installed, UMA, CLEO).await), "PERMISSION_DENIED");
    assert_eq!(reason(export(&installed, BEA, CLEO).await), "PERMISSION_DENIED");
    assert_eq!(reason(export(&installed, ADA, "tenants/acme/users/nobody").await), "NOT_FOUND");
    let helper = "tenants/system/users/helper";
    installed.make(helper, Role::Admin).await;
    assert_eq!(reason(export(&installed, helper, ROOT).await), "PERMISSION_DENIED");
    assert_eq!(reason(erase(&installed, helper, ROOT, Asked::default()).await), "PERMISSION_DENIED");
}

#[tokio::test]
async fn an_erased_person_is_gone_and_something_stands_for_them() {
    let installed = Installed::new().await;
    let others = installed.keep_utility("others", UMA).await;
    grant(&installed, &others, CLEO).await;
    let session = installed.sign_in(CLEO).await.unwrap();
    let stands = erase(&installed, ADA, CLEO, asked("erase")).await.unwrap();
    assert!(stands.erased_id().is_some(), "{stands}");
    assert!(!installed.accepts(session.access.expose()).await);
    assert!(matches!(installed.sign_in(CLEO).await, Err(Error::Unauthenticated)));
    assert_eq!(reason(export(&installed, ADA, CLEO).await), "NOT_FOUND");
    assert_eq!(erase(&installed, ADA, CLEO, asked("erase")).await.unwrap(), stands, "the same request is answered as before");
    assert_eq!(erase(&installed, ADA, CLEO, Asked::default()).await.unwrap(), stands, "and so is another one");
    let permit = installed.by::<grants::ListGrants>(ADA, others).await.unwrap();
    let held = installed.sharing.list(&permit, &domain::page::PageRequest { size: 10, after: None }).await.unwrap();
    assert!(held.items.is_empty(), "{held:?}");
    assert_eq!(installed.identities.go_on_erasing().await.unwrap(), 0, "nothing is left of it");
}

#[tokio::test]
async fn nothing_is_erased_of_the_last_super_administrator_of_nobody_and_under_a_legal_hold() {
    let installed = Installed::new().await;
    assert_eq!(reason(erase(&installed, ROOT, ROOT, Asked::default()).await), "LAST_SUPER_ADMIN");
    assert_eq!(reason(erase(&installed, ADA, "tenants/acme/users/nobody", Asked::default()).await), "NOT_FOUND");
    installed.kept_tenants.settle("acme", |settings| settings.legal_hold = true);
    assert_eq!(reason(erase(&installed, ADA, CLEO, Asked::default()).await), "LEGAL_HOLD");
    installed.sign_in(CLEO).await.unwrap();
    installed.kept_tenants.settle("acme", |settings| settings.legal_hold = false);
    erase(&installed, ADA, CLEO, Asked::default()).await.unwrap();
}

#[tokio::test]
async fn a_change_between_the_judgment_and_the_erasure_is_seen() {
    let installed = Installed::new().await;
    let second = "tenants/system/users/second";
    installed.make(second, Role::SuperAdmin).await;
    // Both rule when the erasure of one is judged; each alone may go.
    erase(&installed, second, ROOT, Asked::default()).await.unwrap();
    let permit = installed.by::<actions::UpdateUser>(second, principal(second)).await.unwrap();
    let lower = UserPatch { role: Some(Role::User), ..UserPatch::default() };
    assert_eq!(reason(installed.identities.update_user(&permit, lower, Asked::default()).await), "LAST_SUPER_ADMIN");
}
