//! The port of retention: what one tenant has kept long enough goes in steps that each hold the writer for a short time only. Each step
//! looks itself whether it may still do so.

use async_trait::async_trait;
use domain::access::{Grantee, TenantScope};
use domain::change::Changed;
use domain::execution::Pruned;
use domain::name::{TenantId, UtilityId};
use domain::retention::{Due, Removed, RetentionStore, Step};
use domain::revision::Revision;
use domain::tenant::TenantState;
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::executions::prune;
use crate::grants::{end_received, held_change};
use crate::request;
use crate::store::EmbeddedStore;
use crate::tenants::{is_at, is_held};
use crate::utilities;

mod purge;

/// Deleted utilities that are looked for at once.
const STEP: u32 = 64;
/// Shares that end at once.
const SHARES: u32 = 64;
/// Most answered requests forgotten in one step.
const FORGOTTEN: u32 = 64;
/// Free pages that are kept for what is written next; more are given back to the file system.
const SPARE_PAGES: u32 = 1_024;
/// Most pages given back in one step.
const STEP_PAGES: u32 = 512;

#[async_trait]
impl RetentionStore for EmbeddedStore {
    async fn is_due(&self, scope: &TenantScope, due: Due) -> domain::Result<bool> {
        let tenant = scope.tenant().clone();
        let look = move |connection: &Connection| {
            if !may_go(connection, &tenant, due, None)? {
                return Ok(false);
            }
            match due {
                Due::Executions(before) => prune::is_any_of_tenant(connection, &tenant, before),
                Due::Output(before) => prune::is_any_output_of_tenant(connection, &tenant, before),
                Due::OutputBeyond(most) => prune::is_tenant_beyond(connection, &tenant, most),
                Due::DeletedUtilities(before) => Ok(!due_utilities(connection, &tenant, Some(before), 1)?.is_empty()),
                Due::Everything => Ok(prune::is_any_of_tenant(connection, &tenant, FOREVER)?
                    || !due_utilities(connection, &tenant, None, 1)?.is_empty()
                    || purge::is_due(connection, &tenant)?),
            }
        };
        Ok(self.read(look).await?)
    }

    async fn remove_some(&self, scope: &TenantScope, due: Due, judged: Revision) -> domain::Result<Step> {
        let what = (due, judged);
        match due {
            Due::Executions(before) => {
                self.pruned(scope, what, move |connection, tenant| prune::of_tenant(connection, tenant, before)).await
            }
            Due::Output(before) => {
                self.pruned(scope, what, move |connection, tenant| prune::output_of_tenant(connection, tenant, before)).await
            }
            Due::OutputBeyond(most) => {
                self.pruned(scope, what, move |connection, tenant| prune::of_tenant_beyond(connection, tenant, most)).await
            }
            Due::DeletedUtilities(before) => self.remove_utilities(scope, what, Some(before)).await,
            Due::Everything => self.purge_some(scope, judged).await,
        }
    }

    async fn tidy_some(&self) -> domain::Result<bool> {
        let (_, before) = self.request_window();
        let tidy = move |connection: &Connection| {
            let forgotten = request::forget(connection, before, FORGOTTEN)?;
            let vacuumed = give_back(connection).map_err(during("giving back space"))?;
            Ok(vacuumed || forgotten == FORGOTTEN as usize)
        };
        Ok(self.write(tidy).await?)
    }
}

/// Later than everything.
const FOREVER: Timestamp = Timestamp::from_millis(u64::MAX);

impl EmbeddedStore {
    async fn pruned<F>(&self, scope: &TenantScope, (due, judged): (Due, Revision), prune: F) -> domain::Result<Step>
    where
        F: FnOnce(&Connection, &TenantId) -> Result<Pruned> + Send + 'static,
    {
        let tenant = scope.tenant().clone();
        let work = move |connection: &Connection| match may_go(connection, &tenant, due, Some(judged))? {
            true => prune(connection, &tenant),
            false => Ok(Pruned::default()),
        };
        let pruned = self.write(work).await?;
        let removed = Removed { executions: pruned.executions, output_bytes: pruned.output_bytes, ..Removed::default() };
        Ok(Step { removed, more: pruned.more })
    }

    /// Removes some utilities that were deleted before, or some of all.
    async fn remove_utilities(
        &self,
        scope: &TenantScope,
        (due, judged): (Due, Revision),
        deleted_before: Option<Timestamp>,
    ) -> domain::Result<Step> {
        let tenant = scope.tenant().clone();
        let found = self.read(move |connection| due_utilities(connection, &tenant, deleted_before, STEP)).await?;
        let (mut removed, full) = (Removed::default(), found.len() == STEP as usize);
        for id in found {
            let tenant = scope.tenant().clone();
            // Nobody grants access to what is deleted, so that whoever is told of is all there are.
            let told = told(
                &tenant,
                &id,
                self.read({
                    let (tenant, id) = (tenant.clone(), id.clone());
                    move |connection| utilities::grantees(connection, &tenant, &id)
                })
                .await?,
            );
            let work = move |connection: &Connection| {
                Ok(may_go(connection, &tenant, due, Some(judged))? && utilities::remove(connection, &tenant, &id, deleted_before)?)
            };
            removed.utilities += u64::from(self.change_all(told, work).await?);
        }
        // Where nothing went of what was there, it may not go any more.
        Ok(Step { more: full && removed.utilities > 0, removed })
    }

    /// Removes some of what a deleted tenant has: first what there may be much of.
    async fn purge_some(&self, scope: &TenantScope, judged: Revision) -> domain::Result<Step> {
        let what = (Due::Everything, judged);
        let step = self.pruned(scope, what, |connection, tenant| prune::of_tenant(connection, tenant, FOREVER)).await?;
        if step.removed.executions > 0 {
            return Ok(Step { more: true, ..step });
        }
        let step = self.remove_utilities(scope, what, None).await?;
        if step.removed.utilities > 0 {
            return Ok(Step { more: true, ..step });
        }
        let (tenant, vault, (now, _)) = (scope.tenant().clone(), self.vault(), self.request_window());
        let (receiver, opening, told) = (tenant.clone(), self.vault(), held_change(Grantee::Tenant(tenant.clone()).to_string()));
        let end = move |connection: &Connection| match may_go(connection, &receiver, Due::Everything, Some(judged))? {
            true => end_received(connection, &opening, &receiver, now, SHARES),
            false => Ok(0),
        };
        if self.change_all(told.into_iter().collect(), end).await? > 0 {
            return Ok(Step { more: true, ..Step::default() });
        }
        let told_to = tenant.clone();
        let forget = move |connection: &Connection| match may_go(connection, &told_to, Due::Everything, Some(judged))? {
            true => purge::step(connection, &told_to),
            false => Ok(0),
        };
        if self.write(forget).await? > 0 {
            return Ok(Step { more: true, ..Step::default() });
        }
        let work = move |connection: &Connection| {
            if may_go(connection, &tenant, Due::Everything, Some(judged))? {
                purge::purge(connection, &vault, &tenant, now)?;
            }
            Ok(())
        };
        self.change_identity(scope.tenant(), Some(Changed::CodePolicy { tenant: scope.tenant().clone() }), work).await?;
        // Whoever loaded keys beside the commit keeps none of them.
        self.vault().forget();
        Ok(Step::default())
    }
}

/// Whether a legal hold lets something of a tenant go, all of it only while the tenant is deleted; and whether the tenant is as it was judged.
fn may_go(connection: &Connection, tenant: &TenantId, due: Due, judged: Option<Revision>) -> Result<bool> {
    let state = (due == Due::Everything).then_some(TenantState::Deleted);
    Ok(!is_held(connection, tenant)? && is_at(connection, tenant, judged, state)?)
}

/// What copies may be kept of: the utility, and what each grantee of it holds.
fn told(tenant: &TenantId, id: &UtilityId, grantees: Vec<String>) -> Vec<Changed> {
    let grants = grantees.into_iter().filter_map(held_change);
    std::iter::once(Changed::Utility { tenant: tenant.clone(), id: id.clone() }).chain(grants).collect()
}

/// Some of the utilities that were deleted before, or of all: a deletion is the last change of what is deleted.
fn due_utilities(connection: &Connection, tenant: &TenantId, deleted_before: Option<Timestamp>, limit: u32) -> Result<Vec<UtilityId>> {
    const DELETED: &str = "SELECT id FROM utilities WHERE tenant = ?1 AND deleted = 1 AND updated < ?2 ORDER BY updated LIMIT ?3";
    const ALL: &str = "SELECT id FROM utilities WHERE tenant = ?1 AND ?2 IS NULL ORDER BY id LIMIT ?3";
    let before = deleted_before.map(|before| integer(before.as_millis()));
    let run = || {
        let mut statement = connection.prepare_cached(if before.is_some() { DELETED } else { ALL })?;
        let found = statement.query_map(params![tenant.as_str(), before, limit], |row| row.get::<_, String>(0))?;
        found.collect::<rusqlite::Result<Vec<_>>>()
    };
    let found = run().map_err(during("looking for utilities to remove"))?;
    let read = |id: String| UtilityId::parse("id", &id).map_err(|error| Error::undecodable("utilities", id, error));
    found.into_iter().map(read).collect()
}

/// Gives free pages back; whether there are more to give.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let free: u32 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    let surplus = free.saturating_sub(SPARE_PAGES);
    if surplus == 0 {
        return Ok(false);
    }
    let mut statement = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({})", surplus.min(STEP_PAGES)))?;
    let mut pages = statement.query([])?;
    // Each row is a page given back.
    while pages.next()?.is_some() {}
    Ok(surplus > STEP_PAGES)
}
