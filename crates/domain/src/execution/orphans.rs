//! Executions that this server holds in the store and that nothing here drives: what a failure left between two steps. They are
//! settled in the server's next round.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::name::ExecutionName;

/// The orphans of one server. Each stands for work that failed, so they are few.
#[derive(Default)]
pub(super) struct Orphans(Mutex<HashSet<ExecutionName>>);

impl Orphans {
    /// Takes note of one. It need not be in the store.
    pub(super) fn add(&self, name: ExecutionName) {
        self.lock().insert(name);
    }

    /// Forgets one that is settled.
    pub(super) fn remove(&self, name: &ExecutionName) {
        self.lock().remove(name);
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<ExecutionName> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<ExecutionName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
