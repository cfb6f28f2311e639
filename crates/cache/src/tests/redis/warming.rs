//! What servers were asked for most is there before anybody asks a server that has just started.

use std::sync::Arc;
use std::time::Duration;

use domain::utility::{Utility, UtilityRepository as _};
use test_support::sample::{at, change, creation, utility, version_of};
use test_support::{RedisServer, in_time};
use tokio::time::Instant;

use super::{World, config};
use crate::tests::ROOMY;
use crate::warming;
use crate::{Cache, SharedCache, SharedUtilityRepository};

const HOT: &str = "zona:{system}:hot:utilities";

/// A server of the world that has just started, with so many bytes of memory.
fn started(world: &World, redis: &RedisServer, max_bytes: u64) -> (Arc<SharedCache>, SharedUtilityRepository) {
    let own = Arc::new(Cache::new(ROOMY));
    let cache = Arc::new(SharedCache::open(max_bytes, own, &config(&redis.url()), world.sealing.clone(), "started").unwrap());
    let repository = SharedUtilityRepository::new(world.store.clone(), cache.clone());
    (cache, repository)
}

/// Has the first server be asked for some utilities, and say what it was asked for most, until Redis knows it: what is read meanwhile has to be
/// written, too, and may take all the room that there is for what waits.
async fn ask_for(world: &World, redis: &RedisServer, asked: &[(&str, usize)]) {
    let cache = &world.nodes[0].cache;
    in_time(cache.second().is_there()).await;
    world
        .until(async |world| {
            for (id, times) in asked {
                for _ in 0..*times {
                    assert!(world.current(0, id).await.is_some());
                }
            }
            warming::say(cache.hot(), cache.second());
            redis.command(&["EXISTS", HOT]) == "1"
        })
        .await;
}

#[tokio::test]
async fn what_servers_were_asked_for_most_is_read_ahead_by_one_that_starts() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let first = world.made_by(0);
    let made: Vec<Utility> = ["often", "deleted", "never"].into_iter().map(|id| utility(&world.acme, id)).collect();
    for utility in &made {
        first.commit(&world.acme, creation(utility.clone())).await.unwrap();
    }
    ask_for(&world, &redis, &[("often", 800), ("deleted", 400)]).await;
    let deletion = change(&made[1], Utility { deleted: Some(at(5)), ..made[1].clone() });
    first.commit(&world.acme, deletion.clone()).await.unwrap();
    let (cache, repository) = started(&world, &redis, ROOMY);
    in_time(repository.warm()).await;
    assert_eq!(cache.stats().warming.read, 2);
    let before = cache.stats().first;
    for expected in [&made[0], &deletion.utility] {
        let found = repository.find_current(&world.acme, &expected.name.utility).await.unwrap().open_for_system();
        assert_eq!(found.map(|(utility, _)| utility).as_ref(), Some(expected), "as it is now");
    }
    let after = cache.stats().first;
    assert_eq!((after.hits - before.hits, after.misses - before.misses), (2, 0));
    assert!(repository.find_current(&world.acme, &made[2].name.utility).await.unwrap().open_for_system().is_some());
    assert_eq!(cache.stats().first.misses - after.misses, 1, "what nobody had asked for was not read ahead");
}

#[tokio::test]
async fn no_more_is_read_ahead_than_half_of_the_memory_of_utilities() {
    const LARGE: usize = 100_000;
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let first = world.made_by(0);
    let ids: Vec<String> = (0..40).map(|number| format!("large-{number}")).collect();
    for id in &ids {
        let mut made = creation(utility(&world.acme, id));
        let kind = made.new_version.as_ref().unwrap().head.definition.kind;
        made.new_version = Some(version_of(1, kind, "#".repeat(LARGE)));
        first.commit(&world.acme, made).await.unwrap();
    }
    ask_for(&world, &redis, &ids.iter().map(|id| (id.as_str(), 64)).collect::<Vec<_>>()).await;
    // Utilities may take ten of sixteen parts: two MB, of which one is read ahead.
    let (cache, repository) = started(&world, &redis, 3_200_000);
    in_time(repository.warm()).await;
    let read = cache.stats().warming.read as usize;
    assert!((8..=11).contains(&read), "{read}");
}

#[tokio::test]
async fn a_read_that_does_not_end_is_given_up_when_the_time_is_over() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let (first, made) = (world.made_by(0), utility(&world.acme, "often"));
    first.commit(&world.acme, creation(made.clone())).await.unwrap();
    ask_for(&world, &redis, &[("often", 800)]).await;
    // What is in Redis is of an epoch that is over, so the store is read.
    first.commit(&world.acme, change(&made, Utility { deleted: Some(at(5)), ..made.clone() })).await.unwrap();
    let (cache, repository) = started(&world, &redis, ROOMY);
    let (halted, _gate) = world.store.halt_next();
    in_time(repository.warm_until(Instant::now() + Duration::from_secs(1))).await;
    halted.await.unwrap();
    assert_eq!(cache.stats().warming.read, 0);
}

#[tokio::test]
async fn what_is_no_text_of_ours_or_not_there_is_not_read_ahead() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    world.made_by(0).commit(&world.acme, creation(utility(&world.acme, "often"))).await.unwrap();
    let (cache, repository) = started(&world, &redis, ROOMY);
    in_time(repository.warm()).await;
    redis.command(&["SET", HOT, r#"[["acme","often"]]"#]);
    in_time(repository.warm()).await;
    assert_eq!(cache.stats().warming.read, 0);
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_waited_for_only_for_a_while() {
    let mut redis = RedisServer::start();
    let world = World::new(&redis.url(), &[false]);
    redis.kill();
    let (cache, repository) = started(&world, &redis, ROOMY);
    in_time(repository.warm()).await;
    assert_eq!(cache.stats().warming.read, 0);
}
