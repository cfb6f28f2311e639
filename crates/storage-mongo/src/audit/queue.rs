//! Records that wait for their transaction, in the order in which they came. Starts no transaction.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::audit::Entry;
use domain::name::TenantId;
use tokio::sync::oneshot;

use crate::error::Result;

/// Records of one transaction: bounds how large it is, and how long its first record waits. One call's records are never divided.
const GROUP: usize = 256;

/// The records that wait, by the tenant of the first of a call.
#[derive(Default)]
pub(crate) struct Appender(Mutex<Queues>);

#[derive(Default)]
struct Queues {
    /// A tenant is here while a task adds to its log.
    waiting: HashMap<TenantId, Vec<Waiting>>,
    next: u64,
}

/// The records of one call.
pub(super) struct Waiting {
    number: u64,
    pub(super) entries: Vec<Entry>,
    pub(super) answer: oneshot::Sender<Result<()>>,
}

impl Appender {
    /// Has records wait; answers their number. Where no task adds to the tenant's log, `begin` starts one.
    pub(super) fn add<T>(
        &self,
        tenant: &TenantId,
        entries: Vec<Entry>,
        answer: oneshot::Sender<Result<()>>,
        begin: impl FnOnce() -> T,
    ) -> u64 {
        let mut queues = self.queues();
        queues.next += 1;
        let number = queues.next;
        let is_alone = !queues.waiting.contains_key(tenant);
        queues.waiting.entry(tenant.clone()).or_default().push(Waiting { number, entries, answer });
        if is_alone {
            begin();
        }
        number
    }

    /// Drops what waits, as the task that was to add it is gone.
    pub(super) fn abandon(&self, tenant: &TenantId) {
        self.queues().waiting.remove(tenant);
    }

    /// What is added next; `None` where nothing waits, and then whoever comes next begins anew.
    pub(super) fn next_group(&self, tenant: &TenantId) -> Option<Vec<Waiting>> {
        let mut queues = self.queues();
        let waiting = queues.waiting.get_mut(tenant)?;
        // Nobody waits any more for what was dropped before it was begun with.
        waiting.retain(|waiting| !waiting.answer.is_closed());
        if waiting.is_empty() {
            queues.waiting.remove(tenant);
            return None;
        }
        let mut records = 0;
        let fits = waiting.iter().take_while(|waiting| {
            records += waiting.entries.len();
            records <= GROUP
        });
        let count = fits.count().max(1);
        Some(waiting.drain(..count).collect())
    }

    /// Takes records back that no transaction has begun with; says whether it has.
    pub(super) fn take_back(&self, tenant: &TenantId, number: u64) -> bool {
        let mut queues = self.queues();
        let Some(waiting) = queues.waiting.get_mut(tenant) else { return false };
        let before = waiting.len();
        waiting.retain(|waiting| waiting.number != number);
        waiting.len() < before
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
