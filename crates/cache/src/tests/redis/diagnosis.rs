//! What doctor finds in Redis servers of every kind.

use test_support::RedisServer;
use zeroize::Zeroizing;

use super::config;
use crate::diagnosis::ADVICE;
use crate::{Health, Observation, diagnose};

/// What the advice says, of which an operator fills in the password.
fn advised() -> Vec<String> {
    let (_, command) = ADVICE.split_once(": ").unwrap();
    command.split(' ').map(|part| part.replace("PASSWORD", "hunter2")).collect()
}

async fn look(redis: &RedisServer, as_user: bool) -> Vec<Observation> {
    // A user must be able to choose a database, too.
    let mut config = config(&format!("{}/1", redis.url()));
    if as_user {
        (config.user, config.password) = (Some("zona".to_owned()), Some(Zeroizing::new("hunter2".to_owned())));
    }
    diagnose(&config).await.unwrap()
}

fn check(found: &[Observation], expected: &[(&str, Health, &str)]) {
    let shown: Vec<_> = found.iter().map(|one| (one.name, one.health)).collect();
    assert_eq!(shown, expected.iter().map(|(name, health, _)| (*name, *health)).collect::<Vec<_>>(), "{found:?}");
    for (one, (.., said)) in found.iter().zip(expected) {
        assert!(one.detail.contains(said), "{one:?}");
        assert_eq!(one.advice.is_empty(), one.health == Health::Good, "{one:?}");
    }
}

#[tokio::test]
async fn a_redis_whose_user_may_do_everything_and_that_has_no_bounds_could_be_better() {
    let redis = RedisServer::start();
    let found = look(&redis, false).await;
    check(
        &found,
        &[
            ("redis", Health::Good, "read, written"),
            ("redis acl", Health::Limited, "everything"),
            ("redis memory", Health::Limited, "without a maxmemory"),
        ],
    );
    redis.command(&["CONFIG", "SET", "maxmemory", "100mb"]);
    check(&look(&redis, false).await[2..], &[("redis memory", Health::Limited, "noeviction")]);
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    check(&look(&redis, false).await[2..], &[("redis memory", Health::Good, "allkeys-lru")]);
}

#[tokio::test]
async fn a_user_with_the_rights_of_a_server_is_good_and_one_with_fewer_is_of_no_use() {
    let redis = RedisServer::start();
    let advised = advised();
    assert_eq!(redis.command(&advised.iter().map(String::as_str).collect::<Vec<_>>()), "OK");
    check(
        &look(&redis, true).await,
        &[
            ("redis", Health::Good, "read, written"),
            ("redis acl", Health::Good, "neither"),
            ("redis memory", Health::Limited, "may not read"),
        ],
    );
    redis.command(&["ACL", "SETUSER", "zona", "-eval"]);
    check(&look(&redis, true).await, &[("redis", Health::Bad, "eval")]);
}

#[tokio::test]
async fn a_redis_that_is_gone_or_refuses_the_password_is_said_to_be_so() {
    let mut redis = RedisServer::start();
    check(&look(&redis, true).await, &[("redis", Health::Bad, "cannot be used")]);
    redis.kill();
    let found = look(&redis, false).await;
    check(&found, &[("redis", Health::Bad, "cannot be used")]);
    assert!(!format!("{found:?}").contains("hunter2"));
}
