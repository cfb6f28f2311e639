//! Audit records that wait for the thread that writes are added in one step, and each stands for itself all the same.

use domain::audit::{AuditQuery, AuditRepository, Entry, Outcome};
use domain::page::PageRequest;
use test_support::audit_repository::entry;
use test_support::sample::scope;

use super::Scratch;

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
