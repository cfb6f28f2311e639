//! What was committed while nobody could say so: whoever asked is told in time that it may be stored, it is settled behind that, and
//! whoever asks again has it done once.

use std::sync::Arc;
use std::time::Duration;

use domain::audit::{AuditRepository, Entry, Outcome};
use domain::change::{ChangeListener, Changed};
use domain::execution;
use domain::request::Committed;
use domain::utility::{UtilityChange, UtilityQuery, UtilityRepository};
use domain::{ErrorKind, page::PageRequest};
use test_support::audit_repository::entry;
use test_support::in_time;
use test_support::sample::{self, creation, request, scope, utility};

use super::Scratch;
use super::proxy::{Proxy, Then};
use super::server::{self, Server};
use crate::Config;
use crate::shared::MAX_COMMITS;

/// Long enough for a busy machine to begin a transaction within it, and short enough to wait for.
const DEADLINE: Duration = Duration::from_secs(5);

/// A store behind a proxy.
async fn behind_a_proxy() -> (Proxy, Scratch) {
    let proxy = Proxy::before(server::port());
    let scratch = Scratch::with(|config| Config { uri: proxy.uri(), deadline: DEADLINE, selection: DEADLINE, ..config }).await;
    (proxy, scratch)
}

fn asked(id: &str) -> UtilityChange {
    let request = Some(request("CreateUtility", id, 1));
    UtilityChange { request, ..creation(utility(&scope("acme"), "extract")) }
}

/// Until every commit has ended.
async fn settled(scratch: &Scratch) {
    let all = u32::try_from(MAX_COMMITS).unwrap();
    drop(in_time(scratch.shared.doubts.acquire_many(all)).await.unwrap());
}

#[tokio::test]
async fn whoever_is_not_told_in_time_may_ask_again_and_has_it_done_once() {
    let (proxy, scratch) = behind_a_proxy().await;
    let acme = scope("acme");
    proxy.when("commitTransaction", Then::Deaf);
    let error = in_time(UtilityRepository::commit(&*scratch, &acme, asked("one"))).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, "OUTCOME_UNKNOWN"), "{error}");
    assert!(scratch.shared.doubts.available_permits() < MAX_COMMITS, "it is in doubt");
    proxy.mend();
    settled(&scratch).await;
    let again = UtilityRepository::commit(&*scratch, &acme, asked("one")).await.unwrap();
    assert!(matches!(again, Committed::Answered(_)), "{again:?}");
    let everything = PageRequest { size: 10, after: None };
    let found = UtilityRepository::list(&*scratch, &acme, &UtilityQuery::default(), &everything).await.unwrap().open_for_system().unwrap();
    assert_eq!((found.items.len(), scratch.epoch(&acme).await.unwrap()), (1, 1));
}

#[tokio::test]
async fn what_was_not_begun_to_be_committed_is_not_in_doubt() {
    let (proxy, scratch) = behind_a_proxy().await;
    proxy.when("insert", Then::Deaf);
    let error = in_time(UtilityRepository::commit(&*scratch, &scope("acme"), asked("one"))).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, "DEPENDENCY_UNAVAILABLE"), "{error}");
    proxy.mend();
    settled(&scratch).await;
}

#[tokio::test]
async fn a_commit_that_is_lost_on_its_way_is_sent_again() {
    let (proxy, scratch) = behind_a_proxy().await;
    let acme = scope("acme");
    proxy.when("commitTransaction", Then::Cut);
    assert_eq!(in_time(UtilityRepository::commit(&*scratch, &acme, asked("one"))).await.unwrap(), Committed::Stored);
    in_time(proxy.has_happened()).await;
    assert_eq!(scratch.epoch(&acme).await.unwrap(), 1);
}

#[tokio::test]
async fn audit_records_that_may_be_stored_are_stored_once_however_often_they_are_offered() {
    let (proxy, scratch) = behind_a_proxy().await;
    let acme = scope("acme");
    let records = || (1..=3).map(|number| entry("acme", number)).collect::<Vec<_>>();
    proxy.when("commitTransaction", Then::Deaf);
    for _ in ["first", "again, while nobody knows"] {
        let error = in_time(scratch.append(records())).await.unwrap_err();
        assert_eq!(error.reason(), "OUTCOME_UNKNOWN", "{error}");
    }
    let outcome = Entry { outcome: Outcome::Allowed, ..entry("acme", 1) };
    let error = in_time(scratch.close_all(vec![outcome])).await.unwrap_err();
    assert_eq!(error.reason(), "OUTCOME_UNKNOWN", "an intent that may be stored is closed later");
    proxy.mend();
    // Refused until it is known, and taken then.
    let taken = async {
        while scratch.append(records()).await.is_err() {
            test_support::breathe().await;
        }
    };
    in_time(taken).await;
    assert_eq!(scratch.size(&acme).await.unwrap(), 3);
    scratch.append(vec![entry("acme", 4)]).await.unwrap();
    assert_eq!(scratch.size(&acme).await.unwrap(), 4);
}

#[tokio::test]
async fn the_outcome_of_an_intent_that_a_commit_in_doubt_carries_closes_it_once_that_is_known() {
    let (proxy, scratch) = behind_a_proxy().await;
    let acme = scope("acme");
    let intent = Entry { outcome: Outcome::Intent, ..entry("acme", 1) };
    let outcome = || vec![Entry { outcome: Outcome::Unknown, ..entry("acme", 1) }];
    proxy.when("commitTransaction", Then::Deaf);
    let error = in_time(execution::ExecutionRepository::insert(&*scratch, &acme, &sample::execution(&acme, 1), None, &[intent], None))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "OUTCOME_UNKNOWN", "{error}");
    let error = in_time(scratch.close_all(outcome())).await.unwrap_err();
    assert_eq!(error.reason(), "OUTCOME_UNKNOWN", "it is offered again");
    proxy.mend();
    settled(&scratch).await;
    assert_eq!(scratch.close_all(outcome()).await.unwrap(), 1);
    assert_eq!(scratch.close_all(outcome()).await.unwrap(), 0, "it is closed once");
}

#[tokio::test]
async fn a_change_is_stored_and_answered_so_although_a_listener_panics() {
    struct Panics;
    #[async_trait::async_trait]
    impl ChangeListener for Panics {
        async fn changed(&self, _what: &Changed) {
            panic!("a listener of a test");
        }
    }
    let (scratch, acme) = (Scratch::new().await.telling(Arc::new(Panics)), scope("acme"));
    assert_eq!(UtilityRepository::commit(&*scratch, &acme, asked("one")).await.unwrap(), Committed::Stored);
}

#[tokio::test]
async fn a_database_that_stands_still_is_unavailable_in_time_and_goes_on_where_it_was() {
    let server = Server::start(&[]);
    let scratch = Scratch::with(|config| Config { uri: server.uri(), deadline: DEADLINE, selection: DEADLINE, ..config }).await;
    let acme = scope("acme");
    assert_eq!(UtilityRepository::commit(&*scratch, &acme, asked("one")).await.unwrap(), Committed::Stored);
    server.signal("STOP");
    let read = in_time(UtilityRepository::find(&*scratch, &acme, &utility(&acme, "extract").name.utility)).await;
    assert_eq!(read.map(drop).unwrap_err().kind(), ErrorKind::Unavailable);
    let written = in_time(UtilityRepository::commit(&*scratch, &acme, asked("two"))).await;
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Unavailable);
    server.signal("CONT");
    settled(&scratch).await;
    let again = in_time(async {
        loop {
            match UtilityRepository::commit(&*scratch, &acme, asked("one")).await {
                Ok(again) => break again,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
        }
    });
    assert!(matches!(again.await, Committed::Answered(_)), "it was answered before");
}
