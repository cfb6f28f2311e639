//! A Redis that is gone, slow, full, empty, or holds what it likes: every answer is right, and none takes long.

use std::time::Duration;

use domain::utility::UtilityRepository as _;
use resilience::State;
use test_support::sample::{change, creation, utility};
use test_support::{RedisServer, in_time};

use super::{World, url};

/// Far more than the deadlines of all attempts until Redis is not asked any more, on a busy machine.
const NO_WAIT: Duration = Duration::from_secs(20);

/// Changes and reads, of which none may fail, show what is old, or take long.
async fn check_right_answers(world: &World) {
    let node = world.made_by(0);
    let mut held = utility(&world.acme, "extract");
    node.commit(&world.acme, creation(held.clone())).await.unwrap();
    let all = async {
        for _ in 0..50 {
            assert_eq!(world.current(0, "extract").await.as_ref(), Some(&held));
            let next = change(&held, held.clone());
            node.commit(&world.acme, next.clone()).await.unwrap();
            held = next.utility;
        }
    };
    tokio::time::timeout(NO_WAIT, all).await.expect("nobody waits for Redis");
}

#[tokio::test]
async fn a_redis_that_was_never_there_is_not_missed() {
    let mut redis = RedisServer::start();
    redis.kill();
    check_right_answers(&World::new(&redis.url(), &[true])).await;
}

#[tokio::test]
async fn a_redis_that_dies_is_not_missed_and_is_used_again_once_it_is_back() {
    let mut redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let answered = async |world: &World| {
        let before = world.nodes[0].cache.stats().second.hits;
        world.nodes[0].cache.forget_first();
        world.current(0, "warm").await;
        world.nodes[0].cache.stats().second.hits > before
    };
    world.made_by(0).commit(&world.acme, creation(utility(&world.acme, "warm"))).await.unwrap();
    world.until(answered).await;
    redis.kill();
    check_right_answers(&world).await;
    world.until(async |world| !answered(world).await && world.nodes[0].cache.stats().second.reads.state == State::Open).await;
    redis.restart();
    world.until(answered).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    world.until(async |world| world.nodes[0].cache.stats().news.missed >= 2).await;
    redis.pause();
    check_right_answers(&world).await;
    assert!(world.nodes[0].cache.stats().second.reads.openings > 0, "it is asked no more for a while");
    redis.resume();
}

#[tokio::test]
async fn a_full_redis_answers_what_it_holds_and_takes_nothing_more() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let made = utility(&world.acme, "warm");
    world.made_by(0).commit(&world.acme, creation(made.clone())).await.unwrap();
    let answered = async |world: &World| {
        let before = world.nodes[0].cache.stats().second.hits;
        world.nodes[0].cache.forget_first();
        assert_eq!(world.current(0, "warm").await, Some(made.clone()));
        world.nodes[0].cache.stats().second.hits > before
    };
    world.until(answered).await;
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]), "OK");
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    world.until(answered).await;
    check_right_answers(&world).await;
    world
        .until(async |world| {
            world.nodes[0].cache.forget_first();
            world.current(0, "extract").await;
            world.nodes[0].cache.stats().second.unwritten > 0
        })
        .await;
    assert_eq!(redis.command(&["DBSIZE"]), "1");
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    world
        .until(async |world| {
            world.nodes[0].cache.forget_first();
            world.current(0, "extract").await;
            redis.command(&["DBSIZE"]) != "1"
        })
        .await;
}

#[tokio::test]
async fn what_somebody_else_has_put_there_is_nothing() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let made = utility(&world.acme, "extract");
    world.made_by(0).commit(&world.acme, creation(made.clone())).await.unwrap();
    redis.command(&["SET", "zona:{acme}:utilities:extract", "def transform(value): pass"]);
    redis.command(&["LPUSH", "zona:{acme}:versions:extract:1", "a list"]);
    in_time(async {
        while world.nodes[0].cache.stats().second.unreadable == 0 {
            world.nodes[0].cache.forget_first();
            redis.command(&["SET", "zona:{acme}:utilities:extract", "def transform(value): pass"]);
            assert_eq!(world.current(0, "extract").await, Some(made.clone()));
            let id = &made.name.utility;
            assert!(world.nodes[0].utilities.find_version(&world.acme, id, 1).await.unwrap().open_for_system().is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_kind_speaks_against_no_other_key() {
    const READS: u64 = 20;
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let made = utility(&world.acme, "extract");
    world.made_by(0).commit(&world.acme, creation(made.clone())).await.unwrap();
    let stats = || world.nodes[0].cache.stats().second;
    world
        .until(async |world| {
            world.nodes[0].cache.forget_first();
            world.current(0, "extract").await;
            stats().hits > 0
        })
        .await;
    let before = stats().reads;
    redis.command(&["DEL", "zona:{acme}:versions:extract:1"]);
    redis.command(&["LPUSH", "zona:{acme}:versions:extract:1", "a list"]);
    for _ in 0..READS {
        world.nodes[0].cache.forget_first();
        let found = world.nodes[0].utilities.find_version(&world.acme, &made.name.utility, 1).await.unwrap();
        assert!(found.open_for_system().is_some());
        // What was read of the store would be written over it.
        redis.command(&["DEL", "zona:{acme}:versions:extract:1"]);
        redis.command(&["LPUSH", "zona:{acme}:versions:extract:1", "a list"]);
    }
    let after = stats().reads;
    assert_eq!((after.openings, after.attempts - before.attempts), (before.openings, READS));
}

#[tokio::test]
async fn a_value_that_is_larger_than_any_of_ours_is_nothing() {
    let redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true]);
    let made = utility(&world.acme, "extract");
    world.made_by(0).commit(&world.acme, creation(made.clone())).await.unwrap();
    world
        .until(async |world| {
            world.nodes[0].cache.forget_first();
            world.current(0, "extract").await;
            world.nodes[0].cache.stats().second.hits > 0
        })
        .await;
    redis.command(&["SETRANGE", "zona:{acme}:utilities:extract", "100000000", "x"]);
    redis.command(&["CONFIG", "RESETSTAT"]);
    world.nodes[0].cache.forget_first();
    assert_eq!(world.current(0, "extract").await, Some(made));
    let told = redis.command(&["INFO", "stats"]);
    let sent = told.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
    assert!(sent.trim().parse::<u64>().unwrap() < 10_000_000, "{sent} bytes came");
}

#[tokio::test]
async fn servers_of_two_stores_on_one_redis_see_nothing_of_each_other() {
    let (one, other) = (World::new(&url(), &[true]), World::new(&url(), &[true]));
    let made = utility(&one.acme, "of-one");
    one.made_by(0).commit(&one.acme, creation(made.clone())).await.unwrap();
    one.until(async |one| {
        one.nodes[0].cache.forget_first();
        one.current(0, "of-one").await;
        one.nodes[0].cache.stats().second.hits > 0
    })
    .await;
    // At the same epoch.
    other.made_by(0).commit(&other.acme, creation(utility(&other.acme, "another"))).await.unwrap();
    assert_eq!(other.current(0, "of-one").await, None);
}
