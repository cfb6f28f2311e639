//! What is kept is bounded, and counted.

use std::sync::Arc;

use domain::utility::UtilityRepository;
use test_support::InMemoryUtilityRepository;
use test_support::sample::{creation, scope, utility, utility_id, version_of};

use super::ROOMY;
use crate::{Cache, CachedUtilityRepository, Stats};

async fn fill(cache: &Arc<Cache>, count: usize, code_bytes: usize) {
    let store = InMemoryUtilityRepository::default().telling(cache.clone());
    let cached = CachedUtilityRepository::new(Arc::new(store), cache.clone());
    let acme = scope("acme");
    for number in 0..count {
        let one = utility(&acme, &format!("u{number}"));
        let mut creation = creation(one.clone());
        creation.new_version = Some(version_of(1, one.definition.kind, "#".repeat(code_bytes)));
        cached.commit(&acme, creation).await.unwrap();
        cached.find_current(&acme, &one.name.utility).await.unwrap().open_for_system().unwrap();
    }
    cached.find_current(&acme, &utility_id(&format!("u{}", count - 1))).await.unwrap().open_for_system().unwrap();
    cache.settle();
}

#[tokio::test]
async fn reads_and_memory_are_counted() {
    let cache = Arc::new(Cache::new(ROOMY));
    fill(&cache, 10, 100_000).await;
    let Stats { hits, misses, entries, bytes } = cache.stats();
    assert_eq!((hits, misses, entries), (1, 10, 10));
    assert!((1_000_000..1_100_000).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn many_large_things_stay_within_the_bytes() {
    const MAX: u64 = 1 << 20;
    let cache = Arc::new(Cache::new(MAX));
    fill(&cache, 100, 50_000).await;
    let stats = cache.stats();
    assert!(stats.bytes <= MAX && stats.entries < 20, "{stats:?}");
}

#[tokio::test]
async fn many_small_things_are_bounded_in_number() {
    const MAX: u64 = 1 << 20;
    let cache = Arc::new(Cache::new(MAX));
    fill(&cache, 3_000, 1).await;
    let stats = cache.stats();
    assert!(stats.bytes <= MAX && stats.entries <= MAX / 512, "{stats:?}");
    assert!(stats.entries > 0);
}
