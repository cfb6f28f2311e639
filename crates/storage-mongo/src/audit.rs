//! The port of audit logs. Nothing here changes a record; the oldest are removed where the log says so.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::audit::{AuditQuery, AuditRecord, AuditRepository, Checkpoint, Entry, Sealed, StoredRecord, Tile, TilePlace};
use domain::lease::InstanceId;
use domain::name::TenantId;
use domain::news::News;
use domain::page::{Page, PageRequest};
use domain::revision::Revision;
use domain::time::Timestamp;

use crate::error::Result;
use crate::news::Log;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod appender;
mod list;
mod names;
pub(crate) mod persons;
mod queue;
mod removal;
mod tree;
mod write;

pub(crate) use queue::{Appender, Doubt};
pub(crate) use write::add_all;

/// Keys of the index by time that one read for places looks at: far less than the deadline.
const PLACES_AT_ONCE: i64 = 100_000;

#[async_trait]
impl AuditRepository for MongoStore {
    fn news(&self, scope: &TenantScope) -> News {
        self.shared.hearers.listen(Log::Audit, scope.tenant())
    }

    async fn append(&self, entries: Vec<Entry>) -> domain::Result<()> {
        let Some(turn) = turn(&entries) else { return Ok(()) };
        Ok(appender::append(&self.shared, turn, entries).await?)
    }

    async fn close_all(&self, outcomes: Vec<Entry>) -> domain::Result<u64> {
        let Some(turn) = turn(&outcomes) else { return Ok(0) };
        if self.shared.appender.is_in_doubt(&outcomes) {
            // They are offered again, when it is known whether there is something to close.
            return Err(appender::in_doubt(&self.shared).into());
        }
        Ok(transact!(self, "closing intents", &turn, |session| write::close_all(session, &outcomes).await)?)
    }

    async fn abandoned(&self, own: &InstanceId, now: Timestamp, limit: u32) -> domain::Result<Vec<domain::Result<AuditRecord>>> {
        let vault = &self.shared.vault;
        let found = read!(self, "looking for open intents", |session| list::abandoned(session, vault, own, now, limit).await)?;
        Ok(found.into_iter().map(|record| record.map_err(domain::Error::from)).collect())
    }

    async fn list(&self, scope: &TenantScope, query: &AuditQuery, page: &PageRequest) -> domain::Result<Found<Page<AuditRecord>>> {
        let list = list::List::new(scope.tenant().clone(), query.clone(), page)?;
        let vault = &self.shared.vault;
        Ok(Found::one(read!(self, "listing audit records", |session| list.page(session.for_lists(), vault).await)?))
    }

    async fn places(&self, scope: &TenantScope, from: Timestamp, before: Timestamp) -> domain::Result<Option<(u64, u64)>> {
        Ok(self.places_by(scope.tenant(), from, before, PLACES_AT_ONCE).await?)
    }

    async fn size(&self, scope: &TenantScope) -> domain::Result<u64> {
        Ok(read!(self, "counting audit records", |session| tree::size(session, scope.tenant()).await)?)
    }

    async fn records_from(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> domain::Result<Vec<StoredRecord>> {
        Ok(read!(self, "reading audit records", |session| list::from(session, scope.tenant(), sequence, max_bytes).await)?)
    }

    async fn since(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> domain::Result<Found<Page<AuditRecord>>> {
        let vault = &self.shared.vault;
        let found =
            read!(self, "reading audit records", |session| { list::since(session, vault, scope.tenant(), sequence, max_bytes).await });
        Ok(Found::one(found?))
    }

    async fn first_kept(&self, scope: &TenantScope) -> domain::Result<u64> {
        Ok(read!(self, "looking for the first audit record", |session| removal::first_kept(session, scope.tenant()).await)?)
    }

    async fn removable(&self, scope: &TenantScope, before: Timestamp) -> domain::Result<Option<Checkpoint>> {
        let found = read!(self, "looking for audit records whose time is over", |session| {
            removal::removable(session, scope.tenant(), before).await
        });
        Ok(found?)
    }

    async fn remove(&self, scope: &TenantScope, first_kept: u64, limit: u32, judged: Option<Revision>) -> domain::Result<u64> {
        let removed = transact!(self, "removing audit records", scope.tenant(), |session| {
            removal::remove(session, scope.tenant(), first_kept, limit, judged).await
        });
        Ok(removed?)
    }

    async fn unsealed(&self, limit: u32) -> domain::Result<Vec<TenantId>> {
        Ok(read!(self, "looking for records without a checkpoint", |session| tree::unsealed(session, limit).await)?)
    }

    async fn checkpoint(&self, scope: &TenantScope, size: u64) -> domain::Result<Option<Checkpoint>> {
        Ok(read!(self, "reading a checkpoint", |session| tree::checkpoint(session, scope.tenant(), size).await)?)
    }

    async fn checkpoint_after(&self, scope: &TenantScope, size: u64) -> domain::Result<Option<Checkpoint>> {
        Ok(read!(self, "reading a checkpoint", |session| tree::checkpoint_after(session, scope.tenant(), size).await)?)
    }

    async fn cosign(&self, scope: &TenantScope, size: u64, before: &str, note: &str) -> domain::Result<bool> {
        let was_read = transact!(self, "storing a cosignature", scope.tenant(), |session| {
            tree::cosign(session, scope.tenant(), size, before, note).await
        });
        Ok(was_read?)
    }

    async fn tiles(&self, scope: &TenantScope, places: &[TilePlace]) -> domain::Result<Vec<Tile>> {
        Ok(read!(self, "reading tiles", |session| tree::tiles(session, scope.tenant(), places).await)?)
    }

    async fn seal(&self, scope: &TenantScope, sealed: Sealed) -> domain::Result<bool> {
        Ok(transact!(self, "storing a checkpoint", scope.tenant(), |session| tree::seal(session, scope.tenant(), &sealed).await)?)
    }
}

impl MongoStore {
    /// The first and the last place of records of a time, in reads that each look at so many.
    pub(crate) async fn places_by(&self, tenant: &TenantId, from: Timestamp, before: Timestamp, most: i64) -> Result<Option<(u64, u64)>> {
        let (mut all, mut before) = (None, before);
        loop {
            let found = read!(self, "looking for the places of audit records", |session| {
                list::places(session, tenant, (from, before), most).await
            });
            let Some(found) = found? else { return Ok(all) };
            let (first, last) = all.unwrap_or((found.first, found.last));
            all = Some((first.min(found.first), last.max(found.last)));
            match found.rest_before {
                Some(rest) => before = rest,
                None => return Ok(all),
            }
        }
    }
}

/// Whose turn it is that adds these: mostly all are of one tenant.
fn turn(entries: &[Entry]) -> Option<TenantId> {
    entries.first().map(|entry| entry.tenant.clone())
}
