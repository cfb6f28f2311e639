//! Which programs leave something behind: a child that cannot be put back after them was prepared for nothing, so they get fresh ones, until
//! they are tried again.
//!
//! It counts rounds, and reads no clock. It deliberately remembers little, and no program's text.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use domain::sandbox::Job;
use sandbox_protocol::control::Left;

use crate::live::ProgramKey;

/// Rounds of a program that are looked at: the last ones, from the first in which it left something.
const WINDOW: u32 = u16::BITS;
/// A program that leaves something in so many of four rounds is better off with fresh children. A round after which its child is put back
/// costs about 1,000 µs, one in a fresh child 3,900, and one after which a child is lost that was prepared for more 4,900: they are equal at
/// 0.74.
const SHARE_OF_FOUR: u32 = 3;
/// How often a program leaves something of its own, at least, before it gets fresh children: once may be an accident.
const PATIENCE: u32 = 2;
/// The same of what may be anybody's: pages and status change by the program, and by a kernel that is short of memory, or an administrator,
/// and then for all programs at once.
const LONG_PATIENCE: u32 = WINDOW / 2;
/// Rounds in fresh children after which a program is tried again, at first. Each time that it leaves something again there are twice as
/// many, up to the most: a tenant may need another sandbox for it, which costs as much as 50 forks.
const FIRST_PAUSE: u32 = 64;
const LONGEST_PAUSE: u32 = 16 * 1024;
/// Programs that are remembered: those that were met last. No tenant can have those of others forgotten while it has as many itself.
const MOST: usize = 256;

/// What is remembered of programs that left something.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// Two of one key are taken for one program: the other one gets fresh children, too.
    hasher: RandomState,
    programs: HashMap<ProgramKey, Remembered>,
    /// How many times any of them was met.
    times: u64,
}

#[derive(Debug, Default)]
struct Remembered {
    /// At which time it was met last.
    met: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its children are put back where they can be.
    Watched(Window),
    /// It gets fresh ones.
    Apart {
        /// How many rounds, before it is tried again.
        pause: u32,
        /// How many of these are left.
        left: u32,
        /// Whether it was tried, and nobody has said how that went.
        is_tried: bool,
    },
}

/// The last rounds of a program, as bits, the last one lowest.
#[derive(Debug, Default)]
struct Window {
    rounds: u32,
    /// Those in which it left something.
    any: u16,
    /// Those in which nobody else can have left it.
    own: u16,
}

// === impl Remains ===

impl Remains {
    /// Tells the job's program from others of its tenant and of other tenants.
    pub(super) fn key(&self, job: &Job) -> ProgramKey {
        ProgramKey { tenant: self.hasher.hash_one(job.tenant.as_str()), program: self.hasher.hash_one((&*job.runtime, &*job.code)) }
    }

    /// A program has left something.
    pub(super) fn note(&mut self, program: ProgramKey, left: Left) {
        let is_own = match blame(left) {
            Blame::Nobody => return,
            Blame::Program => true,
            Blame::Anybody => false,
        };
        if !self.programs.contains_key(&program) {
            self.make_room(program.tenant);
        }
        self.times += 1;
        let remembered = self.programs.entry(program).or_default();
        remembered.met = self.times;
        remembered.state.left(is_own);
    }

    /// A program has left nothing, and its child was put back.
    pub(super) fn put_back(&mut self, program: ProgramKey) {
        if self.programs.get_mut(&program).is_some_and(|remembered| remembered.state.put_back()) {
            self.programs.remove(&program);
        }
    }

    /// Whether a program is to get a fresh child this time.
    pub(super) fn gets_fresh(&mut self, program: ProgramKey) -> bool {
        let Some(Remembered { met, state: State::Apart { pause, left, is_tried } }) = self.programs.get_mut(&program) else { return false };
        self.times += 1;
        *met = self.times;
        let Some(fewer) = left.checked_sub(1) else {
            (*left, *is_tried) = (*pause, true);
            return false;
        };
        *left = fewer;
        true
    }

    /// Forgets one program where there are too many already: one of whoever would have most of them with one more of `tenant`, and of those the
    /// one that was met least lately.
    fn make_room(&mut self, tenant: u64) {
        if self.programs.len() < MOST {
            return;
        }
        let mut counts = HashMap::from([(tenant, 1_usize)]);
        for program in self.programs.keys() {
            *counts.entry(program.tenant).or_default() += 1;
        }
        let fewest_last = |program: &ProgramKey| Reverse(counts.get(&program.tenant).copied());
        let oldest = self.programs.iter().min_by_key(|(program, remembered)| (fewest_last(program), remembered.met));
        let oldest = oldest.map(|(program, _)| *program);
        if let Some(oldest) = oldest {
            self.programs.remove(&oldest);
        }
    }
}

// === impl State ===

impl Default for State {
    fn default() -> Self {
        State::Watched(Window::default())
    }
}

impl State {
    fn left(&mut self, is_own: bool) {
        match self {
            State::Watched(window) => {
                window.note(true, is_own);
                if window.is_lost() {
                    *self = State::Apart { pause: FIRST_PAUSE, left: FIRST_PAUSE, is_tried: false };
                }
            }
            State::Apart { pause, is_tried: true, .. } => {
                let longer = (*pause * 2).min(LONGEST_PAUSE);
                *self = State::Apart { pause: longer, left: longer, is_tried: false };
            }
            // A round that began before.
            State::Apart { is_tried: false, .. } => {}
        }
    }

    /// Whether there is nothing left to remember.
    fn put_back(&mut self) -> bool {
        match self {
            State::Watched(window) => {
                window.note(false, false);
                window.any == 0
            }
            State::Apart { is_tried, .. } => *is_tried,
        }
    }
}

// === impl Window ===

impl Window {
    fn note(&mut self, any: bool, own: bool) {
        self.rounds = (self.rounds + 1).min(WINDOW);
        self.any = self.any << 1 | u16::from(any);
        self.own = self.own << 1 | u16::from(own);
    }

    /// Whether a fresh child is worth more than one that is put back in so few of these rounds.
    fn is_lost(&self) -> bool {
        let enough = |rounds: u16, least: u32| rounds.count_ones() >= least && 4 * rounds.count_ones() >= SHARE_OF_FOUR * self.rounds;
        enough(self.own, PATIENCE) || enough(self.any, LONG_PATIENCE)
    }
}

/// Who can have left something.
enum Blame {
    /// The program, and nobody else.
    Program,
    /// The program, or whoever administers the host, or the kernel.
    Anybody,
    /// Whoever stopped it, or the child's age, or the kernel: nothing that the next round will tell again.
    Nobody,
}

fn blame(left: Left) -> Blame {
    match left {
        Left::Call(_) | Left::Mappings | Left::Descriptors | Left::Stops => Blame::Program,
        Left::Status | Left::Pages => Blame::Anybody,
        Left::Signal | Left::Programs | Left::Refused => Blame::Nobody,
    }
}

/// What a child is counted under that was not put back, in the order of [`crate::Stats::left`].
pub(super) const fn index(left: Left) -> usize {
    match left {
        Left::Call(_) => 0,
        Left::Signal => 1,
        Left::Mappings => 2,
        Left::Descriptors => 3,
        Left::Status => 4,
        Left::Pages => 5,
        Left::Stops => 6,
        Left::Programs => 7,
        Left::Refused => 8,
    }
}

/// How many kinds there are.
pub(super) const KINDS: usize = 9;

#[cfg(test)]
mod tests;
