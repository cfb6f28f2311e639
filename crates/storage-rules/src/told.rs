//! What was logged of what is wrong with what is stored: each thing once for each start, and a bounded number of them, so that neither
//! the log nor this memory is filled by reading. Each kind has a bound of its own: damaging much silences no other alarm.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things of one kind that are logged.
const MAX_TOLD: usize = 1_000;

/// What is wrong with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It does not open.
    Unopened,
    /// Its document does not decode.
    Unreadable,
    /// It is found by something else than it says.
    Misplaced,
}

/// What was logged.
#[derive(Default)]
pub struct Told {
    unopened: Mutex<HashSet<String>>,
    unreadable: Mutex<HashSet<String>>,
    misplaced: Mutex<HashSet<String>>,
}

impl Told {
    /// Whether it was not logged yet, and is to be. With the last one it is logged that nothing follows.
    pub fn is_news(&self, trouble: Trouble, error: &impl Display) -> bool {
        let mut told = self.of(trouble);
        let is_news = told.len() < MAX_TOLD && told.insert(error.to_string());
        if is_news && told.len() == MAX_TOLD {
            tracing::error!(?trouble, lines = MAX_TOLD, "the next line of this kind is the last until the next start");
        }
        is_news
    }

    /// How many things of a kind were met, as far as they were logged.
    pub fn count(&self, trouble: Trouble) -> usize {
        self.of(trouble).len()
    }

    fn of(&self, trouble: Trouble) -> MutexGuard<'_, HashSet<String>> {
        let told = match trouble {
            Trouble::Unopened => &self.unopened,
            Trouble::Unreadable => &self.unreadable,
            Trouble::Misplaced => &self.misplaced,
        };
        told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_told_once_and_each_kind_has_its_own_bound() {
        let told = Told::default();
        assert_eq!(["a", "a", "b"].map(|at| told.is_news(Trouble::Unopened, &at)), [true, false, true]);
        let many = (0..2 * MAX_TOLD).filter(|at| told.is_news(Trouble::Unopened, at)).count();
        assert_eq!((many, told.count(Trouble::Unopened)), (MAX_TOLD - 2, MAX_TOLD));
        assert!(told.is_news(Trouble::Misplaced, &"a"), "damaging much silences no other alarm");
    }
}
