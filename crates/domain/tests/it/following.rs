//! Following a log in which much is added that the follower does not want: it hears in time how far it has come.

use std::sync::Arc;
use std::time::Duration;

use domain::audit::{AuditLog, AuditQuery, AuditRepository as _, Followed, LogPorts};
use domain::event::{EventLog, EventPorts, EventSelection, Happened, Heard};
use domain::time::Clock as _;
use domain::violation::Violations;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use test_support::{FakeClock, FakeTree, InMemoryEvents, audit_repository, sample};

use crate::world::{World, acme};

/// What a follower hears next while something is added every 400 ms, and how much was added until then.
async fn beside_much<T>(
    clock: &FakeClock,
    stream: &mut (impl Stream<Item = domain::Result<T>> + Unpin),
    add: impl AsyncFn(u64),
) -> (T, u64) {
    for added in 0..1_000 {
        for _ in 0..20 {
            if let Some(heard) = stream.next().now_or_never() {
                return (heard.expect("a stream has no end").expect("the store answers"), added);
            }
            tokio::task::yield_now().await;
        }
        add(added).await;
        clock.advance(Duration::from_millis(400));
    }
    panic!("nothing was heard for minutes");
}

#[tokio::test]
async fn who_watches_for_records_that_are_rare_hears_each_fifteen_seconds_how_far_that_has_come() {
    let world = World::new();
    let store = world.stores().executions.clone();
    let ports = LogPorts {
        repository: store.clone(),
        tree: Arc::new(FakeTree::new(store.clone())),
        executions: store.clone(),
        policies: world.stored_policies.clone(),
        clock: world.clock.clone(),
    };
    let query = AuditQuery { action: Some("tenant.update".to_owned()), ..AuditQuery::default() };
    let mut watch = AuditLog::new(ports).watch(world.permit(acme()).await, query, Some(0)).await.unwrap();
    let add = async |number| store.append(vec![audit_repository::entry("acme", number)]).await.unwrap();
    assert_eq!(beside_much(&world.clock, &mut watch, &add).await, (Followed::Reached(0), 0));
    for _ in 0..2 {
        let begun = world.clock.now();
        let (heard, added) = beside_much(&world.clock, &mut watch, &add).await;
        assert!((37..=40).contains(&added) && matches!(heard, Followed::Reached(_)), "{heard:?} after {added}");
        assert!(world.clock.now().since(begun) <= Duration::from_secs(16));
    }
}

#[tokio::test]
async fn who_subscribes_to_events_that_are_rare_hears_each_fifteen_seconds_how_far_that_has_come() {
    let (world, repository) = (World::new(), Arc::new(InMemoryEvents::default()));
    let ports = EventPorts { repository: repository.clone(), auditor: world.auditor(), clock: world.clock.clone() };
    let mut violations = Violations::default();
    let selection = EventSelection::read("types", vec!["dev.zona.tenant".to_owned()], &mut violations);
    assert_eq!(violations, Violations::default());
    let mut subscription = EventLog::new(ports).subscribe(world.permit(acme()).await, selection, Some(0)).await.unwrap();
    let utility = sample::utility(&sample::scope("acme"), "u");
    let add = async |_| repository.note([Happened::of_utility(&sample::creation(utility.clone()))]);
    assert_eq!(beside_much(&world.clock, &mut subscription, &add).await, (Heard::Reached(0), 0));
    for _ in 0..2 {
        let begun = world.clock.now();
        let (heard, added) = beside_much(&world.clock, &mut subscription, &add).await;
        assert!((37..=40).contains(&added) && matches!(heard, Heard::Reached(_)), "{heard:?} after {added}");
        assert!(world.clock.now().since(begun) <= Duration::from_secs(16));
    }
}
