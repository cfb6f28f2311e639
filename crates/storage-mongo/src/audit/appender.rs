//! Records that wait together are added together: while one transaction adds to a tenant's log, the records that come meanwhile wait, and
//! are the next one. So a log takes as many records as come, however long a commit takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::audit::Entry;
use domain::name::TenantId;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::audit::write::add_all;
use crate::error::{Error, Result};
use crate::store::{MongoStore, Shared};
use crate::transaction::transact;

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
struct Waiting {
    number: u64,
    entries: Vec<Entry>,
    answer: oneshot::Sender<Result<()>>,
}

/// Adds records, all or none of them. What no transaction has begun with within the deadline is taken back; what one has begun with is
/// answered with what becomes of it, however long that takes: whoever offers again what was refused must not record it twice.
pub(super) async fn append(shared: &Arc<Shared>, tenant: TenantId, entries: Vec<Entry>) -> Result<()> {
    let (answer, mut answered) = oneshot::channel();
    let number = {
        let mut queues = shared.appender.queues();
        queues.next += 1;
        let number = queues.next;
        let is_alone = !queues.waiting.contains_key(&tenant);
        queues.waiting.entry(tenant.clone()).or_default().push(Waiting { number, entries, answer });
        if is_alone {
            let task = tracing::info_span!("task", task = "add audit records");
            tokio::spawn(add_what_waits(Arc::clone(shared), tenant.clone()).instrument(task));
        }
        number
    };
    let in_time = timeout(shared.deadline, &mut answered).await;
    match in_time {
        Ok(answered) => answered.unwrap_or(Err(Error::Deadline(shared.deadline))),
        Err(_elapsed) if shared.appender.take_back(&tenant, number) => Err(Error::Deadline(shared.deadline)),
        Err(_elapsed) => answered.await.unwrap_or(Err(Error::Deadline(shared.deadline))),
    }
}

async fn add_what_waits(shared: Arc<Shared>, tenant: TenantId) {
    let mut ends = Ends { appender: &shared.appender, tenant: &tenant, is_over: false };
    while let Some(group) = shared.appender.next_group(&tenant) {
        let store = &MongoStore::of(Arc::clone(&shared));
        let entries: Vec<&Entry> = group.iter().flat_map(|waiting| &waiting.entries).collect();
        let added = transact!(certainly store, "adding audit records", &tenant, |session| {
            add_all(session, entries.iter().copied()).await
        });
        match added {
            Err(refused) if group.len() > 1 && !refused.is_unavailability() => {
                // One that is refused spoils no other.
                for waiting in group {
                    let added = transact!(certainly store, "adding audit records", &tenant, |session| {
                        add_all(session, &waiting.entries).await
                    });
                    answer(waiting, added);
                }
            }
            Ok(()) => group.into_iter().for_each(|waiting| answer(waiting, Ok(()))),
            Err(refused) => {
                let refused = Arc::new(refused);
                group.into_iter().for_each(|waiting| answer(waiting, Err(Error::Group(Arc::clone(&refused)))));
            }
        }
    }
    ends.is_over = true;
}

/// Leaves nobody waiting for a task that panicked, or ended with its runtime.
struct Ends<'a> {
    appender: &'a Appender,
    tenant: &'a TenantId,
    /// It has found that nothing waits.
    is_over: bool,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.appender.queues().waiting.remove(self.tenant);
        }
    }
}

fn answer(waiting: Waiting, added: Result<()>) {
    // Whoever waited may have gone.
    drop(waiting.answer.send(added));
}

impl Appender {
    /// What is added next; `None` where nothing waits, and then whoever comes next begins anew.
    fn next_group(&self, tenant: &TenantId) -> Option<Vec<Waiting>> {
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
    fn take_back(&self, tenant: &TenantId, number: u64) -> bool {
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
