//! Histories of clients of two servers while the network between them and the database is cut, against a model: each utility is a register
//! whose revisions say in which order it was written. The order must be one in which each thing was done between its question and its answer.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::ErrorKind;
use domain::request::Committed;
use domain::utility::{Metadata, Utility, UtilityRepository};
use futures_util::future::join_all;
use test_support::sample::{change, creation, scope, utility, utility_id};
use test_support::{in_time, repeat};

use super::proxy::Proxy;
use super::{Scratch, server};
use crate::{Config, MongoStore};

const CLIENTS: u64 = 16;
/// What each client does.
const STEPS: u64 = 8;
/// Few registers, so that clients meet.
const REGISTERS: u64 = 3;
/// Repeats one seed.
const SEED: &str = "ZONA_TEST_SEED";

/// One thing that a client did to a register: from when to when, by one clock, and what it saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    register: u64,
    asked: u64,
    /// `u64::MAX` where nobody was told whether it was done.
    answered: u64,
    saw: Saw,
}

/// What was seen of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saw {
    /// This revision, written with this mark; 0 where there was none.
    Read { revision: u64, mark: u64 },
    /// This revision was written with this mark.
    Wrote { revision: u64, mark: u64 },
    /// Another revision than this one was there.
    Refused { expected: u64 },
    /// It may have been written.
    MayHaveWritten { revision: u64, mark: u64 },
}

/// Whether a history is one of registers; otherwise what is wrong with it.
fn fault(history: &[Step]) -> Option<String> {
    (0..REGISTERS).find_map(|register| {
        let steps: Vec<Step> = history.iter().filter(|step| step.register == register).copied().collect();
        fault_of_one(&steps)
    })
}

fn fault_of_one(steps: &[Step]) -> Option<String> {
    // Who wrote which revision; of those who may have, the one whose mark was seen.
    let mut written: BTreeMap<u64, Step> = BTreeMap::new();
    for step in steps {
        if let Saw::Wrote { revision, .. } = step.saw
            && let Some(other) = written.insert(revision, *step)
        {
            return Some(format!("one revision was written twice: {other:?} and {step:?}"));
        }
    }
    let seen: BTreeMap<u64, u64> =
        steps.iter().filter_map(|step| if let Saw::Read { revision, mark } = step.saw { Some((revision, mark)) } else { None }).collect();
    for step in steps {
        if let Saw::MayHaveWritten { revision, mark } = step.saw
            && seen.get(&revision) == Some(&mark)
            && let Some(other) = written.insert(revision, *step)
        {
            return Some(format!("one revision was written twice: {other:?} and {step:?}"));
        }
    }
    let mark_of = |step: &Step| match step.saw {
        Saw::Wrote { mark, .. } | Saw::MayHaveWritten { mark, .. } => mark,
        Saw::Read { .. } | Saw::Refused { .. } => unreachable!("only writes are written"),
    };
    // Where each step stands in the order of revisions: a write before those that read it.
    let mut placed: Vec<((u64, u8), Step)> = Vec::new();
    for step in steps {
        match step.saw {
            Saw::Read { revision: 0, .. } => placed.push(((0, 1), *step)),
            Saw::Read { revision, mark } => match written.get(&revision) {
                Some(write) if mark_of(write) == mark => placed.push(((revision, 1), *step)),
                write => return Some(format!("what nobody wrote was read: {step:?}, {write:?}")),
            },
            Saw::Wrote { revision, .. } => placed.push(((revision, 0), *step)),
            // It saw what came behind the revision that it expected.
            Saw::Refused { expected } => {
                let is_possible = written.range(expected + 1..).any(|(_, write)| write.asked < step.answered)
                    || steps.iter().any(|other| matches!(other.saw, Saw::MayHaveWritten { revision, .. } if revision == expected + 1));
                if !is_possible {
                    return Some(format!("it was refused, and nothing else was written: {step:?}"));
                }
            }
            Saw::MayHaveWritten { revision, .. } => {
                if written.get(&revision) == Some(step) {
                    placed.push(((revision, 0), *step));
                }
            }
        }
    }
    // None stands before one that was answered before it was asked for.
    placed.sort_unstable_by_key(|(place, step)| (*place, step.asked));
    let mut last_asked: Option<Step> = None;
    for (_, step) in &placed {
        if let Some(before) = last_asked.filter(|before| step.answered < before.asked) {
            return Some(format!("{step:?} was answered before {before:?} was asked for, and stands behind it"));
        }
        last_asked = match last_asked {
            Some(before) if before.asked > step.asked => Some(before),
            _ => Some(*step),
        };
    }
    None
}

/// Random numbers that a seed repeats.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_clients_do_while_the_network_is_cut_is_what_registers_would_do() {
    let given = env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seeds = given.map_or_else(|| (0..u64::from(repeat(5, 100))).collect(), |seed: u64| vec![seed]);
    for seed in seeds {
        let proxy = Proxy::before(server::port());
        let scratch = Scratch::with(|config| Config { uri: proxy.uri(), ..config }).await;
        let another = scratch.another().await;
        let clock = AtomicU64::new(1);
        let clients = (0..CLIENTS).map(|client| {
            let store = if client % 2 == 0 { &scratch.store } else { &another };
            steps_of(store, &clock, client, Random(seed * CLIENTS + client), &proxy)
        });
        let history: Vec<Step> = in_time(join_all(clients)).await.into_iter().flatten().collect();
        if let Some(fault) = fault(&history) {
            panic!("{SEED}={seed}: {fault}\n{history:#?}");
        }
        let count = |is: fn(&Saw) -> bool| history.iter().filter(|step| is(&step.saw)).count();
        let (wrote, refused) = (count(|saw| matches!(saw, Saw::Wrote { .. })), count(|saw| matches!(saw, Saw::Refused { .. })));
        println!("{SEED}={seed}: {} steps, {wrote} wrote, {refused} were refused", history.len());
    }
}

async fn steps_of(store: &MongoStore, clock: &AtomicU64, client: u64, mut random: Random, proxy: &Proxy) -> Vec<Step> {
    let (acme, mut steps) = (scope("acme"), Vec::new());
    for number in 0..STEPS {
        let (register, mark) = (random.next(REGISTERS), client * STEPS + number + 1);
        if random.next(12) == 0 {
            proxy.cut();
        }
        let id = utility_id(&format!("register-{register}"));
        let asked = clock.fetch_add(1, Ordering::SeqCst);
        let found = UtilityRepository::find(store, &acme, &id).await;
        let answered = clock.fetch_add(1, Ordering::SeqCst);
        let Ok(found) = found.map(|found| found.open_for_system()) else { continue };
        let (revision, seen) = found.as_ref().map_or((0, 0), |found| (found.revision.as_u64(), mark_in(found)));
        steps.push(Step { register, asked, answered, saw: Saw::Read { revision, mark: seen } });
        if random.next(3) == 0 {
            continue;
        }
        let marked = |utility: Utility| {
            let metadata = Metadata { description: mark.to_string(), ..utility.metadata };
            Utility { metadata, ..utility }
        };
        let write = match found {
            None => creation(marked(utility(&acme, id.as_str()))),
            Some(before) => change(&before, marked(before.clone())),
        };
        let revision = write.utility.revision.as_u64();
        let asked = clock.fetch_add(1, Ordering::SeqCst);
        let written = UtilityRepository::commit(store, &acme, write).await;
        let now = clock.fetch_add(1, Ordering::SeqCst);
        let (answered, saw) = match written {
            Ok(Committed::Stored) => (now, Saw::Wrote { revision, mark }),
            Ok(Committed::Conflict) => (now, Saw::Refused { expected: revision - 1 }),
            Ok(other) => panic!("{other:?} without a request id"),
            Err(error) if error.reason() == "OUTCOME_UNKNOWN" => (u64::MAX, Saw::MayHaveWritten { revision, mark }),
            // It is said that nothing is stored: whoever reads this mark all the same finds a fault.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                continue;
            }
        };
        steps.push(Step { register, asked, answered, saw });
    }
    steps
}

fn mark_in(utility: &Utility) -> u64 {
    utility.metadata.description.parse().expect("it holds a mark")
}

#[test]
fn histories_that_no_register_has_are_found() {
    let step = |asked, answered, saw| Step { register: 0, asked, answered, saw };
    let (one, two) = (Saw::Wrote { revision: 1, mark: 1 }, Saw::Wrote { revision: 2, mark: 2 });
    let read = |revision, mark| Saw::Read { revision, mark };
    assert_eq!(fault(&[step(1, 4, one), step(2, 3, read(1, 1)), step(5, 6, two), step(7, 8, read(2, 2))]), None);
    let late = Saw::MayHaveWritten { revision: 2, mark: 2 };
    assert_eq!(fault(&[step(1, 2, one), step(3, u64::MAX, late), step(5, 6, read(2, 2))]), None);
    assert_eq!(fault(&[step(1, 2, one), step(3, 4, two), step(5, 6, Saw::Refused { expected: 1 })]), None);
    for wrong in [
        vec![step(1, 2, one), step(3, 4, one)],
        vec![step(1, 2, one), step(3, 4, two), step(5, 6, read(1, 1))],
        vec![step(1, 2, one), step(3, 4, read(0, 0))],
        vec![step(1, 2, read(1, 1)), step(3, 4, one)],
        vec![step(1, 2, one), step(3, 4, read(1, 7))],
        vec![step(1, 2, one), step(3, 4, read(2, 2))],
        vec![step(1, 2, one), step(3, 4, Saw::Refused { expected: 1 })],
        vec![step(3, 4, one), step(1, 2, two)],
    ] {
        assert!(fault(&wrong).is_some(), "{wrong:?}");
    }
}
