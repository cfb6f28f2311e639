//! The listener hears of every change that is decided, and before its answer.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use domain::change::{ChangeListener, Changed};
use domain::identity::{PrincipalChange, PrincipalRepository};
use domain::request::{Committed, Expected};
use domain::tenant::{Tenant, TenantChange, TenantRepository, TenantState};
use domain::utility::UtilityRepository;
use tempfile::TempDir;
use test_support::HeardChanges;
use test_support::change_listener::SlowListener;
use test_support::sample::{at, scope, tenant, utility_id};

use crate::{Config, EmbeddedStore, Error};

/// Panics at whatever it hears.
struct Panics;

#[async_trait]
impl ChangeListener for Panics {
    async fn changed(&self, _what: &Changed) {
        panic!("a fault of the listener");
    }
}

/// Says that it hears, and comes to no end.
struct Hangs(tokio::sync::Notify);

#[async_trait]
impl ChangeListener for Hangs {
    async fn changed(&self, _what: &Changed) {
        self.0.notify_one();
        std::future::pending().await
    }
}

fn listening() -> (Arc<EmbeddedStore>, Arc<HeardChanges>, TempDir) {
    let (directory, heard) = (TempDir::new().unwrap(), Arc::new(HeardChanges::default()));
    let store = super::open(directory.path()).unwrap().telling(heard.clone());
    (Arc::new(store), heard, directory)
}

fn of(id: &str) -> Changed {
    Changed::Utility { tenant: tenant("acme"), id: utility_id(id) }
}

#[tokio::test]
async fn changes_are_told_before_they_are_answered() {
    let (store, heard, _directory) = listening();
    test_support::change_listener::changes_are_told_before_they_are_answered(&heard, &*store, &*store, &*store).await;
}

#[tokio::test]
async fn a_shred_voids_every_copy_of_what_its_keys_have_opened() {
    let ((store, heard, _directory), acme) = (listening(), scope("acme"));
    TenantRepository::ensure(&*store, &[tenant("acme")], at(1)).await.unwrap();
    let old = TenantRepository::find(&*store, &acme).await.unwrap().open_for_system().unwrap();
    let (expected, epoch) = (old.revision, UtilityRepository::epoch(&*store, &acme).await.unwrap());
    let deleted = Tenant { state: TenantState::Deleted, purged: Some(at(2)), revision: expected.next(), ..old };
    let shred = TenantChange { expected, tenant: deleted, db_password: None, shreds: true, request: None };
    assert_eq!(TenantRepository::commit(&*store, &acme, shred).await.unwrap(), Committed::Stored);
    assert_eq!(heard.take(), [Changed::Anything], "what is kept in memory");
    assert!(UtilityRepository::epoch(&*store, &acme).await.unwrap() > epoch, "and in Redis");
}

#[tokio::test]
async fn the_grants_of_a_deleted_principal_are_told_before_the_deletion_is_answered() {
    let (store, heard, _directory) = listening();
    let (acme, ann) = (scope("acme"), test_support::sample::principal("tenants/acme/users/ann"));
    let commit = async |expected, deletes| {
        let change = PrincipalChange { expected, principal: ann.clone(), deletes, judged_at: None, request: None };
        PrincipalRepository::commit(&*store, &acme, change).await.unwrap()
    };
    assert_eq!(commit(Expected::Absent, false).await, Committed::Stored);
    assert_eq!(heard.take(), [], "nothing else keeps copies of it");
    assert_eq!(commit(Expected::Revision(ann.revision), true).await, Committed::Stored);
    assert_eq!(heard.take(), [Changed::Grants { tenant: tenant("acme"), grantee: ann.name.to_string() }]);
}

#[tokio::test]
async fn a_change_is_answered_once_its_listener_has_heard() {
    let (directory, slow) = (TempDir::new().unwrap(), Arc::new(SlowListener::default()));
    let store = super::open(directory.path()).unwrap().telling(slow.clone());
    test_support::change_listener::a_change_is_answered_once_its_listener_has_heard(&slow, &store).await;
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_any_more_is_told_and_one_that_was_taken_back_is_not() {
    let (store, heard, _directory) = listening();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let slow = tokio::spawn({
        let store = store.clone();
        let work = move |_: &rusqlite::Connection| {
            let _ = begun.send(());
            may_go.recv_timeout(Duration::from_secs(60)).map_err(|_| crate::Error::Closed)
        };
        async move { store.change(of("begun"), work).await }
    });
    has_begun.await.unwrap();
    let mut waiting = Box::pin(store.change(of("waiting"), |_| Ok(())));
    assert!(is_pending(waiting.as_mut()).await, "it waits for the one before");
    drop(waiting);
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    assert_eq!(heard.take(), [], "nothing is decided yet");

    go.send(()).unwrap();
    store.change(of("next"), |_| Ok(())).await.unwrap();
    assert_eq!(heard.take(), [of("begun"), of("next")]);
}

#[tokio::test]
async fn a_change_whose_listener_panics_is_answered_and_the_store_closes() {
    let directory = TempDir::new().unwrap();
    let store = super::open(directory.path()).unwrap().telling(Arc::new(Panics));
    assert_eq!(store.change(of("some"), |_| Ok(7)).await.unwrap(), 7);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_listener_that_hangs_holds_up_a_close_for_a_bounded_time_only() {
    let (directory, hangs) = (TempDir::new().unwrap(), Arc::new(Hangs(tokio::sync::Notify::new())));
    let config = Config { deadline: Duration::from_secs(1), ..Config::new(directory.path()) };
    let store = Arc::new(EmbeddedStore::open(config).unwrap().telling(hangs.clone()));
    let change = tokio::spawn({
        let store = store.clone();
        async move { store.change(of("some"), |_| Ok(())).await }
    });
    hangs.0.notified().await;
    assert!(matches!(store.close().await, Err(Error::Deadline(_))));
    assert!(matches!(change.await.unwrap(), Err(Error::Deadline(_))));
    super::open(directory.path()).unwrap();
}

/// Polls once; says whether it is not ready.
async fn is_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn a_change_of_a_principal_that_is_refused_voids_no_copy_and_is_not_told() {
    let (store, heard, _directory) = listening();
    let (acme, ann) = (scope("acme"), test_support::sample::principal("tenants/acme/users/ann"));
    let commit = async |deletes, expected| {
        let change = PrincipalChange { expected, principal: ann.clone(), deletes, judged_at: None, request: None };
        PrincipalRepository::commit(&*store, &acme, change).await.unwrap()
    };
    assert_eq!(commit(false, Expected::Absent).await, Committed::Stored);
    heard.take();
    let epoch = store.epochs().find(acme.tenant());
    assert_eq!(commit(false, Expected::Absent).await, Committed::Conflict);
    assert_eq!(commit(true, Expected::Revision(ann.revision.next())).await, Committed::Conflict);
    assert_eq!((store.epochs().find(acme.tenant()), heard.take()), (epoch, Vec::new()));
}
