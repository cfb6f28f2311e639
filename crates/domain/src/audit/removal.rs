//! Removing the oldest records of a log once their time is over. The tree over them stays, so the rest is proven as before, and so is that
//! nothing else is gone: what is removed is whatever the log itself says, in a record that is stored before.

use std::sync::Arc;

use crate::access::TenantScope;
use crate::audit::auditor::Auditor;
use crate::audit::notes::Notes;
use crate::audit::record::FieldChange;
use crate::audit::repository::AuditRepository;
use crate::audit::tree::AuditTree;
use crate::error::{Error, Result};
use crate::name::{TenantId, TenantName};
use crate::revision::Revision;
use crate::time::Timestamp;

/// The action of the record of a removal. Whoever verifies an export looks for it.
pub const REMOVE: &str = "audit.remove";
/// What follows on the name of the tenant in the resource of such a record.
const FIRST_KEPT: &str = "/auditLog/records/";
/// Records that one commit removes.
const STEP: u32 = 1_000;

/// Removes records. Cheap to clone.
#[derive(Clone)]
pub struct Removal {
    /// The logs.
    pub repository: Arc<dyn AuditRepository>,
    /// The tree over each.
    pub tree: Arc<dyn AuditTree>,
    /// Records it.
    pub auditor: Auditor,
}

impl Removal {
    /// Removes what was recorded before `before`, up to a checkpoint, as long as the tenant is as it was when that was judged; says how
    /// many records are gone. What a removal that was cut off has left is removed by the next.
    ///
    /// # Errors
    /// [`Error::Internal`] where these records are not those that were signed for: then they stay, as they are what shows it;
    /// [`Error::Unaudited`]; those of the store.
    pub async fn remove(&self, tenant: &TenantId, before: Timestamp, judged: Revision) -> Result<u64> {
        let scope = TenantScope::for_system(tenant.clone());
        let kept = self.repository.first_kept(&scope).await?;
        // Nobody is shown it any more, whatever was settled since.
        let left = self.remove_to(&scope, kept, None).await?;
        let first = self.repository.removable(&scope, before).await?.map_or(0, |checkpoint| checkpoint.size);
        if first <= kept {
            return Ok(left);
        }
        if !self.tree.verify(&scope, kept, first - 1).await?.whole {
            return Err(Error::Internal {
                context: "records whose time is over are not those that were signed for; they stay",
                source: None,
            });
        }
        let resource = removal_resource(tenant, first);
        let notes = Notes::default();
        let entry = self.auditor.own_entry(tenant.clone(), REMOVE, &resource);
        let work = async {
            let removed = self.remove_between(&scope, (kept, first), judged, &notes).await?;
            notes.changes(FieldChange::named("records", Some(&removed.to_string()), None).into_iter().collect());
            Ok(removed)
        };
        Ok(left + self.auditor.own_work(entry, notes.clone(), work).await?)
    }

    /// Removes from one checkpoint to the next: where it ends, as the tenant was changed or is held, what is left begins at one and is
    /// proven. However it ends, its outcome names no more than the step has gone to that was begun last: what the intent names beyond that
    /// is nobody's to remove.
    async fn remove_between(&self, scope: &TenantScope, (from, first): (u64, u64), judged: Revision, notes: &Notes) -> Result<u64> {
        let ends_at = |kept| notes.resource(&removal_resource(scope.tenant(), kept));
        let (mut kept, mut all) = (from, 0);
        ends_at(kept);
        while kept < first {
            let next = self.next(scope, kept).await?.min(first);
            // Before it: a step that fails may have been done.
            ends_at(next);
            all += self.remove_to(scope, next, Some(judged)).await?;
            let now = self.repository.first_kept(scope).await?;
            if now < next {
                ends_at(now);
                break;
            }
            kept = next;
        }
        Ok(all)
    }

    /// How many records the checkpoint covers that a step goes to.
    async fn next(&self, scope: &TenantScope, kept: u64) -> Result<u64> {
        let step = self.repository.checkpoint(scope, kept.saturating_add(STEP.into())).await?;
        match step.filter(|checkpoint| checkpoint.size > kept) {
            Some(checkpoint) => Ok(checkpoint.size),
            None => Ok(self.repository.checkpoint_after(scope, kept).await?.map_or(u64::MAX, |checkpoint| checkpoint.size)),
        }
    }

    async fn remove_to(&self, scope: &TenantScope, first_kept: u64, judged: Option<Revision>) -> Result<u64> {
        let mut all = 0;
        loop {
            match self.repository.remove(scope, first_kept, STEP, judged).await? {
                0 => return Ok(all),
                removed => all += removed,
            }
        }
    }
}

/// What a removal is about: everything before this record.
fn removal_resource(tenant: &TenantId, first_kept: u64) -> String {
    format!("{}{FIRST_KEPT}{first_kept}", TenantName { tenant: tenant.clone() })
}

/// The first record that stays by what a removal is about; `None` where that is none of this tenant's log.
pub(super) fn first_kept(tenant: &TenantId, resource: &str) -> Option<u64> {
    resource.strip_prefix(&TenantName { tenant: tenant.clone() }.to_string())?.strip_prefix(FIRST_KEPT)?.parse().ok()
}
