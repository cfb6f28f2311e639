//! Whether a log begins where it says itself. The oldest records are removed only once a record says so, which is signed for like every
//! other: a log that begins later, by the database alone, hides what somebody has taken from it.

use crate::access::Permit;
use crate::audit::actions::BuildAuditReport;
use crate::audit::record::{AuditRecord, Outcome};
use crate::audit::removal::{REMOVE, first_kept};
use crate::audit::repository::{AuditQuery, AuditRepository};
use crate::audit::tree::AuditTree;
use crate::error::Result;
use crate::page::{MAX_PAGE, PageRequest};

/// Bytes of records that are read at once.
const STEP_BYTES: usize = 256 * 1024;

/// What is wrong with the beginning of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginningFault {
    /// Records are gone of which no record that was signed for says so.
    NotRecorded,
}

/// What is wrong with the beginning of a log whose oldest record was just found to be this one.
pub(super) async fn fault(
    repository: &dyn AuditRepository,
    tree: &dyn AuditTree,
    permit: &Permit<BuildAuditReport>,
    oldest: Option<u64>,
) -> Result<Option<BeginningFault>> {
    let scope = permit.scope();
    loop {
        let kept = repository.first_kept(&scope).await?;
        // What was removed a moment ago is said by a record that no checkpoint covers yet.
        tree.seal(&scope).await?;
        let gone = oldest.unwrap_or(repository.size(&scope).await?) > kept;
        let log = Log { repository, tree, permit };
        if !gone && (kept == 0 || log.says(kept).await?) {
            return Ok(None);
        }
        // A removal meanwhile takes the record of the one before with it.
        if gone || repository.first_kept(&scope).await? == kept {
            return Ok(Some(BeginningFault::NotRecorded));
        }
    }
}

/// What a log says of removals.
struct Log<'a> {
    repository: &'a dyn AuditRepository,
    tree: &'a dyn AuditTree,
    permit: &'a Permit<BuildAuditReport>,
}

impl Log<'_> {
    /// Whether a record that was signed for says that everything before this one may be gone: one of how a removal ended, or of one that
    /// has begun and may have come so far.
    async fn says(&self, kept: u64) -> Result<bool> {
        let query = AuditQuery { action: Some(REMOVE.to_owned()), ..AuditQuery::default() };
        let mut after = None;
        loop {
            let request = PageRequest { size: MAX_PAGE, after };
            let page = self.permit.open_page(self.repository.list(&self.permit.scope(), &query, &request).await?);
            for record in page.items {
                if self.lets_go(&record, kept) && self.counts(&record, kept).await? {
                    return Ok(true);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }

    /// Whether a record says so, by itself.
    fn lets_go(&self, record: &AuditRecord, kept: u64) -> bool {
        let entry = Some(&record.entry).filter(|entry| entry.action == REMOVE);
        let first = entry.and_then(|entry| first_kept(self.permit.scope().tenant(), &entry.resource));
        first.is_some_and(|first| (kept..=record.sequence).contains(&first))
    }

    /// Whether what it says holds, and was signed for. An intent says how far a removal may go, which may have ended earlier: that is
    /// looked for by places, as whoever changes the database can hide an outcome from lists.
    async fn counts(&self, record: &AuditRecord, kept: u64) -> Result<bool> {
        let scope = self.permit.scope();
        let mut last = record.sequence;
        if record.entry.outcome == Outcome::Intent {
            let sealed = self.repository.checkpoint(&scope, u64::MAX).await?.map_or(0, |checkpoint| checkpoint.size);
            match self.outcome_of(record, sealed).await? {
                Some(outcome) if !self.lets_go(&outcome, kept) => return Ok(false),
                Some(_) | None => last = last.max(sealed.saturating_sub(1)),
            }
        }
        Ok(self.tree.verify(&scope, record.sequence, last).await?.whole)
    }

    /// What became of an intent, before this place.
    async fn outcome_of(&self, intent: &AuditRecord, before: u64) -> Result<Option<AuditRecord>> {
        let mut next = intent.sequence + 1;
        while next < before {
            let page = self.permit.open_page(self.repository.since(&self.permit.scope(), next, STEP_BYTES).await?);
            let Some(last) = page.items.last().map(|last| last.sequence) else { break };
            let mut found = page.items.into_iter().filter(|record| record.sequence < before);
            if let Some(outcome) = found.find(|record| record.entry.call == intent.entry.call) {
                return Ok(Some(outcome));
            }
            next = last + 1;
        }
        Ok(None)
    }
}
