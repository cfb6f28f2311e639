//! Audit records that wait for the thread that writes are added in one step, and each stands for itself all the same.

use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use domain::ErrorKind;
use domain::audit::{AuditQuery, AuditRepository, Entry, Outcome};
use domain::page::PageRequest;
use futures_util::FutureExt as _;
use tempfile::TempDir;
use test_support::audit_repository::entry;
use test_support::sample::scope;

use super::Scratch;
use crate::{Config, EmbeddedStore};

#[tokio::test]
async fn audit_records_that_wait_together_are_added_together_and_one_that_is_refused_spoils_no_other() {
    let store = Scratch::new();
    let (release, held) = std::sync::mpsc::channel::<()>();
    // Nothing is written before all of them wait.
    let hold = store.write(move |_connection| held.recv().map_err(|_| crate::Error::Misused("never released")));
    let intent = |code, number| Entry { outcome: Outcome::Intent, ..entry(code, number) };
    let (one, same, other, several, released) = tokio::join!(
        async { tokio::join!(hold, store.append(vec![intent("acme", 1)])).1 },
        store.append(vec![intent("acme", 1), entry("acme", 2)]),
        store.append(vec![entry("zeta", 3)]),
        store.append(vec![entry("acme", 4), entry("zeta", 5)]),
        async { release.send(()) },
    );
    released.unwrap();
    assert!(one.is_ok() && other.is_ok() && several.is_ok(), "{one:?} {other:?} {several:?}");
    assert!(same.is_err(), "its intent is open already");
    let mut calls = Vec::new();
    for code in ["acme", "zeta"] {
        let page = PageRequest { size: 10, after: None };
        let found = store.list(&scope(code), &AuditQuery::default(), &page).await.unwrap().open_for_system().unwrap();
        calls.extend(found.items.into_iter().rev().map(|record| (record.sequence, record.entry.call)));
        assert_eq!(store.size(&scope(code)).await.unwrap(), 2);
    }
    let expected = [(0, "call-acme-1"), (1, "call-acme-4"), (0, "call-zeta-3"), (1, "call-zeta-5")];
    assert_eq!(calls, expected.map(|(sequence, call)| (sequence, call.to_owned())));
}

#[tokio::test]
async fn an_outcome_that_nobody_waits_for_is_stored_with_the_next_write_and_by_itself_where_none_comes() {
    let store = Scratch::new();
    let intent = |number| Entry { outcome: Outcome::Intent, ..entry("acme", number) };
    store.append(vec![intent(1), intent(2)]).await.unwrap();
    let mut behind = store.close_all_behind(vec![entry("acme", 1)]);
    // Asked no more, it cannot begin a commit, however long this takes.
    assert!((&mut behind).now_or_never().is_none());
    assert_eq!(store.size(&scope("acme")).await.unwrap(), 2);
    store.append(vec![entry("acme", 3)]).await.unwrap();
    assert_eq!(store.size(&scope("acme")).await.unwrap(), 4);
    assert_eq!(behind.await.unwrap(), 1);
    assert_eq!(store.close_all_behind(vec![entry("acme", 2)]).await.unwrap(), 1);
    assert_eq!(store.size(&scope("acme")).await.unwrap(), 5);
}

#[tokio::test]
async fn a_record_whose_write_has_begun_is_answered_by_what_becomes_of_it_however_late_and_any_other_by_the_deadline() {
    let directory = TempDir::new().unwrap();
    let store = EmbeddedStore::open(Config { deadline: Duration::from_millis(200), ..Config::new(directory.path()) }).unwrap();
    let (begins, begun) = mpsc::channel();
    let hold = |held: mpsc::Receiver<()>| {
        let begins = begins.clone();
        store.write(move |_connection| {
            begins.send(()).and_then(|()| held.recv().map_err(|_| mpsc::SendError(()))).map_err(|_| crate::Error::Closed)
        })
    };
    let ((release, held), (release_group, group_held)) = (mpsc::channel(), mpsc::channel());
    // The record and the write behind it wait together, and so are written together.
    let mut before = pin!(hold(held));
    assert!(before.as_mut().now_or_never().is_none());
    begun.recv().unwrap();
    let mut record = store.append(vec![entry("acme", 1)]);
    assert!((&mut record).now_or_never().is_none());
    let mut beside = pin!(hold(group_held));
    assert!(beside.as_mut().now_or_never().is_none());
    release.send(()).unwrap();
    begun.recv().unwrap();
    let late = store.append(vec![entry("acme", 2)]);
    assert_eq!(late.await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(matches!(beside.await, Err(crate::Error::Deadline(_))));
    assert!((&mut record).now_or_never().is_none(), "it may still be stored, and its deadline is over");
    release_group.send(()).unwrap();
    record.await.unwrap();
    let page = PageRequest { size: 10, after: None };
    let found = store.list(&scope("acme"), &AuditQuery::default(), &page).await.unwrap().open_for_system().unwrap();
    assert_eq!(found.items.len(), 1, "what was refused is not stored behind it");
}
