//! Records that wait together are added together: while one transaction adds to a tenant's log, the records that come meanwhile wait, and
//! are the next one. So a log takes as many records as come, however long a commit takes.

use std::pin::pin;
use std::sync::Arc;

use domain::audit::Entry;
use domain::name::TenantId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::audit::queue::{Appender, Offered, Waiting};
use crate::audit::write::add_all;
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::store::MongoStore;
use crate::tasks;
use crate::transaction::transact;

/// Adds records, all or none of them. What no transaction has begun with within the deadline is taken back. Whoever waits for one of which
/// it is not known in time what has become of it is told so, and may offer its records again: those that turn out to be stored are not
/// stored once more, and until that is known they are refused.
pub(super) async fn append(shared: &Arc<Shared>, tenant: TenantId, entries: Vec<Entry>) -> Result<()> {
    let Some(Offered { new, stored }) = shared.appender.offer(entries) else { return Err(in_doubt(shared)) };
    if !new.is_empty() {
        append_new(shared, tenant, new).await?;
    }
    // Not before: where the others are refused, all of them are offered once more.
    shared.appender.forget(&stored);
    Ok(())
}

async fn append_new(shared: &Arc<Shared>, tenant: TenantId, entries: Vec<Entry>) -> Result<()> {
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

/// What is answered of records that may be stored.
pub(super) fn in_doubt(shared: &Shared) -> Error {
    Error::Commit(Box::new(Error::Deadline(shared.deadline)))
}

async fn add_what_waits(shared: Arc<Shared>, tenant: TenantId) {
    let mut ends = Ends { appender: &shared.appender, tenant: &tenant, is_over: false };
    while let Some(group) = shared.appender.next_group(&tenant) {
        if let Added::Refused(group) = add(&shared, &tenant, group).await {
            add_one_by_one(&shared, &tenant, group).await;
        }
    }
    ends.is_over = true;
}

/// Adds the records of each call by itself: one that is refused spoils no other. Whoever waits is answered in a bounded time: where the
/// database does not answer, or is slow, those that were not begun with are late, and stored nowhere.
async fn add_one_by_one(shared: &Arc<Shared>, tenant: &TenantId, group: Vec<Waiting>) {
    let until = Instant::now() + shared.deadline;
    let mut left = group.into_iter();
    while let Some(next) = left.next() {
        let added = add(shared, tenant, vec![next]).await;
        if matches!(added, Added::Away) || Instant::now() >= until {
            left.by_ref().for_each(|late| late.answer(Err(Error::Deadline(shared.deadline))));
        }
    }
}

/// What has become of a group.
enum Added {
    /// Everybody was answered.
    Answered,
    /// So they were, and the database does not answer, or not in time.
    Away,
    /// The database refuses something of several: nothing is stored, and nobody was answered.
    Refused(Vec<Waiting>),
}

/// Adds the records of some calls in one transaction.
async fn add(shared: &Arc<Shared>, tenant: &TenantId, group: Vec<Waiting>) -> Added {
    let added = {
        let (store, entries) =
            (MongoStore::of(Arc::clone(shared)), group.iter().flat_map(|waiting| &waiting.entries).collect::<Vec<&Entry>>());
        let mut adding = pin!(async {
            transact!(certainly & store, "adding audit records", tenant, |session| { add_all(session, entries.iter().copied()).await })
        });
        // All but the commit has ended then, whatever the database does.
        match timeout(shared.deadline * 2, &mut adding).await {
            Ok(added) => added,
            Err(_elapsed) => {
                let doubt = shared.appender.doubt(entries.iter().copied());
                group.iter().for_each(|waiting| waiting.answer(Err(in_doubt(shared))));
                doubt.settle(adding.await.is_ok());
                return Added::Away;
            }
        }
    };
    match added {
        Err(refused) if group.len() > 1 && !refused.is_unavailability() && !matches!(refused, Error::Commit(_)) => Added::Refused(group),
        Ok(()) => {
            group.iter().for_each(|waiting| waiting.answer(Ok(())));
            Added::Answered
        }
        Err(refused) => {
            let refused = Arc::new(refused);
            group.iter().for_each(|waiting| waiting.answer(Err(Error::Group(Arc::clone(&refused)))));
            if refused.is_unavailability() || refused.may_be_stored() { Added::Away } else { Added::Answered }
        }
    }
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
