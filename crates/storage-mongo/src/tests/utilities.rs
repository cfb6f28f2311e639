//! Utilities, code policies, grants and tenants keep the contracts of their ports, and are known to every server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::request::Committed;
use domain::tenant::{Tenant, TenantChange, TenantRepository, TenantState, TenantStates as _};
use domain::utility::{Utility, UtilityRepository};
use test_support::FakeClock;
use test_support::sample::{at, change, creation, next_version, scope, tenant, utility};

use super::Scratch;
use crate::collections::EPOCHS;
use crate::transaction::read;

test_support::utility_repository_contract!(Scratch::checked().await);
test_support::utility_reach_contract!(Scratch::checked().await);
test_support::utility_copies_contract!(Scratch::checked().await);

mod policies {
    test_support::code_policy_repository_contract!(super::Scratch::checked().await);
}

mod grants {
    test_support::grant_repository_contract!(super::Scratch::checked().await, filled by crate::grants::fill);
}

mod known_tenants {
    test_support::tenant_repository_contract!(super::Scratch::checked().await);
}

#[tokio::test]
async fn an_answered_request_is_forgotten_in_time() {
    let clock = Arc::new(FakeClock::default());
    let scratch = Scratch::with_clock(Some(clock.clone())).await;
    test_support::utility_repository::an_answered_request_is_forgotten_in_time(&*scratch, &|by| clock.advance(by)).await;
}

#[tokio::test]
async fn another_server_knows_at_once_what_was_committed() {
    let (scratch, acme) = (Scratch::new().await, scope("acme"));
    let another = scratch.another().await;
    let made = utility(&acme, "extract");
    assert_eq!(UtilityRepository::commit(&*scratch, &acme, creation(made.clone())).await.unwrap(), Committed::Stored);
    let found = UtilityRepository::find(&another, &acme, &made.name.utility).await.unwrap().open_for_system();
    assert_eq!(found.as_ref(), Some(&made));
    assert_eq!(UtilityRepository::commit(&another, &acme, next_version(&made)).await.unwrap(), Committed::Stored);
    let stale = UtilityRepository::commit(&*scratch, &acme, change(&made, made.clone())).await.unwrap();
    assert_eq!(stale, Committed::Conflict);
    assert_eq!((scratch.epoch(&acme).await.unwrap(), another.epoch(&acme).await.unwrap()), (2, 2));
}

#[tokio::test]
async fn the_number_of_utilities_that_is_kept_is_how_many_are_not_deleted() {
    let (scratch, acme) = (Scratch::new().await, scope("acme"));
    let count = async || {
        let key = mongodb::bson::doc! { "_id": "acme", "tenant": "acme" };
        read!(&scratch, "testing", |session| session.find_one(EPOCHS.name, key).await).unwrap().unwrap().number("utilities").unwrap()
    };
    for id in ["one", "two", "three"] {
        UtilityRepository::commit(&*scratch, &acme, creation(utility(&acme, id))).await.unwrap();
    }
    assert_eq!(count().await, 3);
    let one = utility(&acme, "one");
    let gone = change(&one, Utility { deleted: Some(at(9)), ..one.clone() });
    let after = gone.utility.clone();
    assert_eq!(UtilityRepository::commit(&*scratch, &acme, gone).await.unwrap(), Committed::Stored);
    assert_eq!(count().await, 2);
    let back = change(&after, Utility { deleted: None, ..after.clone() });
    assert_eq!(UtilityRepository::commit(&*scratch, &acme, back).await.unwrap(), Committed::Stored);
    assert_eq!(UtilityRepository::commit(&*scratch, &acme, creation(utility(&acme, "two"))).await.unwrap(), Committed::Conflict);
    assert_eq!(count().await, 3);
}

#[tokio::test]
async fn a_suspended_tenant_is_suspended_on_every_server_whatever_nobody_tells_them() {
    // Far above the half second that an epoch is trusted: the machine may be busy.
    const SOON: Duration = Duration::from_secs(30);
    let (scratch, root) = (Scratch::new().await, scope("system"));
    let another = scratch.another().await;
    let made = scratch.create(&root, Tenant::new(tenant("acme"), at(1)), None, None).await.unwrap();
    let Committed::Answered(made) = made else { panic!("{made:?}") };
    assert_eq!(another.state(&tenant("acme")).await.unwrap(), Some(TenantState::Active));
    let after = Tenant { state: TenantState::Suspended, closed: Some(at(2)), revision: made.revision.next(), ..(*made).clone() };
    let change = TenantChange { expected: made.revision, tenant: after, db_password: None, shreds: false, request: None };
    assert_eq!(TenantRepository::commit(&*scratch, &scope("acme"), change).await.unwrap(), Committed::Stored);
    assert_eq!(scratch.state(&tenant("acme")).await.unwrap(), Some(TenantState::Suspended), "at once where it was changed");
    let began = Instant::now();
    while another.state(&tenant("acme")).await.unwrap() != Some(TenantState::Suspended) {
        assert!(began.elapsed() < SOON, "the other server still takes the tenant for active");
        test_support::breathe().await;
    }
}
