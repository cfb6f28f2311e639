//! What is answered is never older than the last answered change, however reads and changes meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::access::{GrantRepository as _, Grantee, TenantScope};
use domain::change::{ChangeListener as _, Changed};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::request::Committed;
use domain::revision::Revision;
use domain::sandbox::Isolation;
use domain::utility::{Utility, UtilityRepository};
use test_support::sample::{at, change, creation, next_version, scope, user, utility, utility_id};
use test_support::{InMemoryCodePolicyRepository, InMemoryGrantRepository, InMemoryUtilityRepository};

use super::ROOMY;
use super::watched::Watched;
use crate::{Cache, CachedCodePolicyRepository, CachedGrantRepository, CachedUtilityRepository};

struct World {
    store: Arc<Watched<InMemoryUtilityRepository>>,
    cached: Arc<CachedUtilityRepository>,
    cache: Arc<Cache>,
    acme: TenantScope,
}

impl World {
    fn new() -> Self {
        World::with(Cache::new(ROOMY))
    }

    fn with(cache: Cache) -> Self {
        let cache = Arc::new(cache);
        let store = Arc::new(Watched::new(InMemoryUtilityRepository::default().telling(cache.clone())));
        let cached = Arc::new(CachedUtilityRepository::new(store.clone(), cache.clone()));
        World { store, cached, cache, acme: scope("acme") }
    }

    async fn create(&self, id: &str) -> Utility {
        let made = utility(&self.acme, id);
        assert_eq!(self.cached.commit(&self.acme, creation(made.clone())).await.unwrap(), Committed::Stored);
        made
    }

    async fn replace(&self, before: &Utility, after: Utility) -> Utility {
        let change = change(before, after);
        let stored = change.utility.clone();
        assert_eq!(self.cached.commit(&self.acme, change).await.unwrap(), Committed::Stored);
        stored
    }

    async fn current(&self, id: &str) -> Utility {
        self.cached.find_current(&self.acme, &utility_id(id)).await.unwrap().open_for_system().unwrap().0
    }
}

#[tokio::test]
async fn where_changes_were_missed_everything_is_read_anew() {
    let world = World::new();
    for id in ["one", "two", "three"] {
        world.create(id).await;
        world.current(id).await;
    }
    assert_eq!(world.store.reads(), 3);
    world.cache.changed(&Changed::Anything).await;
    for id in ["one", "two", "three"] {
        world.current(id).await;
        world.current(id).await;
    }
    assert_eq!(world.store.reads(), 6, "each once, and then it is kept again");
}

#[tokio::test]
async fn where_others_change_things_nothing_is_served_or_kept_unless_it_was_heard_of_all_changes_lately() {
    const LONG: Duration = Duration::from_secs(3_600);
    for (heard_within, is_heard, reads) in [(LONG, false, 2), (LONG, true, 1), (Duration::ZERO, true, 2)] {
        let world = World::with(Cache::of_several(ROOMY, heard_within));
        if is_heard {
            world.cache.heard_all();
        }
        world.create("extract").await;
        for _ in ["first", "second"] {
            world.current("extract").await;
        }
        assert_eq!(world.store.reads(), reads, "{heard_within:?} {is_heard}");
        world.cache.settle();
        assert_eq!(world.cache.stats().entries, u64::from(reads == 1));
    }
}

#[tokio::test]
async fn a_grantee_of_a_kind_that_is_not_known_here_voids_all_grants() {
    let (cache, acme, ann) = (Arc::new(Cache::new(ROOMY)), scope("acme"), Grantee::Principal(user("ann")));
    let grants = CachedGrantRepository::new(Arc::new(InMemoryGrantRepository::default().telling(cache.clone())), cache.clone());
    grants.held_by(&acme, &ann).await.unwrap();
    cache.settle();
    assert_eq!(cache.stats().entries, 1);
    cache.changed(&Changed::Grants { tenant: acme.tenant().clone(), grantee: "robots of tomorrow".to_owned() }).await;
    cache.settle();
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test]
async fn a_second_read_does_not_reach_the_store() {
    let world = World::new();
    let made = world.create("extract").await;
    assert_eq!(world.current("extract").await, made);
    assert_eq!(world.current("extract").await, made);
    assert_eq!(world.cached.find(&world.acme, &utility_id("extract")).await.unwrap().open_for_system(), Some(made));
    assert_eq!(world.store.reads(), 1);
    for _ in 0..2 {
        assert!(world.cached.find_version(&world.acme, &utility_id("extract"), 1).await.unwrap().open_for_system().is_some());
    }
    assert_eq!(world.store.reads(), 2);
}

#[tokio::test]
async fn what_is_absent_is_asked_for_again() {
    let world = World::new();
    for expected in 1..=3 {
        assert_eq!(world.cached.find_current(&world.acme, &utility_id("nothing")).await.unwrap().open_for_system(), None);
        assert_eq!(world.store.reads(), expected);
    }
    let made = world.create("nothing").await;
    assert_eq!(world.current("nothing").await, made);
}

#[tokio::test]
async fn every_kind_of_change_acts_at_once() {
    let world = World::new();
    let mut held = world.create("extract").await;
    assert_eq!(world.current("extract").await, held);

    held = world.replace(&held, Utility { deleted: Some(at(5)), ..held.clone() }).await;
    assert_eq!(world.current("extract").await, held);
    held = world.replace(&held, Utility { deleted: None, ..held.clone() }).await;
    assert_eq!(world.current("extract").await, held);

    let next = next_version(&held);
    world.cached.commit(&world.acme, next.clone()).await.unwrap();
    let (utility, version) = world.cached.find_current(&world.acme, &utility_id("extract")).await.unwrap().open_for_system().unwrap();
    assert_eq!((utility, Some(version)), (next.utility, next.new_version));

    assert!(
        world.cached.find_version(&world.acme, &utility_id("extract"), 2).await.unwrap().open_for_system().unwrap().compiled_on.is_none()
    );
    world.cached.mark_compiled(&world.acme, &utility_id("extract"), 2, "sha256:d").await.unwrap();
    let marked = Some("sha256:d".to_owned());
    assert_eq!(
        world.cached.find_version(&world.acme, &utility_id("extract"), 2).await.unwrap().open_for_system().unwrap().compiled_on,
        marked
    );
    assert_eq!(
        world.cached.find_current(&world.acme, &utility_id("extract")).await.unwrap().open_for_system().unwrap().1.compiled_on,
        marked
    );
}

#[tokio::test]
async fn a_load_that_a_change_overtook_is_not_kept() {
    let world = World::new();
    let old = world.create("extract").await;
    let (has_read, gate) = world.store.halt_next();
    let load = tokio::spawn({
        let (cached, acme) = (world.cached.clone(), world.acme.clone());
        async move { cached.find_current(&acme, &utility_id("extract")).await }
    });
    has_read.await.unwrap();
    let new = world.replace(&old, Utility { deleted: Some(at(5)), ..old.clone() }).await;
    gate.add_permits(1);
    assert_eq!(load.await.unwrap().unwrap().open_for_system().unwrap().0, old, "it began before the change was answered");
    assert_eq!(world.current("extract").await, new);
}

#[tokio::test]
async fn a_policy_that_a_change_overtook_is_not_kept() {
    let (cache, acme) = (Arc::new(Cache::new(ROOMY)), scope("acme"));
    let store = Arc::new(Watched::new(InMemoryCodePolicyRepository::default().telling(cache.clone())));
    let cached = Arc::new(CachedCodePolicyRepository::new(store.clone(), cache));
    let (has_read, gate) = store.halt_next();
    let load = tokio::spawn({
        let (cached, acme) = (cached.clone(), acme.clone());
        async move { cached.find(&acme).await }
    });
    has_read.await.unwrap();
    let strict =
        CodePolicy { minimum_isolation: Isolation::OneShot, revision: Revision::FIRST, ..CodePolicy::default_of(acme.tenant().clone()) };
    assert!(cached.commit(&acme, Revision::NONE, &strict).await.unwrap());
    gate.add_permits(1);
    assert_eq!(load.await.unwrap().unwrap().open_for_system(), None);
    assert_eq!(cached.find(&acme).await.unwrap().open_for_system(), Some(strict.clone()));
    assert_eq!(cached.find(&acme).await.unwrap().open_for_system(), Some(strict));
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn that_a_tenant_has_no_policy_is_kept_until_it_has_one() {
    let (cache, acme) = (Arc::new(Cache::new(ROOMY)), scope("acme"));
    let store = Arc::new(Watched::new(InMemoryCodePolicyRepository::default().telling(cache.clone())));
    let cached = CachedCodePolicyRepository::new(store.clone(), cache);
    for _ in 0..3 {
        assert_eq!(cached.find(&acme).await.unwrap().open_for_system(), None);
    }
    assert_eq!(store.reads(), 1);
    let first = CodePolicy { revision: Revision::FIRST, ..CodePolicy::default_of(acme.tenant().clone()) };
    assert!(cached.commit(&acme, Revision::NONE, &first).await.unwrap());
    assert_eq!(cached.find(&acme).await.unwrap().open_for_system(), Some(first));
}

/// Readers and a writer for each utility, on several threads: a read that began after an answer sees at least what was answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_is_never_older_than_the_last_answered_change() {
    const UTILITIES: usize = 3;
    const CHANGES: u64 = 2_000;
    let world = Arc::new(World::new());
    let answered: Arc<Vec<AtomicU64>> = Arc::new((0..UTILITIES).map(|_| AtomicU64::new(1)).collect());
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..UTILITIES {
        let id = format!("u{index}");
        let mut held = world.create(&id).await;
        let (writing, done) = (world.clone(), answered.clone());
        tasks.spawn(async move {
            for _ in 0..CHANGES {
                held = writing.replace(&held, held.clone()).await;
                done[index].store(held.revision.as_u64(), Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        for _ in 0..2 {
            let (world, answered, id) = (world.clone(), answered.clone(), id.clone());
            tasks.spawn(async move {
                let mut least = 0;
                while least <= CHANGES {
                    least = answered[index].load(Ordering::SeqCst);
                    let seen = world.current(&id).await.revision.as_u64();
                    assert!(seen >= least, "{id}: revision {seen} after {least} was answered");
                    // A hit does not wait for anything; others want their turn.
                    tokio::task::yield_now().await;
                }
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
