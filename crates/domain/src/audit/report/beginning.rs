//! Whether a log begins where it says itself. The oldest records are removed only once a record says so, which is signed for like every
//! other: a log that begins later, by the database alone, hides what somebody has taken from it.

use crate::access::Permit;
use crate::audit::actions::BuildAuditReport;
use crate::audit::record::AuditRecord;
use crate::audit::removal::{REMOVE, first_kept};
use crate::audit::repository::{AuditQuery, AuditRepository};
use crate::audit::tree::AuditTree;
use crate::error::Result;
use crate::page::{MAX_PAGE, PageRequest};

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
    // What was removed a moment ago is said by a record that no checkpoint covers yet.
    tree.seal(&scope).await?;
    loop {
        let kept = repository.first_kept(&scope).await?;
        let gone = oldest.unwrap_or(repository.size(&scope).await?) > kept;
        if !gone && (kept == 0 || is_said(repository, tree, permit, kept).await?) {
            return Ok(None);
        }
        // A removal meanwhile takes the record of the one before with it.
        if gone || repository.first_kept(&scope).await? == kept {
            return Ok(Some(BeginningFault::NotRecorded));
        }
        tree.seal(&scope).await?;
    }
}

/// Whether a record that was signed for says that everything before this one may be gone. A removal that was cut off has removed less.
async fn is_said(repository: &dyn AuditRepository, tree: &dyn AuditTree, permit: &Permit<BuildAuditReport>, kept: u64) -> Result<bool> {
    let scope = permit.scope();
    let query = AuditQuery { action: Some(REMOVE.to_owned()), ..AuditQuery::default() };
    let says = |record: &AuditRecord| {
        let first =
            Some(&record.entry).filter(|entry| entry.action == REMOVE).and_then(|entry| first_kept(scope.tenant(), &entry.resource));
        first.is_some_and(|first| (kept..=record.sequence).contains(&first))
    };
    let mut after = None;
    loop {
        let page = permit.open_page(repository.list(&scope, &query, &PageRequest { size: MAX_PAGE, after }).await?);
        for record in page.items.into_iter().filter(says) {
            if tree.verify(&scope, record.sequence, record.sequence).await?.whole {
                return Ok(true);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(false);
        }
    }
}
