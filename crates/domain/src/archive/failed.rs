//! Executions that could not be archived: each is left alone for a while that doubles, so that what it leaves of objects is bounded and no
//! other waits for it. Kept in memory: another server begins anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::name::ExecutionName;
use crate::time::Timestamp;

/// How long one is left alone first, and at most.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// Executions that are known to have failed: more are a fault of the whole, which an incident for each has told.
const MOST: usize = 4_096;

/// Those that failed lately.
#[derive(Default)]
pub(super) struct Failed {
    names: Mutex<HashMap<ExecutionName, Again>>,
}

#[derive(Clone, Copy)]
struct Again {
    at: Timestamp,
    pause: Duration,
}

impl Failed {
    /// Whether it may be tried.
    pub(super) fn is_due(&self, name: &ExecutionName, now: Timestamp) -> bool {
        self.names().get(name).is_none_or(|again| now >= again.at)
    }

    /// Takes note that it has failed, again or for the first time.
    pub(super) fn add(&self, name: &ExecutionName, now: Timestamp) {
        let mut names = self.names();
        // What was not tried since is gone.
        names.retain(|_, again| now < again.at.plus(LONGEST));
        let pause = names.get(name).map_or(FIRST, |again| LONGEST.min(again.pause * 2));
        if names.len() >= MOST && !names.contains_key(name) {
            let soonest = names.iter().min_by_key(|(_, again)| again.at).map(|(soonest, _)| soonest.clone());
            soonest.and_then(|soonest| names.remove(&soonest));
        }
        names.insert(name.clone(), Again { at: now.plus(pause), pause });
    }

    /// Takes note that it has not.
    pub(super) fn forget(&self, name: &ExecutionName) {
        self.names().remove(name);
    }

    fn names(&self) -> MutexGuard<'_, HashMap<ExecutionName, Again>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{ExecutionId, TenantId};

    fn name(number: usize) -> ExecutionName {
        let execution = ExecutionId::parse("execution", &format!("0197a2b4-0000-7000-8000-{number:012x}")).unwrap();
        ExecutionName { tenant: TenantId::parse("tenant", "acme").unwrap(), execution }
    }

    #[test]
    fn one_is_left_alone_for_twice_as_long_each_time_up_to_a_day_and_anew_once_it_has_not_failed() {
        let (failed, mut now) = (Failed::default(), Timestamp::from_millis(0));
        let mut pause = FIRST;
        for _ in 0..20 {
            failed.add(&name(1), now);
            assert!(!failed.is_due(&name(1), now.plus(pause - Duration::from_millis(1))), "{pause:?}");
            assert!(failed.is_due(&name(2), now));
            now = now.plus(pause);
            assert!(failed.is_due(&name(1), now), "{pause:?}");
            pause = LONGEST.min(pause * 2);
        }
        failed.forget(&name(1));
        failed.add(&name(1), now);
        assert!(failed.is_due(&name(1), now.plus(FIRST)));
    }

    #[test]
    fn no_more_are_known_than_a_bound() {
        let failed = Failed::default();
        for number in 0..MOST + 10 {
            failed.add(&name(number), Timestamp::from_millis(number as u64));
        }
        assert_eq!(failed.names().len(), MOST);
        assert!(failed.is_due(&name(0), Timestamp::from_millis(0)), "the one that is due first is forgotten");
    }
}
