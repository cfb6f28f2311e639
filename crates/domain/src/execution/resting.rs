//! What was claimed and could not begin on this server: it is left alone for a while, so that it hides nothing that waits behind it, and
//! other servers come first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::name::ExecutionName;
use crate::time::Timestamp;

/// How long the first rest is; each that follows is twice as long as the one before.
pub const FIRST_REST: Duration = Duration::from_secs(2);
/// The longest rest: so late may this server notice that it can run something after all.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// Most that rest, more than wait as long as nothing else is settled. What finds no room is claimed and given back once by every look.
const MOST_RESTING: usize = 4_096;

/// What rests on one server.
#[derive(Default)]
pub(super) struct Resting(Mutex<HashMap<ExecutionName, Rest>>);

struct Rest {
    length: Duration,
    until: Timestamp,
}

impl Resting {
    /// Lets one rest; says whether there is room for that.
    pub(super) fn begin(&self, name: ExecutionName, now: Timestamp) -> bool {
        let mut resting = self.lock();
        let length = resting.get(&name).map_or(FIRST_REST, |rest| rest.length.saturating_mul(2).min(LONGEST_REST));
        // What was not tried again for so long has most likely been claimed elsewhere.
        resting.retain(|_, rest| now < rest.until.plus(LONGEST_REST));
        let has_room = resting.contains_key(&name) || resting.len() < MOST_RESTING;
        if has_room {
            resting.insert(name, Rest { length, until: now.plus(length) });
        }
        has_room
    }

    /// Whether anything rests still.
    pub(super) fn holds_any(&self, now: Timestamp) -> bool {
        self.lock().values().any(|rest| now < rest.until)
    }

    /// Whether it rests still.
    pub(super) fn holds(&self, name: &ExecutionName, now: Timestamp) -> bool {
        self.lock().get(name).is_some_and(|rest| now < rest.until)
    }

    /// Forgets one that could begin.
    pub(super) fn end(&self, name: &ExecutionName) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionName, Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
