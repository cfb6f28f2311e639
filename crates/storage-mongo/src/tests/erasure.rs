//! Of a person who was erased nothing is left in any document, the audit log is what it was, and what was begun comes to its end.

use std::sync::Arc;
use std::time::Duration;

use domain::access::{Access, Consent, Grant, GrantRepository, Grantee};
use domain::audit::{Actor, AuditQuery, AuditRepository, Entry, FieldChange};
use domain::change::Changed;
use domain::event::{EventKind, EventRepository};
use domain::execution::{Execution, ExecutionRepository};
use domain::identity::{Erasure, Principal, PrincipalChange, PrincipalRepository, SubjectRepository, SubjectState};
use domain::name::{PrincipalName, UtilityName};
use domain::page::PageRequest;
use domain::request::{Committed, Expected, RequestKey};
use domain::tenant::{Settings, Tenant, TenantChange, TenantRepository, TenantState, TenantStates as _};
use domain::utility::{Lineage, Utility, UtilityRepository};
use mongodb::bson::{Document, doc};
use test_support::audit_repository::entry;
use test_support::sample::{at, creation, ended, execution, grant, lineage, principal, request, scope, tenant, user, utility, utility_id};
use test_support::{FakeClock, HeardChanges};

use super::Scratch;
use super::people::everything;
use crate::MongoStore;
use crate::collections::SUBJECTS;

/// What is told of the person stands nowhere else.
const ID: &str = "zaphodine.quux@example.com";
const DISPLAY_NAME: &str = "Zaphodine Quuxbury";
const ADDRESS: &str = "203.0.113.77";
/// Longer than anything that has begun before can bring a name back.
const SETTLED: Duration = Duration::from_secs(61);

fn person() -> PrincipalName {
    user(ID)
}

/// A store in which the person has done and been given whatever there is.
async fn lived(store: &MongoStore) {
    let acme = scope("acme");
    let named = Principal { name: person(), display_name: DISPLAY_NAME.to_owned(), ..principal("tenants/acme/users/ann") };
    let made = RequestKey { caller: user("root"), ..request("CreateUser", "one", 1) };
    let change = PrincipalChange { expected: Expected::Absent, principal: named, deletes: false, judged_at: None, request: Some(made) };
    assert_eq!(PrincipalRepository::commit(store, &acme, change).await.unwrap(), Committed::Stored);
    let copied = Some(Lineage { by: person(), ..lineage() });
    let theirs = Utility { owner: person(), lineage: copied, ..utility(&acme, "theirs") };
    let mut owned = creation(theirs.clone());
    owned.request = Some(RequestKey { caller: person(), ..request("CreateUtility", "two", 2) });
    if let Some(version) = &mut owned.new_version {
        version.head.author = person();
    }
    assert_eq!(UtilityRepository::commit(store, &acme, owned).await.unwrap(), Committed::Stored);
    assert_eq!(UtilityRepository::commit(store, &acme, creation(utility(&acme, "others"))).await.unwrap(), Committed::Stored);
    let given = grant("others", Grantee::Principal(person()), Access::Read);
    let taken = Grant { granted_by: person(), ..grant("theirs", Grantee::Principal(user("bob")), Access::Read) };
    for grant in [&given, &taken] {
        assert_eq!(store.put(&acme, grant, at(1), None).await.unwrap(), Committed::Stored);
    }
    store.insert(&acme, &Execution { caller: person(), ..execution(&acme, 1) }, None, &[], None).await.unwrap();
    let actor = Actor { principal: Some(person()), address: Some(ADDRESS.parse().unwrap()), ..Actor::default() };
    let acted = Entry { actor, purpose: format!("{DISPLAY_NAME} asks"), ..entry("acme", 1) };
    let about = Entry { resource: person().to_string(), ..entry("acme", 2) };
    let given = vec![FieldChange::principal("grantee", person().as_str())];
    let given = Entry { changes: given, ..entry("acme", 3) };
    AuditRepository::append(store, vec![acted, about, given]).await.unwrap();
    agreed(store, "acme").await;
}

/// The person says what a tenant agrees to.
async fn agreed(store: &MongoStore, code: &str) {
    settle(store, code, TenantState::Active, |settings| settings.consent.said = Some((person(), at(1)))).await;
    assert_eq!(consenter(store, code).await, person());
}

async fn consenter(store: &MongoStore, code: &str) -> PrincipalName {
    let (by, _) = store.settings(&tenant(code)).await.unwrap().consent.said.clone().unwrap();
    by
}

async fn erase(store: &MongoStore) -> PrincipalName {
    let acme = scope("acme");
    let principal = PrincipalRepository::find(store, &acme, &person()).await.unwrap().open_for_system();
    let erasure = Erasure { user: person(), principal, judged_at: None, request: None };
    assert_eq!(SubjectRepository::erase(store, &acme, erasure).await.unwrap(), Committed::Stored);
    match store.find_subject(&acme, &person()).await.unwrap() {
        Some(SubjectState::Erased(erased)) => erased,
        other => panic!("{other:?}"),
    }
}

async fn bytes(store: &MongoStore) -> Vec<Vec<u8>> {
    store.records_from(&scope("acme"), 0, 1 << 20).await.unwrap().into_iter().map(|record| record.bytes).collect()
}

async fn owner(store: &MongoStore) -> PrincipalName {
    let found = UtilityRepository::find(store, &scope("acme"), &utility_id("theirs")).await.unwrap();
    found.open_for_system().unwrap().owner
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_in_any_document_and_the_records_are_what_they_were() {
    let clock = Arc::new(FakeClock::default());
    let store = Scratch::with_clock(Some(clock.clone())).await;
    lived(&store).await;
    let acme = scope("acme");
    store.save(&acme, &ended(&Execution { caller: person(), ..execution(&acme, 1) }, 9), &[]).await.unwrap();
    let before = bytes(&store).await;
    assert!(everything(&store).await.contains(ID), "names of what can be changed are no secret until then");
    let erased = erase(&store).await;
    assert!(store.go_on_erasing().await.unwrap() >= 5, "a utility, its version, a grant, an execution, requests, events");
    assert_eq!((owner(&store).await, consenter(&store, "acme").await), (erased.clone(), erased.clone()));
    clock.advance(SETTLED);
    assert_eq!(store.go_on_erasing().await.unwrap(), 0);
    assert_eq!(bytes(&store).await, before);
    let events = EventRepository::behind(&*store, &acme, 0).await.unwrap().open_for_system().unwrap().items;
    let deleted = events.iter().find(|event| event.kind == EventKind::PrincipalDeleted).expect("others hear that somebody is gone");
    assert_eq!(deleted.subject, erased.as_str());
    assert!(!format!("{events:?}").contains(ID) && events.len() >= 6, "{events:?}");

    let page = PageRequest { size: 10, after: None };
    let listed =
        async |query: AuditQuery| AuditRepository::list(&*store, &acme, &query, &page).await.unwrap().open_for_system().unwrap().items;
    let acted = listed(AuditQuery { actor: Some(erased.clone()), ..AuditQuery::default() }).await;
    let [record] = acted.as_slice() else { panic!("{acted:?}") };
    let shown = (record.entry.actor.principal.clone(), record.entry.actor.address, record.entry.purpose.as_str());
    assert_eq!(shown, (Some(erased.clone()), None, ""));
    let about = listed(AuditQuery { resource: Some(erased.to_string()), ..AuditQuery::default() }).await;
    assert_eq!(about.len(), 1);
    assert_eq!(about[0].entry.resource, erased.as_str());
    let given = &listed(AuditQuery::default()).await[0].entry.changes;
    assert_eq!(given, &[FieldChange::principal("grantee", erased.as_str())]);
    assert!(listed(AuditQuery { actor: Some(person()), ..AuditQuery::default() }).await.is_empty(), "nobody is found by that name");

    // What stands for the person is no other person, whoever names it.
    let about = Entry { resource: erased.to_string(), ..entry("acme", 4) };
    AuditRepository::append(&*store, vec![about]).await.unwrap();
    let found = listed(AuditQuery { resource: Some(erased.to_string()), ..AuditQuery::default() }).await;
    assert_eq!(found.iter().map(|record| record.entry.resource.as_str()).collect::<Vec<_>>(), [erased.as_str(); 2]);
    assert_eq!(store.find_subject(&acme, &erased).await.unwrap(), Some(SubjectState::Erased(erased.clone())));

    // What is recorded of the name afterwards holds it no more either.
    AuditRepository::append(&*store, vec![Entry { resource: person().to_string(), ..entry("acme", 3) }]).await.unwrap();
    let all = everything(&store).await;
    for part in ["zaphodine", "Zaphodine", "quux", "Quuxbury", ADDRESS] {
        assert!(!all.contains(part), "{part}");
    }
    assert!(all.contains(erased.as_str()));
}

#[tokio::test]
async fn an_erasure_goes_on_with_the_next_server_wherever_it_was_interrupted() {
    let clock = Arc::new(FakeClock::default());
    let store = Scratch::with_clock(Some(clock.clone())).await;
    lived(&store).await;
    let erased = erase(&store).await;
    let next = store.another_with_clock(clock.clone()).await;
    assert_eq!(owner(&next).await, person(), "the rest has not happened");
    assert!(next.go_on_erasing().await.unwrap() > 0);
    assert_eq!(owner(&next).await, erased);
    // What still runs brings the name back when it ends, so it is not over before.
    clock.advance(SETTLED);
    let acme = scope("acme");
    assert_eq!(next.go_on_erasing().await.unwrap(), 0);
    next.save(&acme, &ended(&Execution { caller: person(), ..execution(&acme, 1) }, 9), &[]).await.unwrap();
    assert!(next.go_on_erasing().await.unwrap() > 0);
    assert_eq!(next.go_on_erasing().await.unwrap(), 0);
    let subjects = next.shared.database.collection::<Document>(SUBJECTS.name);
    let left = subjects.count_documents(doc! { "erasing": { "$exists": true } }).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_legal_hold_of_another_tenant_keeps_its_rows_as_they_are_and_the_erasure_waits() {
    let (clock, heard) = (Arc::new(FakeClock::default()), Arc::new(HeardChanges::default()));
    let store = Scratch::with_clock(Some(clock.clone())).await.telling(heard.clone());
    lived(&store).await;
    let acme = scope("acme");
    store.save(&acme, &ended(&Execution { caller: person(), ..execution(&acme, 1) }, 9), &[]).await.unwrap();
    let beta = scope("beta");
    let utility = UtilityName { tenant: tenant("beta"), utility: utility_id("shared") };
    let given = Grant { utility, granted_by: person(), ..grant("shared", Grantee::Tenant(tenant("acme")), Access::Read) };
    let given = Grant { consent: Consent::Awaited, ..given };
    assert_eq!(store.put(&beta, &given, at(1), None).await.unwrap(), Committed::Stored);
    let granted_by = async || {
        let found = GrantRepository::find(&*store, &beta, &utility_id("shared"), &given.grantee).await.unwrap();
        found.open_for_system().unwrap().granted_by
    };
    agreed(&store, "beta").await;
    turn(&store, "beta", TenantState::Active, true).await;
    let erased = erase(&store).await;
    assert!(store.go_on_erasing().await.unwrap() > 0);
    clock.advance(SETTLED);
    assert_eq!(store.go_on_erasing().await.unwrap(), 0);
    assert_eq!(owner(&store).await, erased);
    assert_eq!((granted_by().await, consenter(&store, "beta").await), (person(), person()), "rows of the other tenant stay as they are");
    turn(&store, "beta", TenantState::Active, false).await;
    heard.take();
    assert!(store.go_on_erasing().await.unwrap() > 0, "it has waited for that");
    assert_eq!((granted_by().await, consenter(&store, "beta").await), (erased.clone(), erased));
    // As the tenant holds it that the utility was offered to.
    let held = Changed::Grants { tenant: tenant("acme"), grantee: "tenants/acme".to_owned() };
    let told = heard.take();
    assert!(told.contains(&held), "{told:?}");
}

#[tokio::test]
async fn whoever_keeps_copies_is_told_which_hold_a_name_that_was_replaced() {
    let (clock, heard) = (Arc::new(FakeClock::default()), Arc::new(HeardChanges::default()));
    let store = Scratch::with_clock(Some(clock.clone())).await.telling(heard.clone());
    lived(&store).await;
    erase(&store).await;
    let epoch = UtilityRepository::epoch(&*store, &scope("acme")).await.unwrap();
    heard.take();
    store.go_on_erasing().await.unwrap();
    let (tenant, id) = (tenant("acme"), utility_id("theirs"));
    let told = heard.take();
    assert!(told.contains(&Changed::Utility { tenant: tenant.clone(), id: id.clone() }), "{told:?}");
    assert!(told.contains(&Changed::Version { tenant: tenant.clone(), id, number: 1 }), "{told:?}");
    assert!(told.contains(&Changed::Grants { tenant, grantee: user("bob").to_string() }), "{told:?}");
    assert!(UtilityRepository::epoch(&*store, &scope("acme")).await.unwrap() > epoch);
}

// === tenants ===

async fn turn(store: &MongoStore, code: &str, state: TenantState, legal_hold: bool) {
    settle(store, code, state, |settings| settings.legal_hold = legal_hold).await;
}

async fn settle(store: &MongoStore, code: &str, state: TenantState, change: impl FnOnce(&mut Settings)) {
    let scope = scope(code);
    store.ensure(&[scope.tenant().clone()], at(1)).await.unwrap();
    let old: Tenant = TenantRepository::find(store, &scope).await.unwrap().open_for_system().unwrap();
    let mut settings = old.settings.clone();
    change(&mut settings);
    let tenant = Tenant { state, settings, revision: old.revision.next(), ..old.clone() };
    let change = TenantChange { expected: old.revision, tenant, db_password: None, shreds: false, request: None };
    assert_eq!(TenantRepository::commit(store, &scope, change).await.unwrap(), Committed::Stored);
}
