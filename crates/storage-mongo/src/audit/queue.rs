//! Records that wait for their transaction, in the order in which they came, and those of which it is not known whether they are stored.
//! Starts no transaction.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::audit::Entry;
use domain::name::TenantId;
use tokio::sync::oneshot;

use crate::error::Result;

/// Records of one transaction: bounds how large it is, and how long its first record waits. One call's records are never divided.
const GROUP: usize = 256;
/// Records that were stored after whoever added them was told that they may be: as many as those callers keep to offer them again. Of more,
/// those that were stored first are offered no more.
const MAX_SETTLED: usize = 16_384;

/// The records that wait, by the tenant of the first of a call.
#[derive(Clone, Default)]
pub(crate) struct Appender(Arc<Mutex<Queues>>);

#[derive(Default)]
struct Queues {
    /// A tenant is here while a task adds to its log.
    waiting: HashMap<TenantId, Vec<Waiting>>,
    next: u64,
    /// Records of transactions of which it is not known what becomes of them, by a number: a group of each tenant at most, and the intents
    /// that other commits carry, of which there are few at a time.
    doubtful: HashMap<u64, Vec<Entry>>,
    /// Those that were stored after all, until they are offered again.
    settled: VecDeque<Entry>,
}

/// Records that are offered, maybe not for the first time.
#[derive(Debug, PartialEq)]
pub(super) struct Offered {
    /// Those that are not stored.
    pub(super) new: Vec<Entry>,
    /// Those that are, since whoever added them was told that they may be.
    pub(super) stored: Vec<Entry>,
}

/// The records of one call.
pub(super) struct Waiting {
    number: u64,
    pub(super) entries: Vec<Entry>,
    answer: Mutex<Option<oneshot::Sender<Result<()>>>>,
}

/// Records of which it is not known what becomes of them. Such a doubt that is dropped unsettled is forgotten.
pub(crate) struct Doubt {
    appender: Appender,
    number: u64,
}

// === impl Appender ===

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
        let number = queues.number();
        let is_alone = !queues.waiting.contains_key(tenant);
        let waiting = Waiting { number, entries, answer: Mutex::new(Some(answer)) };
        queues.waiting.entry(tenant.clone()).or_default().push(waiting);
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
        waiting.retain(|waiting| !waiting.is_left());
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

    // === what is in doubt ===

    /// Notes that it is not known what becomes of these records.
    pub(crate) fn doubt<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> Doubt {
        let mut queues = self.queues();
        let number = queues.number();
        queues.doubtful.insert(number, entries.into_iter().cloned().collect());
        drop(queues);
        Doubt { appender: self.clone(), number }
    }

    /// Tells those of some records that are stored from the others, as far as is known; `None` where that is not known of one of them.
    pub(super) fn offer(&self, entries: Vec<Entry>) -> Option<Offered> {
        let queues = self.queues();
        if queues.doubtful.values().flatten().any(|doubtful| entries.contains(doubtful)) {
            return None;
        }
        let mut known: Vec<&Entry> = queues.settled.iter().collect();
        let (mut stored, mut new) = (Vec::new(), Vec::new());
        for entry in entries {
            match known.iter().position(|settled| **settled == entry) {
                Some(place) => {
                    known.swap_remove(place);
                    stored.push(entry);
                }
                None => new.push(entry),
            }
        }
        Some(Offered { new, stored })
    }

    /// Forgets records that were stored and have been offered again, and all that were offered with them are stored: what was offered is
    /// offered no more.
    pub(super) fn forget(&self, stored: &[Entry]) {
        let mut queues = self.queues();
        for entry in stored {
            if let Some(place) = queues.settled.iter().position(|settled| settled == entry) {
                queues.settled.remove(place);
            }
        }
    }

    /// Whether it is not known if the intent of one of these outcomes is stored.
    pub(super) fn is_in_doubt(&self, outcomes: &[Entry]) -> bool {
        let queues = self.queues();
        let is_of = |doubtful: &Entry, outcome: &Entry| doubtful.tenant == outcome.tenant && doubtful.call == outcome.call;
        queues.doubtful.values().flatten().any(|doubtful| outcomes.iter().any(|outcome| is_of(doubtful, outcome)))
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

// === impl Waiting ===

impl Waiting {
    /// Answers whoever waits, once.
    pub(super) fn answer(&self, added: Result<()>) {
        if let Some(answer) = self.sender().take() {
            // Whoever waited may have gone.
            drop(answer.send(added));
        }
    }

    fn is_left(&self) -> bool {
        self.sender().as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn sender(&self) -> MutexGuard<'_, Option<oneshot::Sender<Result<()>>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Doubt ===

impl Doubt {
    /// It is known now: where the records are stored, they are not stored again when they are offered once more.
    pub(super) fn settle(self, is_stored: bool) {
        let mut queues = self.appender.queues();
        let entries = queues.doubtful.remove(&self.number).unwrap_or_default();
        if is_stored {
            queues.settled.extend(entries);
            let too_many = queues.settled.len().saturating_sub(MAX_SETTLED);
            queues.settled.drain(..too_many);
        }
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        self.appender.queues().doubtful.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use test_support::audit_repository::entry;

    use super::*;

    fn offered(new: &[&Entry], stored: &[&Entry]) -> Option<Offered> {
        let all = |entries: &[&Entry]| entries.iter().copied().cloned().collect();
        Some(Offered { new: all(new), stored: all(stored) })
    }

    #[test]
    fn what_is_in_doubt_is_refused_and_what_was_stored_is_not_stored_again() {
        let (appender, one, two) = (Appender::default(), entry("acme", 1), entry("acme", 2));
        let offer = |entries: &[&Entry]| appender.offer(entries.iter().copied().cloned().collect());
        assert_eq!(offer(&[&one]), offered(&[&one], &[]), "nothing is in doubt");
        let doubt = appender.doubt([&one]);
        assert_eq!((offer(&[&one, &two]), offer(&[&two])), (None, offered(&[&two], &[])));
        assert!(appender.is_in_doubt(std::slice::from_ref(&one)) && !appender.is_in_doubt(std::slice::from_ref(&two)));
        doubt.settle(true);
        for _ in ["the other one is refused", "both are offered once more"] {
            assert_eq!(offer(&[&one, &two]), offered(&[&two], &[&one]), "one is stored, however often it is offered");
        }
        appender.forget(std::slice::from_ref(&one));
        assert_eq!(offer(&[&one]), offered(&[&one], &[]), "what is offered once all of it was taken is another");
        appender.doubt([&one]).settle(false);
        assert_eq!(offer(&[&one]), offered(&[&one], &[]), "it is not stored");
    }

    #[test]
    fn of_two_that_are_equal_one_was_stored() {
        let (appender, one) = (Appender::default(), entry("acme", 1));
        appender.doubt([&one]).settle(true);
        assert_eq!(appender.offer(vec![one.clone(), one.clone()]), offered(&[&one], &[&one]));
    }

    #[test]
    fn records_that_nobody_offers_again_are_forgotten_at_last() {
        let appender = Appender::default();
        let many: Vec<Entry> = (0..MAX_SETTLED as u64 + 1).map(|number| entry("acme", number)).collect();
        appender.doubt(&many).settle(true);
        assert_eq!(appender.queues().settled.len(), MAX_SETTLED);
    }
}
