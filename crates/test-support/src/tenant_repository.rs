//! What every `TenantRepository` promises; each check wants an empty one.

use domain::hash::Hash;
use domain::name::{PrincipalName, TenantId};
use domain::page::PageRequest;
use domain::request::{Committed, RequestKey};
use domain::revision::Revision;
use domain::tenant::{Database, Settings, ShareOffers, Tenant, TenantChange, TenantConsent, TenantQuery, TenantRepository, TenantState};

use crate::sample::{at, scope, tenant};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! tenant_repository_contract {
    ($make:expr) => {
        $crate::tenant_repository_contract! { $make;
            a_tenant_survives_whole_and_keeps_the_number_that_no_other_gets,
            a_tenant_changes_only_from_the_expected_revision,
            a_state_is_told_as_soon_as_its_change_is_answered,
            a_remembered_request_about_a_tenant_is_answered_once,
            pages_of_tenants_join_to_the_whole_with_or_without_the_deleted,
            tenants_that_a_start_makes_stay_as_they_are,
        }
    };
    ($make:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            let repository = $make;
            $crate::tenant_repository::$check(&*repository).await;
        })*
    };
}

fn request(id: u32, body: u8) -> RequestKey {
    let caller = PrincipalName::parse("name", "tenants/system/users/root").expect("the name is one");
    RequestKey { method: "CreateTenant", caller, id: format!("00000000-0000-4000-8000-{id:012}"), body: Hash::from_bytes([body; 32]) }
}

async fn create(repository: &dyn TenantRepository, new: &Tenant, request: Option<RequestKey>) -> Committed<Tenant> {
    repository.create(&scope("system"), new.clone(), None, request).await.expect("the store answers")
}

async fn made(repository: &dyn TenantRepository, code: &str) -> Tenant {
    match create(repository, &Tenant::new(tenant(code), at(1)), None).await {
        Committed::Answered(made) => *made,
        other => panic!("{other:?}"),
    }
}

async fn commit(repository: &dyn TenantRepository, expected: Revision, tenant: &Tenant, request: Option<RequestKey>) -> Committed<Tenant> {
    let change = TenantChange { expected, tenant: tenant.clone(), db_password: None, shreds: false, request };
    repository.commit(&scope(tenant.code.as_str()), change).await.expect("the store answers")
}

async fn find(repository: &dyn TenantRepository, code: &str) -> Option<Tenant> {
    repository.find(&scope(code)).await.expect("the store answers").open_for_system()
}

async fn state(repository: &dyn TenantRepository, code: &str) -> Option<TenantState> {
    repository.state(&tenant(code)).await.expect("the store answers")
}

fn changed(tenant: &Tenant, state: TenantState) -> Tenant {
    let database = Database { host: "db:1".to_owned(), username: "zona".to_owned(), name: "acme_1".to_owned() };
    let closed = (state != TenantState::Active).then(|| at(8));
    let root = PrincipalName::parse("name", "tenants/system/users/root").expect("the name is one");
    let consent = TenantConsent { offers: ShareOffers::Refused, terms_version: "dpa-1".to_owned(), said: Some((root, at(6))) };
    let settings = Settings { locale: "de-CH".to_owned(), consent, ..tenant.settings.clone() };
    Tenant {
        state,
        database,
        settings,
        closed,
        display_name: "Acme Inc.".to_owned(),
        updated: at(7),
        revision: tenant.revision.next(),
        ..tenant.clone()
    }
}

/// Every field comes back; a taken code is a conflict, and takes no number.
pub async fn a_tenant_survives_whole_and_keeps_the_number_that_no_other_gets(repository: &dyn TenantRepository) {
    assert_eq!((find(repository, "acme").await, state(repository, "acme").await), (None, None));
    let acme = made(repository, "acme").await;
    assert_eq!(create(repository, &Tenant::new(tenant("acme"), at(2)), None).await, Committed::Conflict);
    let beta = made(repository, "beta").await;
    assert_eq!((acme.number.as_i32(), beta.number.as_i32()), (1, 2));
    assert_eq!(acme, Tenant { number: acme.number, ..Tenant::new(tenant("acme"), at(1)) });
    let deleted = changed(&acme, TenantState::Deleted);
    assert_eq!(commit(repository, Revision::FIRST, &deleted, None).await, Committed::Stored);
    assert_eq!((find(repository, "acme").await, find(repository, "beta").await), (Some(deleted), Some(beta)));
    assert_eq!(create(repository, &Tenant::new(tenant("acme"), at(2)), None).await, Committed::Conflict, "the code of a deleted one");
}

/// A change from another revision stores nothing, and neither does one of a tenant that there is not.
pub async fn a_tenant_changes_only_from_the_expected_revision(repository: &dyn TenantRepository) {
    let absent = Tenant::new(tenant("acme"), at(1));
    assert_eq!(commit(repository, Revision::FIRST, &absent, None).await, Committed::Conflict);
    let first = made(repository, "acme").await;
    let second = changed(&first, TenantState::Active);
    assert_eq!(commit(repository, Revision::FIRST.next(), &second, None).await, Committed::Conflict);
    assert_eq!(commit(repository, Revision::FIRST, &second, None).await, Committed::Stored);
    assert_eq!(commit(repository, Revision::FIRST, &first, None).await, Committed::Conflict);
    assert_eq!(find(repository, "acme").await, Some(second));
}

/// However often it was asked before.
pub async fn a_state_is_told_as_soon_as_its_change_is_answered(repository: &dyn TenantRepository) {
    assert_eq!(state(repository, "acme").await, None);
    let mut acme = made(repository, "acme").await;
    made(repository, "beta").await;
    for next in [TenantState::Suspended, TenantState::Active, TenantState::Deleted, TenantState::Active] {
        assert_eq!(state(repository, "acme").await, Some(acme.state));
        let expected = acme.revision;
        acme = changed(&acme, next);
        assert_eq!(commit(repository, expected, &acme, None).await, Committed::Stored);
        assert_eq!(state(repository, "acme").await, Some(next));
        assert_eq!(state(repository, "beta").await, Some(TenantState::Active));
    }
}

/// The first answer comes back, whatever became of the tenant since, and another body is refused.
pub async fn a_remembered_request_about_a_tenant_is_answered_once(repository: &dyn TenantRepository) {
    let new = Tenant::new(tenant("acme"), at(1));
    let Committed::Answered(first) = create(repository, &new, Some(request(1, 1))).await else { panic!("it is not answered") };
    let second = changed(&first, TenantState::Suspended);
    assert_eq!(commit(repository, Revision::FIRST, &second, Some(request(2, 1))).await, Committed::Stored);
    let third = changed(&second, TenantState::Active);
    assert_eq!(commit(repository, second.revision, &third, None).await, Committed::Stored);
    assert_eq!(create(repository, &new, Some(request(1, 1))).await, Committed::Answered(first.clone()));
    assert_eq!(commit(repository, Revision::FIRST, &second, Some(request(2, 1))).await, Committed::Answered(Box::new(second.clone())));
    let look = async |of: &str, request: RequestKey| repository.find_answer(&scope(of), &request).await.expect("the store answers");
    assert_eq!(look("system", request(1, 1)).await, Some(Committed::Answered(first)));
    assert_eq!(look("acme", request(2, 1)).await, Some(Committed::Answered(Box::new(second))));
    assert_eq!(look("system", request(1, 2)).await, Some(Committed::KeyReused));
    assert_eq!(look("system", request(3, 1)).await, None);
    assert_eq!(find(repository, "acme").await, Some(third));
}

/// In the order of their codes, without gaps and repetitions.
pub async fn pages_of_tenants_join_to_the_whole_with_or_without_the_deleted(repository: &dyn TenantRepository) {
    for code in ["d", "a", "c", "b", "e"] {
        made(repository, code).await;
    }
    let gone = find(repository, "c").await.expect("it was just made");
    commit(repository, Revision::FIRST, &changed(&gone, TenantState::Deleted), None).await;
    for (show_deleted, expected) in [(false, "a b d e"), (true, "a b c d e")] {
        let (mut codes, mut after) = (Vec::new(), None);
        loop {
            let page = repository.list(TenantQuery { show_deleted }, &PageRequest { size: 2, after }).await.expect("the store answers");
            let page = page.open_for_system().expect("there is a page");
            assert!(page.items.len() <= 2);
            codes.extend(page.items.iter().map(|tenant| tenant.code().to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(codes.join(" "), expected);
    }
    let refused = repository.list(TenantQuery::default(), &PageRequest { size: 2, after: Some("nonsense".to_owned()) }).await;
    assert!(matches!(refused, Err(domain::Error::Invalid(_))), "{refused:?}");
}

/// Each is made once.
pub async fn tenants_that_a_start_makes_stay_as_they_are(repository: &dyn TenantRepository) {
    let codes: Vec<TenantId> = ["system", "demo"].map(tenant).to_vec();
    repository.ensure(&codes, at(1)).await.expect("the store answers");
    let demo = find(repository, "demo").await.expect("it was made");
    let suspended = changed(&demo, TenantState::Suspended);
    assert_eq!(commit(repository, Revision::FIRST, &suspended, None).await, Committed::Stored);
    repository.ensure(&[codes, vec![tenant("acme")]].concat(), at(2)).await.expect("the store answers");
    assert_eq!(find(repository, "demo").await, Some(suspended));
    assert_eq!(find(repository, "acme").await.map(|made| (made.number.as_i32(), made.created)), Some((3, at(2))));
    assert_eq!(state(repository, "system").await, Some(TenantState::Active));
}
