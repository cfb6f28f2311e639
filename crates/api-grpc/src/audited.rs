//! Work between its records: the intent is durable before anything that has an effect, and what became of it is recorded behind it.
//! What is only read is recorded singly where it shows code or output, and counted otherwise. What anybody may ask for is recorded
//! behind the work, as only that finds out who asks, and refusals of it are bounded: strangers fill no log.

use std::future::Future;

use domain::Result;
use domain::access::ActionSpec;
use domain::audit::{Auditor, Entry, Notes, Outcome};
use domain::name::TenantId;

use crate::call::Call;
use crate::method::Effect;
use crate::settle::Settling;
use crate::timeline;

/// A permitted call and how it is recorded.
pub(crate) struct Audited {
    auditor: Auditor,
    entry: Entry,
    action: ActionSpec,
    notes: Notes,
}

impl Audited {
    pub(crate) fn new(auditor: Auditor, entry: Entry, action: ActionSpec, notes: Notes) -> Self {
        Audited { auditor, entry, action, notes }
    }

    /// Does the work of `call`, and records it.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        call: &Call,
        settling: &Settling,
        tenant: Option<&TenantId>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match call.method.effect {
            Effect::Nothing if call.method.shows => self.show(work).await,
            Effect::Nothing => self.count(work).await,
            Effect::Launch => self.launch(work).await,
            Effect::Stop => self.stop(work).await,
            Effect::Change if call.method.open => settling.settle(call, tenant, self.open(work)).await,
            Effect::Change => settling.settle(call, tenant, self.change(work)).await,
        }
    }

    /// What is read is answered only once it is recorded that it was; what shows nothing is counted.
    async fn show<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let notes = self.notes.clone();
        let mut counted = Counted::new(self);
        let done = work.await;
        timeline::mark("worked");
        counted.outcome = Outcome::of(&done).0;
        if let Some(entry) = counted.entry.take_if(|_| done.is_ok()) {
            let noted = notes.take();
            let other = noted.other().cloned();
            counted.auditor.record(noted.applied_to(entry), other.as_ref()).await?;
            timeline::mark("recorded");
        }
        done
    }

    async fn count<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut counted = Counted::new(self);
        let done = work.await;
        counted.outcome = Outcome::of(&done).0;
        done
    }

    /// The work stores the intent together with the execution, in one commit; where it ends before that, nothing has run, and the intent
    /// is stored by itself. The answer does not wait for the outcome's record: what is to be known before is the intent.
    async fn launch<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut intent = self.auditor.intent(self.entry, self.notes);
        intent.offer();
        let done = work.await;
        timeline::mark("worked");
        intent.store_unless_taken().await?;
        let (outcome, reason) = Outcome::of(&done);
        intent.close_behind(outcome, reason);
        done
    }

    /// As for a launch, nobody waits for the outcome's record.
    async fn stop<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut intent = self.auditor.intent(self.entry, self.notes);
        intent.store().await?;
        let done = work.await;
        let (outcome, reason) = Outcome::of(&done);
        intent.close_behind(outcome, reason);
        done
    }

    async fn change<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut intent = self.auditor.intent(self.entry, self.notes);
        intent.store().await?;
        let done = work.await;
        let (outcome, reason) = Outcome::of(&done);
        intent.close(outcome, reason).await;
        done
    }

    /// What was done is answered only once it is recorded, with who did it; the work may do both in one commit.
    async fn open<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let (notes, action) = (self.notes.clone(), self.action);
        notes.offer_record(&self.auditor, &self.entry);
        let mut counted = Counted::new(self);
        let done = work.await;
        let (outcome, reason) = Outcome::of(&done);
        counted.outcome = outcome;
        match (outcome, counted.entry.take()) {
            (Outcome::Allowed, Some(_recorded)) if notes.has_taken_record() => {}
            (Outcome::Allowed, Some(entry)) => counted.auditor.done(notes.take().applied_to(entry)).await?,
            (Outcome::Denied, Some(entry)) => counted.auditor.denied(notes.take().applied_to(entry), action, reason),
            (_, entry) => counted.entry = entry,
        }
        done
    }
}

/// A call that is counted when it ends, also by being dropped.
struct Counted {
    auditor: Auditor,
    entry: Option<Entry>,
    action: ActionSpec,
    outcome: Outcome,
}

impl Counted {
    fn new(audited: Audited) -> Self {
        let Audited { auditor, entry, action, .. } = audited;
        Counted { auditor, entry: Some(entry), action, outcome: Outcome::Cancelled }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.auditor.count(entry, self.action, self.outcome);
        }
    }
}
