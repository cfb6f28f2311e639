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

use crate::added::Log;
use crate::store::EmbeddedStore;

mod list;
pub(crate) mod persons;
mod removal;
mod tree;
mod write;

pub(crate) use write::add_all;

#[async_trait]
impl AuditRepository for EmbeddedStore {
    fn news(&self, scope: &TenantScope) -> News {
        self.added().listen(Log::Audit, scope.tenant())
    }

    async fn append(&self, entries: Vec<Entry>) -> domain::Result<()> {
        Ok(self.append_records(entries).await?)
    }

    async fn close_all(&self, outcomes: Vec<Entry>) -> domain::Result<u64> {
        let vault = self.vault();
        Ok(self.write(move |connection| write::close_all(connection, &vault, &outcomes)).await?)
    }

    async fn close_all_behind(&self, outcomes: Vec<Entry>) -> domain::Result<u64> {
        let vault = self.vault();
        Ok(self.write_behind(move |connection| write::close_all(connection, &vault, &outcomes)).await?)
    }

    async fn abandoned(&self, own: &InstanceId, now: Timestamp, limit: u32) -> domain::Result<Vec<domain::Result<AuditRecord>>> {
        let (own, vault) = (own.clone(), self.vault());
        let found = self.read(move |connection| list::abandoned(connection, &vault, &own, now, limit)).await?;
        Ok(found.into_iter().map(|record| record.map_err(domain::Error::from)).collect())
    }

    async fn list(&self, scope: &TenantScope, query: &AuditQuery, page: &PageRequest) -> domain::Result<Found<Page<AuditRecord>>> {
        let list = list::List::new(scope.tenant().clone(), query.clone(), page)?;
        let vault = self.vault();
        Ok(Found::one(self.read(move |connection| list.page(connection, &vault)).await?))
    }

    async fn places(&self, scope: &TenantScope, from: Timestamp, before: Timestamp) -> domain::Result<Option<(u64, u64)>> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| list::places(connection, &tenant, from, before)).await?)
    }

    async fn size(&self, scope: &TenantScope) -> domain::Result<u64> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| tree::size(connection, &tenant)).await?)
    }

    async fn records_from(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> domain::Result<Vec<StoredRecord>> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| list::from(connection, &tenant, sequence, max_bytes)).await?)
    }

    async fn since(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> domain::Result<Found<Page<AuditRecord>>> {
        let (tenant, vault) = (scope.tenant().clone(), self.vault());
        Ok(Found::one(self.read(move |connection| list::since(connection, &vault, &tenant, sequence, max_bytes)).await?))
    }

    async fn first_kept(&self, scope: &TenantScope) -> domain::Result<u64> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| removal::first_kept(connection, &tenant)).await?)
    }

    async fn removable(&self, scope: &TenantScope, before: Timestamp) -> domain::Result<Option<Checkpoint>> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| removal::removable(connection, &tenant, before)).await?)
    }

    async fn remove(&self, scope: &TenantScope, first_kept: u64, limit: u32, judged: Option<Revision>) -> domain::Result<u64> {
        let tenant = scope.tenant().clone();
        Ok(self.write(move |connection| removal::remove(connection, &tenant, first_kept, limit, judged)).await?)
    }

    async fn unsealed(&self, limit: u32) -> domain::Result<Vec<TenantId>> {
        Ok(self.read(move |connection| tree::unsealed(connection, limit)).await?)
    }

    async fn checkpoint(&self, scope: &TenantScope, size: u64) -> domain::Result<Option<Checkpoint>> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| tree::checkpoint(connection, &tenant, size)).await?)
    }

    async fn checkpoint_after(&self, scope: &TenantScope, size: u64) -> domain::Result<Option<Checkpoint>> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| tree::checkpoint_after(connection, &tenant, size)).await?)
    }

    async fn cosign(&self, scope: &TenantScope, size: u64, before: &str, note: &str) -> domain::Result<bool> {
        let (tenant, before, note) = (scope.tenant().clone(), before.to_owned(), note.to_owned());
        Ok(self.write(move |connection| tree::cosign(connection, &tenant, size, &before, &note)).await?)
    }

    async fn tiles(&self, scope: &TenantScope, places: &[TilePlace]) -> domain::Result<Vec<Tile>> {
        let (tenant, places) = (scope.tenant().clone(), places.to_vec());
        Ok(self.read(move |connection| tree::tiles(connection, &tenant, &places)).await?)
    }

    async fn seal(&self, scope: &TenantScope, sealed: Sealed) -> domain::Result<bool> {
        let tenant = scope.tenant().clone();
        Ok(self.write(move |connection| tree::seal(connection, &tenant, &sealed)).await?)
    }
}
