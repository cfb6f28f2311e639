//! Records that wait together are added together: while one transaction adds to a tenant's log, the records that come meanwhile wait, and
//! are the next one. So a log takes as many records as come, however long a commit takes.

use std::sync::Arc;

use domain::audit::Entry;
use domain::name::TenantId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::audit::queue::{Appender, Waiting};
use crate::audit::write::add_all;
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::store::MongoStore;
use crate::tasks;
use crate::transaction::transact;

/// Adds records, all or none of them. What no transaction has begun with within the deadline is taken back; what one has begun with is
/// answered with what becomes of it, however long that takes: whoever offers again what was refused must not record it twice.
pub(super) async fn append(shared: &Arc<Shared>, tenant: TenantId, entries: Vec<Entry>) -> Result<()> {
    let (answer, mut answered) = oneshot::channel();
    let begin = || tasks::spawn(&Handle::current(), "add audit records", add_what_waits(Arc::clone(shared), tenant.clone()));
    let number = shared.appender.add(&tenant, entries, answer, begin);
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
            Err(refused) if group.len() > 1 && !refused.is_unavailability() && !matches!(refused, Error::Commit(_)) => {
                // One that is refused spoils no other; and what may be stored is not added again.
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
            self.appender.abandon(self.tenant);
        }
    }
}

fn answer(waiting: Waiting, added: Result<()>) {
    // Whoever waited may have gone.
    drop(waiting.answer.send(added));
}
