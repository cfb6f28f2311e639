//! How often something is asked again, of all that is asked: so that what is overloaded is not asked more than it was before.

use std::sync::atomic::{AtomicU32, Ordering};

/// Earned by each first attempt, in parts of a retry.
const EARNED: u32 = 1;
/// What a retry costs: one for ten first attempts, so that at most 1.1 times as much is asked.
const COST: u32 = 10;
/// Most that is saved: what was earned in quiet times must not become a flood.
const MOST: u32 = 100 * COST;

/// What retries are paid from. It is empty at first.
#[derive(Default)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    /// Somebody asks for the first time.
    pub(crate) fn earn(&self) {
        self.change(|saved| Some(saved.saturating_add(EARNED).min(MOST)));
    }

    /// Pays for a retry, where there is enough.
    pub(crate) fn pay(&self) -> bool {
        self.change(|saved| saved.checked_sub(COST))
    }

    fn change(&self, how: impl FnMut(u32) -> Option<u32>) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, how).is_ok()
    }
}
