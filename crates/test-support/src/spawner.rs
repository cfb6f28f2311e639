//! Background work as tasks that a test can wait for.

use std::sync::{Mutex, PoisonError};

use domain::work::{Spawner, Work};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Runs work on the runtime that it was made in.
#[derive(Debug)]
pub struct TokioSpawner {
    runtime: Handle,
    tasks: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
}

impl TokioSpawner {
    /// A spawner on the runtime of the caller.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn current() -> Self {
        TokioSpawner { runtime: Handle::current(), tasks: Mutex::default() }
    }

    /// Names of the work that has not ended.
    pub fn running(&self) -> Vec<&'static str> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().filter(|(_, task)| !task.is_finished()).map(|(name, _)| *name).collect()
    }

    /// Ends all work where it stands, as the death of a process does.
    pub fn abort(&self) {
        for (_, task) in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            task.abort();
        }
    }

    /// Waits until all work has ended, also that which is spawned meanwhile.
    ///
    /// # Panics
    /// When a piece of work did, with its name.
    pub async fn settle(&self) {
        loop {
            let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            if tasks.is_empty() {
                return;
            }
            for (name, task) in tasks {
                if let Err(error) = task.await {
                    panic!("background work `{name}` failed: {error}");
                }
            }
        }
    }
}

impl Spawner for TokioSpawner {
    fn spawn(&self, name: &'static str, work: Work) {
        let task = self.runtime.spawn(work);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push((name, task));
    }
}
