//! The port of utilities and versions.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::Changed;
use domain::name::UtilityId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::utility::{Utility, UtilityChange, UtilityQuery, UtilityRepository, Version, VersionHead};

use crate::request;
use crate::store::EmbeddedStore;

mod commit;
mod epoch;
mod granted;
mod importing;
mod list;
mod removal;
mod rows;
mod versions;

pub(crate) use epoch::advance as advance_epoch;
pub(crate) use removal::{grantees, remove};

#[async_trait]
impl UtilityRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> domain::Result<Found<Utility>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(Found::of(self.read(move |connection| rows::find(connection, &tenant, &id)).await?))
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> domain::Result<Found<(Utility, Version)>> {
        let (tenant, id, vault) = (scope.tenant().clone(), id.clone(), self.vault());
        Ok(Found::of(self.read(move |connection| rows::find_current(connection, &vault, &tenant, &id)).await?))
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> domain::Result<Found<Version>> {
        let (tenant, id, vault) = (scope.tenant().clone(), id.clone(), self.vault());
        Ok(Found::of(self.read(move |connection| versions::find(connection, &vault, &tenant, &id, number)).await?))
    }

    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, page: &PageRequest) -> domain::Result<Found<Page<Utility>>> {
        let (list, vault) = (list::List::new(scope.tenant().clone(), query.clone(), page)?, self.vault());
        Ok(Found::one(self.read(move |connection| list.page(connection, &vault)).await?))
    }

    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, page: &PageRequest) -> domain::Result<Found<Page<VersionHead>>> {
        let (tenant, id, page, vault) = (scope.tenant().clone(), id.clone(), versions::VersionPage::new(page)?, self.vault());
        Ok(Found::one(self.read(move |connection| versions::page(connection, &vault, (&tenant, &id), &page)).await?))
    }

    async fn epoch(&self, scope: &TenantScope) -> domain::Result<u64> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| epoch::find(connection, &tenant)).await?)
    }

    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> domain::Result<Committed<Utility>> {
        let what = Changed::Utility { tenant: scope.tenant().clone(), id: change.utility.name.utility.clone() };
        let commit = commit::Commit::new(scope.tenant().clone(), change)?;
        let ((now, since), vault) = (self.request_window(), self.vault());
        Ok(self.change(what, move |connection| commit.apply(connection, &vault, now, since)).await?)
    }

    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> domain::Result<()> {
        let (tenant, id, digest) = (scope.tenant().clone(), id.clone(), digest.to_owned());
        let what = Changed::Version { tenant: tenant.clone(), id: id.clone(), number };
        let marked = self.change(what, move |connection| versions::mark_compiled(connection, &tenant, &id, number, digest));
        marked.await?;
        Ok(())
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Utility>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        Ok(self.read(move |connection| rows::answer(&tenant, request::find(connection, &tenant, &request, since)?)).await?)
    }

    async fn remember(&self, scope: &TenantScope, request: &RequestKey, answer: &Utility) -> domain::Result<Committed<Utility>> {
        let note = commit::Note::new(scope.tenant().clone(), request.clone(), answer)?;
        let (now, since) = self.request_window();
        Ok(self.write(move |connection| note.store(connection, now, since)).await?)
    }
}

/// Stores a change inside of a larger write.
#[cfg(test)]
pub(crate) fn insert_for_tests(
    connection: &rusqlite::Connection,
    vault: &crate::vault::Vault,
    scope: &TenantScope,
    change: UtilityChange,
) -> crate::error::Result<()> {
    let epoch = domain::time::Timestamp::default();
    commit::Commit::new(scope.tenant().clone(), change)?.apply(connection, vault, epoch, epoch).map(drop)
}
