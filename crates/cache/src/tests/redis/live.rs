//! What executions print, from the server that runs them to one on which somebody watches: each event once and in order, whatever Redis does.

use std::sync::Arc;

use domain::access::TenantScope;
use domain::execution::{Body, Event, Execution, ExecutionRepository, Hint, Signals as _};
use futures_util::StreamExt as _;
use resilience::State;
use test_support::sample::{at, ended, execution, execution_id, fence, output, scope};
use test_support::{InMemoryExecutionRepository, InMemorySignals, RedisServer, in_time};
use tokio::task::JoinHandle;

use super::{StoreSealing, config, url};
use crate::{LiveEvents, SharedExecutionRepository};

const NO_LIMIT: usize = usize::MAX;
/// What a watcher takes at once.
const BATCH: usize = 256 << 10;
/// Looks within which what was stored is told, unless it is not told at all.
const LOOKS: usize = 100;

/// One of two servers of a store.
struct Hub {
    live: Arc<LiveEvents>,
    executions: SharedExecutionRepository,
    signals: Arc<InMemorySignals>,
    running: JoinHandle<()>,
}

/// Two servers of a store: the first runs an execution, and somebody watches on the second.
struct Pair {
    store: Arc<InMemoryExecutionRepository>,
    hubs: [Hub; 2],
    acme: TenantScope,
    held: Execution,
    /// Events that were stored.
    stored: u64,
    /// What the watcher has seen.
    seen: Vec<Event>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Pair {
    async fn new(url: &str) -> Self {
        let (store, sealing) = (Arc::new(InMemoryExecutionRepository::default()), Arc::new(StoreSealing::new()));
        let (acme, redis) = (scope("acme"), config(url));
        let hub = |name: &str| {
            let live = Arc::new(LiveEvents::open(&redis, sealing.clone(), &format!("{}-{name}", sealing.0)).unwrap());
            let signals = Arc::new(InMemorySignals::default());
            let running = {
                let (live, signals) = (live.clone(), signals.clone());
                tokio::spawn(async move { live.run(signals.as_ref()).await })
            };
            Hub { executions: SharedExecutionRepository::new(store.clone(), live.clone()), live, signals, running }
        };
        let hubs = ["runs", "watches"].map(hub);
        // One that no other test has, as they share a Redis.
        let number = sealing.0.rsplit('-').next().unwrap().parse().unwrap();
        let held = execution(&acme, number);
        store.insert(&acme, &held, None, &[], None).await.unwrap();
        Pair { store, hubs, acme, held, stored: 0, seen: Vec::new() }
    }

    /// The first server stores some more output.
    async fn print(&mut self, events: u64, bytes: usize) {
        let printed: Vec<Event> = (self.stored + 1..=self.stored + events).map(|sequence| output(sequence, bytes)).collect();
        self.hubs[0].executions.append(&self.acme, &self.held.name.execution, &self.held.fence, &printed).await.unwrap();
        self.stored += events;
    }

    /// The watcher looks once; what it is shown must be what follows, as it was stored.
    async fn look(&mut self) -> usize {
        let after = self.seen.len() as u64;
        let found = self.hubs[1].executions.watched_after(&self.acme, &self.held.name.execution, after, BATCH).await.unwrap();
        let stored = self.store.events_after(&self.acme, &self.held.name.execution, after, NO_LIMIT).await.unwrap();
        assert_eq!(found[..], stored[..found.len()], "after {after}");
        assert!(!found.is_empty() || stored.is_empty(), "what is stored is found, after {after}");
        self.seen.extend(found.iter().cloned());
        found.len()
    }

    /// The watcher looks until it has seen everything.
    async fn catch_up(&mut self) {
        while self.look().await > 0 {}
        assert_eq!(self.seen.len() as u64, self.stored);
    }

    /// Prints until the watcher is answered by Redis.
    async fn until_told(&mut self) {
        loop {
            self.print(1, 10).await;
            // No faster than it can be told.
            for _ in 0..LOOKS {
                if self.hubs[1].live.after(self.acme.tenant(), &self.held.name.execution, self.stored - 1, BATCH).await.is_some() {
                    return self.catch_up().await;
                }
                test_support::breathe().await;
            }
        }
    }

    fn key(&self) -> String {
        format!("zona:{{acme}}:events:{}", self.held.name.execution)
    }
}

mod contract {
    use std::sync::Arc;

    use domain::execution::ExecutionRepository;
    use test_support::InMemoryExecutionRepository;

    use super::super::{StoreSealing, config, url};
    use crate::{LiveEvents, SharedExecutionRepository};

    fn executions() -> Box<dyn ExecutionRepository> {
        let live = LiveEvents::open(&config(&url()), Arc::new(StoreSealing::new()), "contract").unwrap();
        Box::new(SharedExecutionRepository::new(Arc::new(InMemoryExecutionRepository::default()), Arc::new(live)))
    }

    test_support::execution_repository_contract!(executions());
}

#[tokio::test]
async fn what_one_server_has_stored_the_other_hears_of_and_reads_without_the_store() {
    // One of its own: everybody on it hears of everything.
    let redis = RedisServer::start();
    let mut pair = Pair::new(&redis.url()).await;
    in_time(pair.until_told()).await;
    let mut hints = pair.hubs[1].signals.sequences_of(&pair.held.name);
    in_time(async {
        loop {
            pair.print(2, 100).await;
            // Until the second hears: it may still be connecting.
            tokio::select! {
                biased;
                hint = hints.next() => {
                    assert!(matches!(hint, Some(Hint::Of(_) | Hint::Missed)));
                    break;
                }
                () = test_support::breathe() => {}
            }
        }
    })
    .await;
    assert!(pair.hubs[1].live.stats().heard > 0);
    assert_eq!(pair.hubs[0].live.stats().heard, 0, "nobody hears themselves");
    // The store would fail who asks it.
    in_time(async {
        loop {
            pair.print(1, 10).await;
            let (after, id) = (pair.stored - 1, &pair.held.name.execution);
            pair.store.faults().fail_always("events_after");
            let found = pair.hubs[1].executions.watched_after(&pair.acme, id, after, BATCH).await;
            pair.store.faults().heal();
            if let Ok(found) = found {
                assert_eq!(found, [output(pair.stored, 10)]);
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn how_an_execution_ended_is_hinted_and_read_of_the_store() {
    let mut pair = Pair::new(&url()).await;
    in_time(pair.until_told()).await;
    let mut hints = pair.hubs[1].signals.sequences_of(&pair.held.name);
    let last = Execution { last_sequence: pair.stored + 2, ..ended(&pair.held, 20) };
    let end = Event { sequence: pair.stored + 2, time: at(20), body: Body::Finished(Box::new(last.clone())) };
    let heard = async {
        loop {
            // Repeated: the second may still be connecting.
            pair.hubs[0].live.tell(pair.acme.tenant(), &pair.held.name.execution, &[output(pair.stored + 1, 10), end.clone()], true);
            tokio::select! {
                biased;
                // What was told before may come late.
                hint = hints.next() => if hint == Some(Hint::Of(pair.stored + 2)) { break },
                () = test_support::breathe() => {}
            }
        }
    };
    in_time(heard).await;
    let found = pair.hubs[1].live.after(pair.acme.tenant(), &pair.held.name.execution, pair.stored + 1, BATCH).await;
    assert_eq!(found, None, "its end is not in Redis");
}

#[tokio::test]
async fn whatever_redis_does_a_watcher_sees_each_event_once_and_in_order() {
    const ROUNDS: u64 = 120;
    let mut redis = RedisServer::start();
    let mut pair = Pair::new(&redis.url()).await;
    in_time(pair.until_told()).await;
    for round in 0..ROUNDS {
        // Every trouble meets a watcher that is behind, and one that is not.
        match round % 12 {
            1 => assert_eq!(redis.command(&["FLUSHALL"]), "OK"),
            2 => assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK"),
            4 => assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK"),
            5 => drop(redis.command(&["DEL", &pair.key()])),
            6 => drop(redis.command(&["SET", &pair.key(), "no stream"])),
            7 => drop(redis.command(&["DEL", &pair.key()])),
            8 => drop(redis.command(&["XADD", &pair.key(), "*", "b", "no batch"])),
            9 => drop(redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"])),
            10 if round % 24 == 10 => redis.kill(),
            11 if round % 24 == 11 => redis.restart(),
            11 if round % 24 == 23 => {
                redis.pause();
                pair.print(1, 10).await;
                pair.look().await;
                redis.resume();
            }
            _ => {}
        }
        pair.print(1 + round % 3, 500).await;
        if round % 4 != 3 {
            in_time(pair.catch_up()).await;
        }
    }
    in_time(pair.catch_up()).await;
    assert!(pair.hubs[1].live.stats().misses > 0);
    let all = pair.store.events_after(&pair.acme, &pair.held.name.execution, 0, NO_LIMIT).await.unwrap();
    assert_eq!(pair.seen, all);
    // What was put there meanwhile stands in the way of this one until it goes.
    drop(redis.command(&["DEL", &pair.key()]));
    in_time(pair.until_told()).await;
}

#[tokio::test]
async fn a_full_redis_is_left_alone_for_a_while_and_watchers_read_the_store() {
    let redis = RedisServer::start();
    let mut pair = Pair::new(&redis.url()).await;
    in_time(pair.until_told()).await;
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
    in_time(async {
        while pair.hubs[0].live.stats().writes.state == State::Closed {
            pair.print(1, 100).await;
            pair.catch_up().await;
        }
    })
    .await;
    assert!(pair.hubs[0].live.stats().untold > 0);
    assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
    in_time(pair.until_told()).await;
}

#[tokio::test]
async fn a_stream_is_short_goes_by_itself_and_shows_nothing_to_who_has_redis_alone() {
    let redis = RedisServer::start();
    let mut pair = Pair::new(&redis.url()).await;
    in_time(pair.until_told()).await;
    let key = pair.key();
    in_time(async {
        for _ in 0..64 {
            pair.print(3, 2_000).await;
        }
        while pair.hubs[1].live.after(pair.acme.tenant(), &pair.held.name.execution, pair.stored - 1, BATCH).await.is_none() {
            test_support::breathe().await;
        }
    })
    .await;
    assert_eq!(redis.command(&["XLEN", &key]), "16");
    assert!((1..=60).contains(&redis.command(&["TTL", &key]).parse::<i64>().unwrap()));
    // Far behind, there is a gap: the store has it.
    assert_eq!(pair.hubs[1].live.after(pair.acme.tenant(), &pair.held.name.execution, pair.stored - 64, BATCH).await, None);
    in_time(pair.catch_up()).await;
}

#[tokio::test]
async fn what_comes_late_or_twice_is_not_shown_and_a_gap_is_read_of_the_store() {
    let redis = RedisServer::start();
    let pair = Pair::new(&redis.url()).await;
    let (id, tenant) = (&pair.held.name.execution, pair.acme.tenant());
    let live = |hub: usize| pair.hubs[hub].live.clone();
    in_time(async {
        // The first is on its way, the second leaves a gap, and the first comes once more.
        while live(1).after(tenant, id, 4, BATCH).await.is_none() {
            live(0).tell(tenant, id, &[output(5, 10)], true);
            test_support::breathe().await;
        }
        live(0).tell(tenant, id, &[output(7, 10)], true);
        live(0).tell(tenant, id, &[output(5, 10)], true);
        live(0).tell(tenant, id, &[output(8, 10), output(9, 10)], true);
        while live(1).after(tenant, id, 7, BATCH).await.is_none() {
            test_support::breathe().await;
        }
    })
    .await;
    assert_eq!(live(1).after(tenant, id, 3, BATCH).await, None);
    assert_eq!(live(1).after(tenant, id, 4, BATCH).await, Some(vec![output(5, 10)]), "not beyond the gap");
    assert_eq!(live(1).after(tenant, id, 5, BATCH).await, None);
    assert_eq!(live(1).after(tenant, id, 6, BATCH).await, Some(vec![output(7, 10), output(8, 10), output(9, 10)]));
    assert_eq!(live(1).after(tenant, id, 8, BATCH).await, Some(vec![output(9, 10)]), "from within a batch");
    assert_eq!(live(1).after(tenant, id, 9, BATCH).await, None);
}

#[tokio::test]
async fn a_batch_that_was_put_elsewhere_does_not_open() {
    let redis = RedisServer::start();
    let mut pair = Pair::new(&redis.url()).await;
    in_time(pair.until_told()).await;
    let other = execution_id(900_000);
    assert_eq!(redis.command(&["COPY", &pair.key(), &format!("zona:{{acme}}:events:{other}")]), "1");
    let before = pair.hubs[1].live.stats().unreadable;
    for after in 0..pair.stored {
        assert_eq!(pair.hubs[1].live.after(pair.acme.tenant(), &other, after, BATCH).await, None);
    }
    assert!(pair.hubs[1].live.stats().unreadable > before);
}

#[tokio::test]
async fn nothing_is_told_that_the_store_has_refused() {
    let redis = RedisServer::start();
    let mut pair = Pair::new(&redis.url()).await;
    in_time(pair.until_told()).await;
    let (id, newest) = (pair.held.name.execution.clone(), pair.stored);
    // Another server has taken it over.
    let refused = pair.hubs[0].executions.append(&pair.acme, &id, &fence("server-2", 9), &[output(newest + 1, 999)]).await;
    refused.expect_err("the fence is another's");
    in_time(pair.until_told()).await;
    assert_eq!(pair.seen[newest as usize], output(newest + 1, 10));
    in_time(pair.catch_up()).await;
}
