//! What is read: through Redis what another server has read, and nothing that is not current.

use domain::utility::{Utility, UtilityRepository as _};
use test_support::sample::{at, change, creation, next_version, utility, utility_id};

use super::{World, url};

mod contract {
    use std::ops::Deref;

    use domain::utility::UtilityRepository;

    use super::super::{World, url};

    /// The repository of the only server of a world.
    struct Only(World);

    impl Deref for Only {
        type Target = dyn UtilityRepository;

        fn deref(&self) -> &Self::Target {
            &self.0.nodes[0].utilities
        }
    }

    fn utilities() -> Only {
        let world = World::new(&url(), &[true]);
        world.made_by(0);
        Only(world)
    }

    test_support::utility_repository_contract!(utilities());
}

#[tokio::test]
async fn what_one_server_has_read_another_is_answered_by_redis() {
    let world = World::new(&url(), &[true, true]);
    let made = utility(&world.acme, "extract");
    world.made_by(0).commit(&world.acme, creation(made.clone())).await.unwrap();
    // Until both are connected, and the first has written.
    world
        .until(async |world| {
            for node in 0..2 {
                world.nodes[node].cache.forget_first();
                assert_eq!(world.current(node, "extract").await, Some(made.clone()));
                let version = world.nodes[node].utilities.find_version(&world.acme, &utility_id("extract"), 1).await.unwrap();
                assert_eq!(version.open_for_system().unwrap().head.number, 1);
            }
            world.nodes[1].cache.stats().second.hits >= 2
        })
        .await;
    // What it was answered it keeps in memory.
    let (reads, hits) = (world.store.reads(), world.nodes[1].cache.stats().first.hits);
    assert_eq!(world.current(1, "extract").await, Some(made));
    assert_eq!((world.store.reads(), world.nodes[1].cache.stats().first.hits), (reads, hits + 1));
}

#[tokio::test]
async fn every_kind_of_change_acts_at_once_on_the_server_that_makes_it() {
    let world = World::new(&url(), &[true]);
    let node = world.made_by(0);
    let mut held = utility(&world.acme, "extract");
    node.commit(&world.acme, creation(held.clone())).await.unwrap();
    assert_eq!(world.current(0, "extract").await, Some(held.clone()));
    for deleted in [Some(at(5)), None] {
        let next = change(&held, Utility { deleted, ..held.clone() });
        node.commit(&world.acme, next.clone()).await.unwrap();
        held = next.utility;
        assert_eq!(world.current(0, "extract").await, Some(held.clone()));
        assert_eq!(node.find(&world.acme, &utility_id("extract")).await.unwrap().open_for_system(), Some(held.clone()));
    }
    let next = next_version(&held);
    node.commit(&world.acme, next.clone()).await.unwrap();
    let version = || async { node.find_version(&world.acme, &utility_id("extract"), 2).await.unwrap().open_for_system() };
    assert_eq!(version().await, next.new_version);
    node.mark_compiled(&world.acme, &utility_id("extract"), 2, "sha256:d").await.unwrap();
    assert_eq!(version().await.unwrap().compiled_on.as_deref(), Some("sha256:d"));
}

#[tokio::test]
async fn that_something_is_absent_is_kept_until_it_is_there() {
    let world = World::new(&url(), &[true]);
    let node = world.made_by(0);
    for _ in 0..3 {
        assert_eq!(world.current(0, "nothing").await, None);
    }
    let made = utility(&world.acme, "nothing");
    node.commit(&world.acme, creation(made.clone())).await.unwrap();
    assert_eq!(world.current(0, "nothing").await, Some(made));
}

#[tokio::test]
async fn many_who_ask_for_the_same_have_it_read_once() {
    const MANY: usize = 50;
    let world = World::new(&url(), &[false]);
    let made = utility(&world.acme, "extract");
    world.made_by(0).commit(&world.acme, creation(made.clone())).await.unwrap();
    let (has_read, gate) = world.store.halt_next();
    let reads = (0..MANY).map(|_| world.current(0, "extract"));
    let all = futures_util::future::join_all(reads);
    let (found, ()) = tokio::join!(all, async {
        has_read.await.unwrap();
        gate.add_permits(1);
    });
    assert!(found.iter().all(|found| found.as_ref() == Some(&made)));
    assert_eq!(world.store.reads(), 1);
}

#[tokio::test]
async fn a_load_that_a_change_overtook_is_answered_to_nobody_who_asks_behind_it() {
    let world = World::new(&url(), &[true]);
    let old = utility(&world.acme, "extract");
    let node = world.made_by(0);
    node.commit(&world.acme, creation(old.clone())).await.unwrap();
    let (has_read, gate) = world.store.halt_next();
    let deleted = change(&old, Utility { deleted: Some(at(5)), ..old.clone() });
    let (found, ()) = tokio::join!(world.current(0, "extract"), async {
        has_read.await.unwrap();
        node.commit(&world.acme, deleted.clone()).await.unwrap();
        assert_eq!(world.current(0, "extract").await, Some(deleted.utility.clone()), "while the other is under way");
        gate.add_permits(1);
    });
    assert_eq!(found, Some(old), "it began before the change was answered");
    assert_eq!(world.current(0, "extract").await, Some(deleted.utility));
}
