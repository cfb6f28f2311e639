//! Two servers beside what is true: random operations while Redis is paused, killed, emptied and filled, and while messages are lost. A read
//! shows what was true within the last second, and nothing older than the last change by its own server.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::utility::{Utility, UtilityRepository as _};
use test_support::sample::{at, change, creation, next_version, utility, utility_id};
use test_support::{RedisServer, repeat};

use super::World;

const SERVERS: usize = 2;
const UTILITIES: u64 = 6;
/// What is read may have been true so long ago, where another server has changed it.
const OLD: Duration = Duration::from_secs(1);
/// Operations between two events of the Redis, on average.
const QUIET: u64 = 150;

/// A generator that says the same for the same seed: a stream of SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What was true of a utility: from when on, by whom.
#[derive(Default)]
struct History(Vec<(Instant, usize, Utility)>);

impl History {
    /// Whether a read on a server that began then may show this.
    fn allows(&self, node: usize, began: Instant, seen: Option<&Utility>) -> bool {
        let own = self.0.iter().rposition(|(_, maker, _)| *maker == node).unwrap_or_default();
        let is_shown = |index: usize| {
            // It was replaced less than so long before the read began, or not at all.
            let replaced = self.0.get(index + 1).map(|(replaced, ..)| *replaced);
            replaced.is_none_or(|replaced| began.saturating_duration_since(replaced) < OLD)
        };
        match seen {
            Some(seen) => (own..self.0.len()).any(|index| is_shown(index) && self.0[index].2 == *seen),
            None => match self.0.first() {
                None => true,
                Some((made, maker, _)) => *maker != node && began.saturating_duration_since(*made) < OLD && own == 0,
            },
        }
    }
}

enum Redis {
    Well,
    Paused,
    Killed,
    Full,
}

fn trouble(redis: &mut RedisServer, state: &mut Redis, dice: &mut Dice) {
    match state {
        Redis::Paused => redis.resume(),
        Redis::Killed => redis.restart(),
        Redis::Full => assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "0"]), "OK"),
        Redis::Well => match dice.roll(5) {
            0 => {
                redis.pause();
                *state = Redis::Paused;
                return;
            }
            1 => {
                redis.kill();
                *state = Redis::Killed;
                return;
            }
            2 => {
                assert_eq!(redis.command(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
                *state = Redis::Full;
                return;
            }
            3 => assert_eq!(redis.command(&["FLUSHALL"]), "OK"),
            // Those who listen have to connect again, and have missed what was said until then.
            _ => drop(redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"])),
        },
    }
    *state = Redis::Well;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_redis_does_no_read_fails_or_shows_what_was_true_more_than_a_second_ago() {
    let operations = repeat(5_000, 100_000);
    let seed = u64::from(std::process::id()) ^ (u64::from(operations) << 32);
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut redis = RedisServer::start();
    let world = World::new(&redis.url(), &[true; SERVERS]);
    let mut truth: HashMap<String, History> = HashMap::new();
    let mut state = Redis::Well;
    for step in 0..operations {
        if dice.roll(QUIET) == 0 {
            trouble(&mut redis, &mut state, &mut dice);
        }
        let (node, id) = (dice.roll(SERVERS as u64) as usize, format!("u{}", dice.roll(UTILITIES)));
        let history = truth.entry(id.clone()).or_default();
        let last = history.0.last().map(|(_, _, last)| last.clone());
        match (dice.roll(20), last) {
            (0, None) => {
                let made = utility(&world.acme, &id);
                world.made_by(node).commit(&world.acme, creation(made.clone())).await.unwrap();
                history.0.push((Instant::now(), node, made));
            }
            (0, Some(last)) => {
                let next = match dice.roll(3) {
                    0 => next_version(&last),
                    _ => change(&last, Utility { deleted: last.deleted.xor(Some(at(5))), ..last.clone() }),
                };
                world.made_by(node).commit(&world.acme, next.clone()).await.unwrap();
                history.0.push((Instant::now(), node, next.utility));
            }
            (kind, last) => {
                let began = Instant::now();
                let seen = match (kind % 4, &last) {
                    (1, _) => world.nodes[node].utilities.find(&world.acme, &utility_id(&id)).await.unwrap().open_for_system(),
                    (2, Some(last)) => {
                        let found =
                            world.nodes[node].utilities.find_version(&world.acme, &utility_id(&id), last.latest_version).await.unwrap();
                        let number = found.open_for_system().map(|version| version.head.number);
                        // It was made within the last second, by the other, or it is there.
                        let may_be_absent = (0..history.0.len()).any(|index| {
                            history.0[index].2.latest_version < last.latest_version
                                && history.allows(node, began, Some(&history.0[index].2))
                        });
                        let is_first = history.allows(node, began, None);
                        assert!(
                            number == Some(last.latest_version) || (number.is_none() && (may_be_absent || is_first)),
                            "seed {seed}, step {step}: server {node} shows version {number:?} of {id}"
                        );
                        continue;
                    }
                    _ => world.current(node, &id).await,
                };
                let revisions: Vec<u64> = history.0.iter().map(|(.., utility)| utility.revision.as_u64()).collect();
                assert!(
                    history.allows(node, began, seen.as_ref()),
                    "seed {seed}, step {step}: server {node} shows {id} at {:?} of {revisions:?}",
                    seen.map(|seen| seen.revision.as_u64())
                );
            }
        }
    }
    let stats: Vec<_> = world.nodes.iter().map(|node| node.cache.stats()).collect();
    // How often it answers depends on how much of the time it is well; that it does, other tests show.
    assert!(
        stats.iter().all(|stats| stats.first.hits > 0 && stats.second.reads.attempts > 0),
        "memory answers and Redis is asked: {stats:?}"
    );
}
