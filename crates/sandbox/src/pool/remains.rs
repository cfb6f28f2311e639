//! Which programs leave something behind: a child that cannot be put back after them was prepared for nothing, so they get fresh ones.
//!
//! It deliberately remembers little, and no program's text.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

use domain::sandbox::Job;
use sandbox_protocol::control::Left;

use crate::live::ProgramKey;

/// How often a program leaves something before it gets fresh children.
const PATIENCE: u8 = 2;
/// Programs that are remembered: those that left something last.
const MOST: usize = 256;

/// What is remembered of programs that left something.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// Two of one key are taken for one program: the other one gets fresh children, too.
    hasher: RandomState,
    /// The one that was met last stands last.
    met: VecDeque<(ProgramKey, u8)>,
}

// === impl Remains ===

impl Remains {
    /// Tells the job's program from others of its tenant and of other tenants.
    pub(super) fn key(&self, job: &Job) -> ProgramKey {
        ProgramKey(self.hasher.hash_one((job.tenant.as_str(), &*job.runtime, &*job.code)))
    }

    /// A program has left something.
    pub(super) fn note(&mut self, program: ProgramKey, left: Left) {
        if !is_programs_own(left) {
            return;
        }
        let before = self.met.iter().position(|(met, _)| *met == program).and_then(|index| self.met.remove(index));
        if self.met.len() >= MOST {
            self.met.pop_front();
        }
        self.met.push_back((program, before.map_or(0, |(_, times)| times).saturating_add(1)));
    }

    /// Whether a program is to get fresh children.
    pub(super) fn wants_fresh(&self, program: ProgramKey) -> bool {
        self.met.iter().any(|(met, times)| *met == program && *times >= PATIENCE)
    }
}

/// Whether it is the program that leaves it, not whoever stopped it, nor the child's age, nor the kernel.
fn is_programs_own(left: Left) -> bool {
    match left {
        Left::Call(_) | Left::Mappings | Left::Descriptors | Left::Status | Left::Pages | Left::Stops => true,
        Left::Signal | Left::Programs | Left::Refused => false,
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
mod tests {
    use super::*;

    #[test]
    fn a_program_that_leaves_something_twice_gets_fresh_children_and_no_other_does() {
        let mut remains = Remains::default();
        remains.note(ProgramKey(1), Left::Call(41));
        assert!(!remains.wants_fresh(ProgramKey(1)), "once may be an accident");
        remains.note(ProgramKey(1), Left::Pages);
        assert!(remains.wants_fresh(ProgramKey(1)));
        assert!(!remains.wants_fresh(ProgramKey(2)));
    }

    #[test]
    fn what_others_do_to_a_child_is_not_its_programs() {
        let mut remains = Remains::default();
        for left in [Left::Signal, Left::Programs, Left::Refused, Left::Signal, Left::Programs, Left::Refused] {
            remains.note(ProgramKey(1), left);
        }
        assert!(!remains.wants_fresh(ProgramKey(1)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_those_that_were_met_last_stay() {
        let mut remains = Remains::default();
        for program in 0..10 * MOST as u64 {
            for _ in 0..PATIENCE {
                remains.note(ProgramKey(program), Left::Descriptors);
            }
        }
        assert_eq!(remains.met.len(), MOST);
        assert!(remains.wants_fresh(ProgramKey(10 * MOST as u64 - 1)));
        assert!(!remains.wants_fresh(ProgramKey(0)));
    }

    #[test]
    fn each_kind_is_counted_for_itself() {
        let all = [
            Left::Call(1),
            Left::Signal,
            Left::Mappings,
            Left::Descriptors,
            Left::Status,
            Left::Pages,
            Left::Stops,
            Left::Programs,
            Left::Refused,
        ];
        assert_eq!(all.map(index), std::array::from_fn(|position| position));
        assert_eq!(all.len(), KINDS);
    }
}
