//! How many programs a sandbox has run, as far as they count towards its last one.
//!
//! It decides nothing.

/// What the first program of a child counts, and each later one after which the child was put back: a hundredth.
///
/// The bound is on what siblings, which share an address layout, could learn from each other. The layout itself a program reads of itself at
/// once, whatever the bound. What takes tries is bounded, since a try that fails ends its process, and the next one takes a fork. A program in
/// a child that was put back finds what the one before it has found. At 600 to 1,400 programs a second, as they run there, 10,000 of them
/// would be a new sandbox each 7 to 17 seconds, of which the first children are the slowest; a million are 12 to 28 minutes.
const FIRST: u64 = 100;
const LATER: u64 = 1;

/// Programs that a sandbox has begun.
#[derive(Debug, Default)]
pub(super) struct Executions(u64);

// === impl Executions ===

impl Executions {
    /// A child has got a program, its first one or a later one.
    pub(super) fn note(&mut self, is_first: bool) {
        self.0 += if is_first { FIRST } else { LATER };
    }

    /// Whether there were so many.
    pub(super) fn reach(&self, most: u64) -> bool {
        self.0 >= most.saturating_mul(FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many programs of either kind there may be where `most` may run in fresh children.
    fn check(most: u64, is_first: bool, expected: u64) {
        let mut executions = Executions::default();
        let ran = (1..).find(|_| {
            executions.note(is_first);
            executions.reach(most)
        });
        assert_eq!(ran, Some(expected), "{most} {is_first}");
    }

    #[test]
    fn a_program_in_a_child_that_was_put_back_counts_a_hundredth() {
        for most in [1, 3, 10_000] {
            check(most, true, most);
            check(most, false, 100 * most);
        }
    }

    #[test]
    fn whoever_sets_no_bound_has_none() {
        let mut executions = Executions::default();
        executions.note(true);
        assert!(!executions.reach(u64::MAX));
    }
}
