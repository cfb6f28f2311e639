//! What keeps things whatever is due: a legal hold, and a change of the tenant since that was judged; and who is told of what goes.

use std::sync::Arc;

use domain::access::{Access, GrantRepository, Grantee, HeldGrants};
use domain::change::Changed;
use domain::event::{EventKind, EventRepository};
use domain::execution::{Bounds, ExecutionRepository};
use domain::retention::{Due, Removed, RetentionStore, Step};
use domain::tenant::{TenantRepository, TenantState};
use domain::utility::{Utility, UtilityRepository};
use domain::webhook::WebhookRepository;
use tempfile::TempDir;
use test_support::HeardChanges;
use test_support::sample::{accepted, at, creation, offer, scope, tenant, utility};

use super::Scratch;
use super::retention::{ran, removed, revision, settle, told_to_a_webhook, turn};
use crate::EmbeddedStore;
use crate::error::during;

fn listening() -> (Scratch, Arc<HeardChanges>) {
    let (directory, heard) = (TempDir::new().unwrap(), Arc::new(HeardChanges::default()));
    (Scratch { store: super::open(directory.path()).unwrap().telling(heard.clone()), directory }, heard)
}

/// Tenant `acme` has a utility, and shares it with `beta`.
async fn shared(store: &EmbeddedStore, id: &str, deleted_at: Option<u64>) {
    let acme = scope("acme");
    let made = Utility { deleted: deleted_at.map(at), updated: at(deleted_at.unwrap_or(1)), ..utility(&acme, id) };
    UtilityRepository::commit(store, &acme, creation(made)).await.unwrap();
    let offered = offer(id, Access::Read);
    GrantRepository::put(store, &acme, &offered, at(1), None).await.unwrap();
    store.answer(&scope("beta"), &offered, Some(&accepted(&offered)), None).await.unwrap();
}

async fn received(store: &EmbeddedStore) -> HeldGrants {
    HeldGrants::clone(&store.held_by(&scope("beta"), &Grantee::Tenant(tenant("beta"))).await.unwrap())
}

/// What is told where it changes what `beta` as a whole holds.
fn of_receiver() -> Changed {
    Changed::Grants { tenant: tenant("beta"), grantee: "tenants/beta".to_owned() }
}

/// Every step by what is judged now.
async fn purge(store: &EmbeddedStore, code: &str) {
    let judged = revision(store, code).await;
    while store.remove_some(&scope(code), Due::Everything, judged).await.unwrap().more {}
}

#[tokio::test]
async fn whoever_keeps_copies_of_what_a_receiver_holds_is_told_when_what_was_shared_is_removed() {
    let (store, heard) = listening();
    shared(&store, "some", Some(2)).await;
    assert_ne!(received(&store).await, HeldGrants::default());
    heard.take();
    assert_eq!(removed(&store, "acme", Due::DeletedUtilities(at(3))).await.utilities, 1);
    let told = heard.take();
    assert!(told.contains(&of_receiver()), "{told:?}");
    assert!(!told.contains(&Changed::Grants { tenant: tenant("acme"), grantee: "tenants/beta".to_owned() }), "{told:?}");
    assert_eq!(received(&store).await, HeldGrants::default());
}

#[tokio::test]
async fn what_others_share_with_a_purged_tenant_ends_unless_a_legal_hold_keeps_it() {
    let (store, heard) = listening();
    shared(&store, "some", None).await;
    turn(&store, "beta", TenantState::Deleted, false).await;
    turn(&store, "acme", TenantState::Active, true).await;
    purge(&store, "beta").await;
    assert_ne!(received(&store).await, HeldGrants::default(), "the row is of the tenant that is held");
    assert!(!store.is_due(&scope("beta"), Due::Everything).await.unwrap());
    turn(&store, "acme", TenantState::Active, false).await;
    heard.take();
    assert!(store.is_due(&scope("beta"), Due::Everything).await.unwrap());
    purge(&store, "beta").await;
    assert_eq!(received(&store).await, HeldGrants::default());
    assert!(heard.take().contains(&of_receiver()));
    let events = store.behind(&scope("acme"), 0).await.unwrap().open_for_system().unwrap().items;
    assert_eq!(events.last().map(|event| event.kind), Some(EventKind::AccessRevoked), "the other tenant is told");
    assert!(!store.is_due(&scope("beta"), Due::Everything).await.unwrap(), "nothing is left of it");
}

#[tokio::test]
async fn what_was_judged_of_a_tenant_that_has_changed_since_removes_nothing() {
    let store = Scratch::new();
    let acme = scope("acme");
    shared(&store, "some", Some(2)).await;
    for number in [1, 2] {
        ran(&store, "acme", number, number).await;
    }
    let cases = [
        (Due::OutputBeyond(150), TenantState::Active),
        (Due::Output(at(9)), TenantState::Active),
        (Due::Executions(at(9)), TenantState::Active),
        (Due::DeletedUtilities(at(9)), TenantState::Active),
        // Resumed, and deleted again a moment ago.
        (Due::Everything, TenantState::Deleted),
    ];
    for (due, state) in cases {
        if due == Due::Everything {
            ran(&store, "acme", 3, 3).await;
        }
        turn(&store, "acme", state, false).await;
        let judged = revision(&store, "acme").await;
        for state in [TenantState::Active, state] {
            turn(&store, "acme", state, false).await;
        }
        assert_eq!(store.remove_some(&acme, due, judged).await.unwrap(), Step::default(), "{due:?}");
        let anew = store.remove_some(&acme, due, revision(&store, "acme").await).await.unwrap();
        assert_ne!(anew.removed, Removed::default(), "{due:?}");
    }
}

#[tokio::test]
async fn the_bounds_of_the_server_leave_what_a_tenant_settles_while_they_are_heeded() {
    let store = Scratch::new();
    for (code, number) in [("acme", 1), ("beta", 2)] {
        ran(&store, code, number, 1).await;
    }
    settle(&store, "acme", TenantState::Active, |settings| settings.keep.executions = std::num::NonZeroU32::new(1_000)).await;
    let by_age = Bounds { ended_before: at(9), max_output_bytes: u64::MAX, except: Vec::new() };
    assert_eq!(ExecutionRepository::prune(&*store, &by_age).await.unwrap().executions, 1, "only of beta");
    assert!(!store.is_prunable(&by_age).await.unwrap());
    let by_size = Bounds { ended_before: at(0), max_output_bytes: 0, except: Vec::new() };
    assert_eq!(ExecutionRepository::prune(&*store, &by_size).await.unwrap().executions, 1, "only of acme");
    assert!(!store.is_prunable(&by_size).await.unwrap());
}

#[tokio::test]
async fn a_tenant_whose_row_does_not_decode_is_named_like_all_others() {
    let store = Scratch::new();
    for code in ["acme", "spoilt"] {
        revision(&store, code).await;
    }
    let spoil = "UPDATE tenants SET document = '{}' WHERE code = 'spoilt'";
    store.write(move |connection| connection.execute_batch(spoil).map_err(during("testing"))).await.unwrap();
    assert_eq!(store.codes().await.unwrap(), ["acme", "spoilt"].map(tenant));
    assert!(TenantRepository::find(&*store, &scope("spoilt")).await.is_err());
    assert!(TenantRepository::find(&*store, &scope("acme")).await.is_ok());
}

#[tokio::test]
async fn events_of_a_tenant_on_legal_hold_stay() {
    let store = Scratch::new();
    shared(&store, "some", None).await;
    let count = async |code: &str| store.behind(&scope(code), 0).await.unwrap().open_for_system().unwrap().items.len();
    turn(&store, "acme", TenantState::Active, true).await;
    let (held, others) = (count("acme").await, count("beta").await);
    assert!(held > 0 && others > 0);
    EventRepository::prune(&*store, at(9_000), 0).await.unwrap();
    assert_eq!((count("acme").await, count("beta").await), (held, 0));
    turn(&store, "acme", TenantState::Active, false).await;
    EventRepository::prune(&*store, at(9_000), 0).await.unwrap();
    assert_eq!(count("acme").await, 0);
}

#[tokio::test]
async fn dead_letters_of_a_tenant_on_legal_hold_stay() {
    let store = Scratch::new();
    shared(&store, "some", None).await;
    told_to_a_webhook(&store, "acme").await;
    turn(&store, "acme", TenantState::Active, true).await;
    assert!(!store.has_old_letters(at(9_000)).await.unwrap());
    assert_eq!(store.prune_letters(at(9_000)).await.unwrap(), 0);
    turn(&store, "acme", TenantState::Active, false).await;
    assert!(store.has_old_letters(at(9_000)).await.unwrap());
    assert_eq!(store.prune_letters(at(9_000)).await.unwrap(), 1);
}
