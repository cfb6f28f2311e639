//! The port of retention: what one tenant has kept long enough goes in steps that each are a short transaction. Each step looks itself
//! whether it may still do so.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::access::{Grantee, TenantScope};
use domain::change::Changed;
use domain::execution::Pruned;
use domain::name::{TenantId, UtilityId};
use domain::retention::{Due, Removed, RetentionStore, Step};
use domain::revision::Revision;
use domain::tenant::TenantState;
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};

use crate::collections::{UTILITIES, millis};
use crate::error::{Error, Result};
use crate::executions::prune;
use crate::grants::{end_received, held_change};
use crate::session::{Select, Session};
use crate::store::MongoStore;
use crate::tenants::{is_at, is_held};
use crate::transaction::{read, transact};
use crate::{epochs, request, utilities};

mod purge;

/// Deleted utilities that are looked for at once.
const STEP: usize = 64;
/// Shares that end at once.
const SHARES: usize = 64;
/// Most answered requests forgotten in one step.
const FORGOTTEN: usize = 256;
/// Later than everything.
const FOREVER: Timestamp = Timestamp::from_millis(u64::MAX);

#[async_trait]
impl RetentionStore for MongoStore {
    async fn is_due(&self, scope: &TenantScope, due: Due) -> domain::Result<bool> {
        Ok(read!(self, "looking for what is due", |session| is_due(session, scope.tenant(), due).await)?)
    }

    async fn remove_some(&self, scope: &TenantScope, due: Due, judged: Revision) -> domain::Result<Step> {
        let tenant = scope.tenant();
        match due {
            Due::Executions(_) | Due::Output(_) | Due::OutputBeyond(_) => Ok(self.remove_executions(tenant, due, judged).await?),
            Due::DeletedUtilities(before) => Ok(self.remove_utilities(tenant, (due, judged), Some(before)).await?),
            Due::Everything => Ok(self.purge_some(tenant, judged).await?),
        }
    }

    async fn tidy_some(&self) -> domain::Result<bool> {
        let (_, before) = self.request_window();
        let forgotten =
            transact!(self, "forgetting requests", &TenantId::system(), |session| request::forget(session, before, FORGOTTEN).await)?;
        Ok(forgotten == FORGOTTEN as u64)
    }
}

async fn is_due(session: &mut Session, tenant: &TenantId, due: Due) -> Result<bool> {
    let state = (due == Due::Everything).then_some(TenantState::Deleted);
    if is_held(session, tenant).await? || !is_at(session, tenant, None, state).await? {
        return Ok(false);
    }
    match due {
        Due::Executions(before) => prune::is_any_of_tenant(session, tenant, before).await,
        Due::Output(before) => prune::is_any_output_of_tenant(session, tenant, before).await,
        Due::OutputBeyond(most) => prune::is_tenant_beyond(session, tenant, most).await,
        Due::DeletedUtilities(before) => Ok(!due_utilities(session, tenant, Some(before), 1).await?.is_empty()),
        Due::Everything => Ok(prune::is_any_of_tenant(session, tenant, FOREVER).await?
            || !due_utilities(session, tenant, None, 1).await?.is_empty()
            || purge::is_due(session, tenant).await?),
    }
}

impl MongoStore {
    async fn remove_executions(&self, tenant: &TenantId, due: Due, judged: Revision) -> Result<Step> {
        let pruned = transact!(self, "removing executions of a tenant", tenant, |session| {
            match (may_go(session, tenant, due, judged).await?, due) {
                (false, _) | (true, Due::DeletedUtilities(_)) => Ok(Pruned::default()),
                (true, Due::Executions(before)) => prune::of_tenant(session, tenant, before).await,
                (true, Due::Output(before)) => prune::output_of_tenant(session, tenant, before).await,
                (true, Due::OutputBeyond(most)) => prune::of_tenant_beyond(session, tenant, most).await,
                (true, Due::Everything) => prune::of_tenant(session, tenant, FOREVER).await,
            }
        })?;
        let removed = Removed { executions: pruned.executions, output_bytes: pruned.output_bytes, ..Removed::default() };
        Ok(Step { removed, more: pruned.more })
    }

    /// Removes some utilities that were deleted before, or some of all.
    async fn remove_utilities(&self, tenant: &TenantId, what: (Due, Revision), deleted_before: Option<Timestamp>) -> Result<Step> {
        let found =
            read!(self, "looking for utilities to remove", |session| { due_utilities(session, tenant, deleted_before, STEP).await })?;
        let (mut removed, full) = (Removed::default(), found.len() == STEP);
        for id in found {
            let gone = transact!(self, "removing a deleted utility", tenant, |session| {
                Ok(may_go(session, tenant, what.0, what.1).await? && remove_utility(session, tenant, &id, deleted_before).await?)
            })?;
            removed.utilities += u64::from(gone);
        }
        // Where nothing went of what was there, it may not go any more.
        Ok(Step { more: full && removed.utilities > 0, removed })
    }

    /// Removes some of what a deleted tenant has: first what there may be much of.
    async fn purge_some(&self, tenant: &TenantId, judged: Revision) -> Result<Step> {
        let due = Due::Everything;
        let step = self.remove_executions(tenant, due, judged).await?;
        if step.removed.executions > 0 {
            return Ok(Step { more: true, ..step });
        }
        let step = self.remove_utilities(tenant, (due, judged), None).await?;
        if step.removed.utilities > 0 {
            return Ok(Step { more: true, ..step });
        }
        let (now, _) = self.request_window();
        let ended = transact!(self, "ending what is shared with a tenant", tenant, |session| {
            match may_go(session, tenant, due, judged).await? {
                true => end_shares(session, tenant, now).await,
                false => Ok(0),
            }
        })?;
        if ended > 0 {
            return Ok(Step { more: true, ..Step::default() });
        }
        let removed = transact!(self, "purging a tenant", tenant, |session| {
            match may_go(session, tenant, due, judged).await? {
                true => purge::step(session, tenant, now).await,
                false => Ok(0),
            }
        })?;
        if removed > 0 {
            // Keys may have been among it: whoever loaded some beside the commit keeps none of them.
            self.shared.vault.forget();
            return Ok(Step { more: true, ..Step::default() });
        }
        let is_purged = transact!(self, "purging a tenant", tenant, |session| {
            let may_go = may_go(session, tenant, due, judged).await?;
            if may_go {
                purge::finish(session, tenant, now).await?;
            }
            Ok(may_go)
        })?;
        if is_purged {
            // Whoever loaded keys beside the commit keeps none of them.
            self.shared.vault.forget();
        }
        Ok(Step::default())
    }
}

/// Whether a legal hold lets something of a tenant go, all of it only while the tenant is deleted; and whether the tenant is as it was judged.
/// Of this and of one who changes the tenant meanwhile, the second sees what the first has done.
async fn may_go(session: &mut Session, tenant: &TenantId, due: Due, judged: Revision) -> Result<bool> {
    let state = (due == Due::Everything).then_some(TenantState::Deleted);
    epochs::guard(session, tenant).await?;
    Ok(!is_held(session, tenant).await? && is_at(session, tenant, Some(judged), state).await?)
}

/// Removes a utility, and tells of what copies may be kept: the utility, and what each grantee of it holds.
async fn remove_utility(session: &mut Session, tenant: &TenantId, id: &UtilityId, deleted_before: Option<Timestamp>) -> Result<bool> {
    let grantees = utilities::grantees(session, tenant, id).await?;
    if !utilities::remove(session, tenant, id, deleted_before).await? {
        return Ok(false);
    }
    session.tell(Changed::Utility { tenant: tenant.clone(), id: id.clone() });
    for told in grantees.into_iter().collect::<BTreeSet<_>>().into_iter().filter_map(held_change) {
        session.tell(told);
    }
    Ok(true)
}

async fn end_shares(session: &mut Session, tenant: &TenantId, now: Timestamp) -> Result<usize> {
    let ended = end_received(session, tenant, now, SHARES).await?;
    if let Some(told) = held_change(Grantee::Tenant(tenant.clone()).to_string()).filter(|_| ended > 0) {
        session.tell(told);
    }
    Ok(ended)
}

/// Some of the utilities that were deleted before, or of all: a deletion is the last change of what is deleted.
async fn due_utilities(
    session: &mut Session,
    tenant: &TenantId,
    deleted_before: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<UtilityId>> {
    let mut filter = doc! { "tenant": tenant.as_str() };
    let mut sort = doc! { "_id": 1 };
    if let Some(before) = deleted_before {
        filter.extend(doc! { "deleted": true, "updated": { "$lt": millis(before) } });
        sort = doc! { "updated": 1 };
    }
    let fields: Document = doc! { "id": 1 };
    let found = session.find(UTILITIES.name, filter, Select { sort, limit, fields }).await?;
    let id = |row: &crate::row::Row| {
        let id = row.text("id")?;
        UtilityId::parse("id", id).map_err(|error| Error::undecodable(UTILITIES.name, row.key(), error))
    };
    found.iter().map(id).collect()
}
