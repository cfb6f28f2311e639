//! How often tenants may call: by one server, by several together, and by each alone where Redis cannot be asked.

use std::num::NonZeroU32;
use std::time::Instant;

use domain::Error;
use domain::limit::{CallClass, CallLimits as _};
use domain::name::TenantId;
use resilience::State;
use test_support::sample::tenant;
use test_support::{RedisServer, in_time};

use super::config;
use crate::limits::{Limits, Rates};

const RATE: u32 = 200;

fn rates(servers: u32) -> Rates {
    let rate = NonZeroU32::new(RATE);
    Rates { reads: rate, writes: rate, executions: None, servers: NonZeroU32::new(servers).unwrap() }
}

/// How many of many calls get through, all made as fast as they go.
async fn let_through(limits: &[&Limits], tenant: &TenantId, class: CallClass, calls: u32) -> u32 {
    let mut through = 0;
    for call in 0..calls {
        match limits[call as usize % limits.len()].admit(tenant, class).await {
            Ok(()) => through += 1,
            Err(Error::Exhausted { reason, retry_after, .. }) => {
                assert_eq!(reason, "RATE_LIMITED");
                assert!(!retry_after.is_zero() && retry_after.as_secs() < 3, "{retry_after:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    through
}

/// What may get through since a moment: those of a second at once, and as many again for each second.
fn at_most(rate: u32, since: Instant) -> u32 {
    rate + (f64::from(rate) * since.elapsed().as_secs_f64()).ceil() as u32
}

#[tokio::test]
async fn one_server_lets_a_tenant_make_so_many_calls_of_a_class_and_others_theirs() {
    let limits = Limits::local(&rates(1));
    let began = Instant::now();
    let through = let_through(&[&limits], &tenant("acme"), CallClass::Read, 5 * RATE).await;
    assert!((RATE..=at_most(RATE, began)).contains(&through), "{through}");
    for (other, class) in [("acme", CallClass::Write), ("beta", CallClass::Read)] {
        assert!(let_through(&[&limits], &tenant(other), class, RATE).await >= RATE);
    }
    assert_eq!(let_through(&[&limits], &tenant("acme"), CallClass::Execute, 5 * RATE).await, 5 * RATE, "nothing limits these");
}

/// Waits until both a connection is there and Redis answers over it; that is of another tenant.
async fn connected(limits: &[&Limits]) {
    in_time(async {
        for limits in limits {
            while limits.standing().unwrap().attempts == limits.standing().unwrap().failures {
                limits.admit(&tenant("first"), CallClass::Read).await.map_or_else(drop, drop);
                test_support::breathe().await;
            }
        }
    })
    .await;
}

/// Two servers let no more through than one may, and about as many.
pub(super) async fn check_two_servers_together(url: &str) {
    let (one, other) = (Limits::shared(&rates(2), &config(url)).unwrap(), Limits::shared(&rates(2), &config(url)).unwrap());
    // Until then each lets its share through.
    connected(&[&one, &other]).await;
    // Where Redis was late once, as on a busy machine, shares came in beside.
    for attempt in 0..20 {
        let failures = || one.standing().unwrap().failures + other.standing().unwrap().failures;
        let (began, before) = (Instant::now(), failures());
        let through = let_through(&[&one, &other], &tenant(&format!("acme-{attempt}")), CallClass::Read, 5 * RATE).await;
        if failures() == before {
            assert!((RATE..=at_most(RATE, began)).contains(&through), "{through} in {:?}", began.elapsed());
            return;
        }
    }
    panic!("Redis is late in each of many attempts");
}

#[tokio::test]
async fn two_servers_together_let_no_more_through_than_one_may() {
    check_two_servers_together(&RedisServer::start().url()).await;
}

/// Where Redis cannot be asked, a server lets its share through, and neither everything nor nothing.
async fn check_share(limits: &Limits, code: &str) {
    const SERVERS: u32 = 4;
    let began = Instant::now();
    let through = let_through(&[limits], &tenant(code), CallClass::Read, 5 * RATE).await;
    let share = RATE / SERVERS;
    assert!((share..=at_most(share, began)).contains(&through), "{through} in {:?}", began.elapsed());
}

#[tokio::test]
async fn without_redis_each_server_lets_its_share_through() {
    let mut redis = RedisServer::start();
    redis.kill();
    let limits = Limits::shared(&rates(4), &config(&redis.url())).unwrap();
    check_share(&limits, "acme").await;
}

#[tokio::test]
async fn a_redis_that_hangs_or_is_full_leaves_each_server_its_share() {
    let redis = RedisServer::start();
    let limits = Limits::shared(&rates(4), &config(&redis.url())).unwrap();
    let works = async || {
        let before = limits.standing().unwrap();
        limits.admit(&tenant("first"), CallClass::Write).await.map_or_else(drop, drop);
        let after = limits.standing().unwrap();
        test_support::breathe().await;
        after.state == State::Closed && after.attempts > before.attempts && after.failures == before.failures
    };
    let until_it_works = async || in_time(async { while !works().await {} }).await;
    until_it_works().await;
    redis.pause();
    // What was asked for while it did not answer is decided by the share as well.
    in_time(async {
        while limits.standing().unwrap().state != State::Open {
            limits.admit(&tenant("second"), CallClass::Write).await.map_or_else(drop, drop);
        }
    })
    .await;
    check_share(&limits, "acme").await;
    redis.resume();
    until_it_works().await;
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    check_share(&limits, "beta").await;
    assert!(limits.standing().unwrap().failures > 0);
}

#[tokio::test]
async fn what_somebody_else_has_put_there_locks_nobody_out_and_opens_nothing() {
    let redis = RedisServer::start();
    redis.command(&["SET", "zona:{acme}:limits:reads", "9e300"]);
    redis.command(&["SET", "zona:{beta}:limits:reads", "nonsense"]);
    redis.command(&["LPUSH", "zona:{gamma}:limits:reads", "a list"]);
    let limits = Limits::shared(&rates(4), &config(&redis.url())).unwrap();
    connected(&[&limits]).await;
    let openings = limits.standing().unwrap().openings;
    // What is no number counts for nothing; where nothing can be counted, the share decides.
    for (code, rate) in [("acme", RATE), ("beta", RATE), ("gamma", RATE / 4)] {
        let began = Instant::now();
        let through = let_through(&[&limits], &tenant(code), CallClass::Read, 5 * RATE).await;
        assert!((rate..=at_most(rate, began)).contains(&through), "{code}: {through} in {:?}", began.elapsed());
    }
    assert_eq!(limits.standing().unwrap().openings, openings, "one key speaks against nobody else's");
}

#[tokio::test]
async fn of_many_calls_at_once_none_is_left_to_the_share_while_redis_answers() {
    const MANY: usize = 100;
    let redis = RedisServer::start();
    // The share is two calls a second.
    let limits = Limits::shared(&rates(100), &config(&redis.url())).unwrap();
    connected(&[&limits]).await;
    // Where Redis was late once, as on a busy machine, the share has decided.
    for attempt in 0..20 {
        let (acme, failures) = (tenant(&format!("acme-{attempt}")), limits.standing().unwrap().failures);
        let all = futures_util::future::join_all((0..MANY).map(|_| limits.admit(&acme, CallClass::Read))).await;
        let through = all.iter().filter(|admitted| admitted.is_ok()).count();
        if limits.standing().unwrap().failures == failures {
            assert_eq!(through, MANY);
            return;
        }
    }
    panic!("Redis is late in each of many attempts");
}
