//! Closes what dead servers have left open: it was done or it was not. What cannot be closed keeps nothing else from it.

use std::sync::atomic::Ordering;

use super::Auditor;
use crate::audit::record::{Entry, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::incident::Incident;

/// Intents of dead servers that are closed in one round.
const ABANDONED: u32 = 1_000;
/// The reason of an outcome that nobody knows.
const SERVER_DIED: &str = "SERVER_DIED";
/// What incidents call this work.
const WORK: &str = "close what dead servers left open in the audit log";

impl Auditor {
    /// Closes what it can, and answers how many that were; tells operators of what it cannot.
    pub(super) async fn recover(&self) -> Result<u64> {
        let ports = &self.shared.ports;
        let (mut outcomes, mut failed) = (Vec::new(), None);
        for abandoned in ports.repository.abandoned(&self.shared.instance, ports.clock.now(), ABANDONED).await? {
            match abandoned {
                Ok(intent) => outcomes.push(self.nobody_knows(intent.entry)),
                Err(error) => failed = Some(error),
            }
        }
        let closed = self.close_what_can_be(outcomes, &mut failed).await;
        self.tell(failed.as_ref());
        closed
    }

    fn nobody_knows(&self, intent: Entry) -> Entry {
        let (time, instance) = (self.shared.ports.clock.now(), self.shared.instance.clone());
        Entry { time, instance, outcome: Outcome::Unknown, reason: SERVER_DIED.to_owned(), ..intent }
    }

    /// In one write; one by one where one of them is refused, and all with it.
    async fn close_what_can_be(&self, outcomes: Vec<Entry>, failed: &mut Option<Error>) -> Result<u64> {
        let repository = &self.shared.ports.repository;
        if outcomes.is_empty() {
            return Ok(0);
        }
        match repository.close_all(outcomes.clone()).await {
            Err(refused) if refused.kind() == ErrorKind::Internal => {}
            closed => return closed,
        }
        let mut closed = 0;
        for outcome in outcomes {
            match repository.close(outcome).await {
                Ok(was_open) => closed += u64::from(was_open),
                Err(error) => *failed = Some(error),
            }
        }
        Ok(closed)
    }

    /// Tells operators when that begins and when it is over.
    fn tell(&self, failed: Option<&Error>) {
        let incidents = &self.shared.ports.incidents;
        match (failed, self.shared.stuck.swap(failed.is_some(), Ordering::Relaxed)) {
            (Some(error), false) => incidents.report(&Incident::WorkFailed { work: WORK, error }),
            (None, true) => incidents.report(&Incident::WorkResumed { work: WORK }),
            (Some(_), true) | (None, false) => {}
        }
    }
}
