//! Operations that are this server's own, and whether somebody does them here right now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::name::OperationName;

/// What is this server's own. Cheap to clone: clones are the same.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Mutex<HashMap<OperationName, bool>>>);

/// That somebody does an operation here. Dropped without being ended, e.g. by a panic, it leaves it to the next round.
pub(super) struct Hold {
    held: Held,
    name: OperationName,
    ended: bool,
}

impl Held {
    /// Begins to do one; `None` where somebody does.
    pub(super) fn hold(&self, name: &OperationName) -> Option<Hold> {
        let was_done = self.lock().insert(name.clone(), true) == Some(true);
        (!was_done).then(|| Hold { held: self.clone(), name: name.clone(), ended: false })
    }

    /// Those that nobody does.
    pub(super) fn left(&self) -> Vec<OperationName> {
        self.lock().iter().filter(|(_, is_done)| !**is_done).map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OperationName, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// It has ended, or is another server's.
    pub(super) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        match self.ended {
            true => drop(held.remove(&self.name)),
            false => drop(held.insert(self.name.clone(), false)),
        }
    }
}
