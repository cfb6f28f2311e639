//! Executions, leases, events and audit logs keep the contracts of their ports.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::ErrorKind;
use domain::audit::{AuditRecord, AuditRepository, Entry, Outcome};
use domain::hash::Hash;
use domain::lease::{Acquisition, InstanceId, LeaseName, LeaseRepository, Renewal};
use domain::name::TenantId;
use domain::request::Committed;
use domain::utility::{UtilityChange, UtilityRepository};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use test_support::FakeClock;
use test_support::audit_repository::entry;
use test_support::sample::{at, creation, request, scope, utility};

use super::Scratch;
use crate::collections::REQUESTS;

mod executions {
    test_support::execution_repository_contract!(super::Scratch::checked().await);
}

mod archive {
    test_support::archive_repository_contract!(super::Scratch::checked().await);
}

mod fences {
    test_support::execution_fences_contract!(super::Scratch::checked().await);
}

mod queue {
    test_support::execution_queue_contract!(super::Scratch::checked().await);
}

mod schedules {
    test_support::schedule_repository_contract!(super::Scratch::checked().await);
}

mod operations {
    test_support::operation_repository_contract!(super::Scratch::checked().await);
}

mod leases {
    test_support::lease_repository_contract!(super::Scratch::checked().await);
}

mod audit {
    test_support::audit_repository_contract!(super::Scratch::checked().await);
}

#[tokio::test]
async fn a_lease_is_acquired_and_renewed_while_a_writer_of_the_installation_has_its_turn() {
    let store = Scratch::new().await;
    let _turn = store.shared.turns.take(&TenantId::system()).await;
    let (one, term) = (InstanceId::new("one"), Duration::from_secs(10));
    let name = LeaseName::of_instance(&one);
    let acquired = store.acquire(&name, &one, at(1), term).await.unwrap();
    let Acquisition::Acquired(lease) = acquired else { panic!("{acquired:?}") };
    let renewed = store.renew(&name, &lease.fence, at(2), term).await.unwrap();
    assert!(matches!(renewed, Renewal::Renewed(_)), "{renewed:?}");
}

#[tokio::test]
async fn answered_requests_are_forgotten_in_time() {
    let clock = Arc::new(FakeClock::default());
    let store = Scratch::with_clock(Some(clock.clone())).await;
    test_support::utility_repository::an_answered_request_is_forgotten_in_time(&*store, &|by| clock.advance(by)).await;
    test_support::execution_repository::an_answered_request_is_forgotten_in_time(&*store, &|by| clock.advance(by)).await;
}

#[tokio::test]
async fn what_a_request_held_cannot_be_guessed_from_what_is_remembered_of_it_and_every_server_recognizes_it() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    let another = store.another().await;
    let commit = async |store: &crate::MongoStore, id: &str, body| {
        let change = UtilityChange { request: Some(request("CreateUtility", id, body)), ..creation(utility(&acme, id)) };
        UtilityRepository::commit(store, &acme, change).await.unwrap()
    };
    for id in ["one", "two"] {
        assert_eq!(commit(&store, id, 1).await, Committed::Stored);
        assert!(matches!(commit(&another, id, 1).await, Committed::Answered(_)), "{id}");
        assert_eq!(commit(&another, id, 2).await, Committed::KeyReused, "{id}");
    }
    let requests = store.shared.database.collection::<Document>(REQUESTS.name);
    let found: Vec<Document> = requests.find(doc! {}).await.unwrap().try_collect().await.unwrap();
    let bodies: Vec<&str> = found.iter().map(|row| row.get_str("body").unwrap()).collect();
    let hash = Hash::from_bytes([1; 32]).to_string();
    assert!(bodies.len() == 2 && bodies[0] != bodies[1] && !bodies.contains(&hash.as_str()), "{bodies:?}");
}

#[tokio::test]
async fn records_that_two_servers_add_to_one_log_have_each_place_once() {
    let store = Scratch::new().await;
    let another = store.another().await;
    let servers = [&store.store, &another];
    let added = (0..20).map(|number| servers[number as usize % 2].append(vec![entry("acme", number)]));
    join_all(added).await.into_iter().for_each(|added| added.unwrap());
    let records = store.since(&scope("acme"), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
    assert_eq!(records.iter().map(|record| record.sequence).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    let calls: BTreeSet<_> = records.iter().map(|record| record.entry.call.as_str()).collect();
    assert_eq!(calls.len(), 20);
    assert_eq!(store.size(&scope("acme")).await.unwrap(), 20);
}

#[tokio::test]
async fn places_of_a_time_are_the_same_however_few_records_one_read_looks_at() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    store.append([5, 3, 9, 4, 8, 4, 4, 1].into_iter().enumerate().map(called).collect()).await.unwrap();
    for (from, before, expected) in [(3, 5, Some((1, 6))), (5, 10, Some((0, 4))), (0, 99, Some((0, 7))), (6, 8, None)] {
        for most in [4, 7, 100] {
            let found = store.places_by(acme.tenant(), at(from), at(before), most).await.unwrap();
            assert_eq!(found, expected, "{from} to {before} by {most}");
        }
    }
}

/// A record of a time, of a call of its own.
fn called((call, time): (usize, u64)) -> Entry {
    Entry { call: format!("call-{call}"), ..entry("acme", time) }
}

#[tokio::test]
async fn an_intent_is_opened_once() {
    let store = Scratch::new().await;
    let intent = || Entry { outcome: Outcome::Intent, ..entry("acme", 1) };
    store.append(vec![intent()]).await.unwrap();
    let error = store.append(vec![entry("acme", 2), intent()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert_eq!(store.size(&scope("acme")).await.unwrap(), 1, "nothing of it is stored");
}

#[tokio::test]
async fn records_that_wait_together_are_added_together_and_one_that_is_refused_spoils_no_other() {
    let store = Scratch::new().await;
    let intent = |number| Entry { outcome: Outcome::Intent, ..entry("acme", number) };
    let (first, one, same, several, other) = tokio::join!(
        store.append(vec![entry("acme", 0)]),
        store.append(vec![intent(1)]),
        store.append(vec![intent(1), entry("acme", 2)]),
        store.append(vec![entry("acme", 4), entry("zeta", 5)]),
        store.append(vec![entry("zeta", 3)]),
    );
    assert!(first.is_ok() && one.is_ok() && several.is_ok() && other.is_ok(), "{first:?} {one:?} {several:?} {other:?}");
    assert_eq!(same.unwrap_err().kind(), ErrorKind::Internal, "its intent is open already");
    let read = async |code| store.since(&scope(code), 0, usize::MAX).await.unwrap().open_for_system().unwrap().items;
    let calls = |records: Vec<AuditRecord>| records.into_iter().map(|record| record.entry.call).collect::<BTreeSet<_>>();
    assert_eq!(calls(read("acme").await), ["call-acme-0", "call-acme-1", "call-acme-4"].map(str::to_owned).into());
    assert_eq!(calls(read("zeta").await), ["call-zeta-3", "call-zeta-5"].map(str::to_owned).into());
    assert_eq!((store.size(&scope("acme")).await.unwrap(), store.size(&scope("zeta")).await.unwrap()), (3, 2));
}
