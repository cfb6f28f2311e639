//! What a grantee holds is known to every server within a moment, whatever nobody tells it, and is otherwise answered from memory.

use std::time::{Duration, Instant};

use domain::access::{Access, GrantRepository, Grantee, TenantScope};
use domain::identity::{Principal, PrincipalChange, PrincipalRepository};
use domain::name::PrincipalName;
use domain::request::{Committed, Expected};
use domain::retention::{Due, RetentionStore as _};
use domain::tenant::TenantState;
use domain::utility::UtilityRepository;
use mongodb::bson::{Document, doc};
use test_support::sample::{accepted, at, creation, grant, offer, principal, scope, tenant, user, utility, utility_id};

use super::Scratch;
use super::retention::{revision, turn};
use crate::MongoStore;
use crate::collections::GRANTS;
use crate::transaction::transact;
use crate::utilities;

/// Far above the half second that an epoch is trusted: the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

fn bob() -> Grantee {
    Grantee::Principal(user("bob"))
}

fn beta() -> Grantee {
    Grantee::Tenant(tenant("beta"))
}

async fn held(store: &MongoStore, scope: &TenantScope, grantee: &Grantee) -> usize {
    store.held_by(scope, grantee).await.unwrap().len()
}

async fn give(store: &MongoStore) {
    let given = grant("extract", bob(), Access::Read);
    assert_eq!(store.put(&scope("acme"), &given, at(1), None).await.unwrap(), Committed::Stored);
}

async fn share(store: &MongoStore) {
    let offered = offer("extract", Access::Read);
    assert_eq!(store.put(&scope("acme"), &offered, at(1), None).await.unwrap(), Committed::Stored);
    assert_eq!(store.answer(&scope("beta"), &offered, Some(&accepted(&offered)), None).await.unwrap(), Committed::Stored);
}

/// That a server that follows no feed knows soon that nothing is held any more.
async fn ends_on(another: &MongoStore, scope: &TenantScope, grantee: &Grantee) {
    let began = Instant::now();
    while held(another, scope, grantee).await > 0 {
        assert!(began.elapsed() < SOON, "the other server still takes {grantee} for somebody who holds something");
        test_support::breathe().await;
    }
}

#[tokio::test]
async fn what_is_held_is_answered_from_memory_until_it_is_changed() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    assert_eq!(held(&store, &acme, &bob()).await, 0);
    give(&store).await;
    assert_eq!(held(&store, &acme, &bob()).await, 1, "at once where it was changed");
    // Beside the store, so that no epoch tells of it.
    store.shared.database.collection::<Document>(GRANTS.name).delete_many(doc! {}).await.unwrap();
    assert_eq!(held(&store, &acme, &bob()).await, 1);
    let of_carol = grant("extract", Grantee::Principal(user("carol")), Access::Read);
    assert_eq!(store.put(&acme, &of_carol, at(1), None).await.unwrap(), Committed::Stored);
    assert_eq!(held(&store, &acme, &bob()).await, 0, "all of a tenant is read again where something of it was changed");
}

#[tokio::test]
async fn a_grant_that_is_taken_back_is_held_on_no_server_whatever_nobody_tells_them() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    let another = store.another().await;
    give(&store).await;
    assert_eq!(held(&another, &acme, &bob()).await, 1);
    let given = grant("extract", bob(), Access::Read);
    assert_eq!(GrantRepository::remove(&*store, &acme, &given, None).await.unwrap(), Committed::Stored);
    assert_eq!(held(&store, &acme, &bob()).await, 0, "at once where it was changed");
    ends_on(&another, &acme, &bob()).await;
}

#[tokio::test]
async fn a_share_that_either_side_ends_is_held_on_no_server() {
    let (store, receiver) = (Scratch::new().await, scope("beta"));
    let another = store.another().await;
    let shared = accepted(&offer("extract", Access::Read));
    share(&store).await;
    assert_eq!(held(&another, &receiver, &beta()).await, 1);
    assert_eq!(GrantRepository::remove(&*store, &scope("acme"), &shared, None).await.unwrap(), Committed::Stored);
    assert_eq!(held(&store, &receiver, &beta()).await, 0);
    ends_on(&another, &receiver, &beta()).await;
    share(&store).await;
    let began = Instant::now();
    while held(&another, &receiver, &beta()).await == 0 {
        assert!(began.elapsed() < SOON, "the other server does not know of what was accepted");
        test_support::breathe().await;
    }
    assert_eq!(store.answer(&receiver, &shared, None, None).await.unwrap(), Committed::Stored);
    assert_eq!(held(&store, &receiver, &beta()).await, 0);
    ends_on(&another, &receiver, &beta()).await;
}

#[tokio::test]
async fn what_ends_with_a_principal_a_utility_or_a_tenant_is_held_on_no_server() {
    let (store, acme, receiver) = (Scratch::new().await, scope("acme"), scope("beta"));
    let another = store.another().await;
    let named = PrincipalName::parse("name", "tenants/acme/users/bob").unwrap();
    let made = Principal { name: named, ..principal("tenants/acme/users/ann") };
    let change = PrincipalChange { expected: Expected::Absent, principal: made.clone(), deletes: false, judged_at: None, request: None };
    assert_eq!(PrincipalRepository::commit(&*store, &acme, change).await.unwrap(), Committed::Stored);
    give(&store).await;
    assert_eq!(held(&another, &acme, &bob()).await, 1);
    let expected = Expected::Revision(made.revision);
    let deletion = PrincipalChange { expected, principal: made, deletes: true, judged_at: None, request: None };
    assert_eq!(PrincipalRepository::commit(&*store, &acme, deletion).await.unwrap(), Committed::Stored);
    ends_on(&another, &acme, &bob()).await;

    assert_eq!(UtilityRepository::commit(&*store, &acme, creation(utility(&acme, "extract"))).await.unwrap(), Committed::Stored);
    give(&store).await;
    share(&store).await;
    let next = store.another().await;
    assert_eq!((held(&next, &acme, &bob()).await, held(&next, &receiver, &beta()).await), (1, 1));
    let id = utility_id("extract");
    let removed = transact!(&store, "testing", acme.tenant(), |session| utilities::remove(session, acme.tenant(), &id, None).await);
    assert!(removed.unwrap());
    ends_on(&next, &acme, &bob()).await;
    ends_on(&next, &receiver, &beta()).await;

    share(&store).await;
    let last = store.another().await;
    assert_eq!(held(&last, &receiver, &beta()).await, 1);
    turn(&store, "beta", TenantState::Deleted, false).await;
    let judged = revision(&store, "beta").await;
    while store.remove_some(&receiver, Due::Everything, judged).await.unwrap().more {}
    ends_on(&last, &receiver, &beta()).await;
}
