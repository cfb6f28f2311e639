//! The port of utilities and versions.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::Changed;
use domain::name::UtilityId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::utility::{Utility, UtilityChange, UtilityQuery, UtilityRepository, Version, VersionHead};

use crate::request;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod commit;
mod epoch;
mod list;
mod names;
mod removal;
mod rows;
mod versions;

pub(crate) use epoch::advance as advance_epoch;
pub(crate) use removal::{grantees, remove};

#[async_trait]
impl UtilityRepository for MongoStore {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> domain::Result<Found<Utility>> {
        let found = read!(self, "reading a utility", |session| rows::find(session, scope.tenant(), id).await);
        Ok(Found::of(found?))
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> domain::Result<Found<(Utility, Version)>> {
        let found = read!(self, "reading a utility with its version", |session| rows::find_current(session, scope.tenant(), id).await);
        Ok(Found::of(found?))
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> domain::Result<Found<Version>> {
        let found = read!(self, "reading a version", |session| versions::find(session, scope.tenant(), id, number).await);
        Ok(Found::of(found?))
    }

    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, page: &PageRequest) -> domain::Result<Found<Page<Utility>>> {
        let list = list::List::new(scope.tenant(), query, page)?;
        Ok(Found::one(read!(self, "listing utilities", |session| list.page(session).await)?))
    }

    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, page: &PageRequest) -> domain::Result<Found<Page<VersionHead>>> {
        let page = versions::VersionPage::new(page)?;
        Ok(Found::one(read!(self, "listing versions", |session| versions::page(session, scope.tenant(), id, &page).await)?))
    }

    async fn epoch(&self, scope: &TenantScope) -> domain::Result<u64> {
        Ok(read!(self, "reading a tenant's epoch", |session| epoch::find(session, scope.tenant()).await)?)
    }

    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> domain::Result<Committed<Utility>> {
        let commit = commit::Commit::new(scope.tenant(), change)?;
        let window = self.request_window();
        Ok(transact!(self, "storing a utility", scope.tenant(), |session| commit.apply(session, window).await)?)
    }

    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> domain::Result<()> {
        let tenant = scope.tenant();
        let marked = transact!(self, "marking a version as compiled", tenant, |session| {
            versions::mark_compiled(session, tenant, id, number, digest).await?;
            session.tell(Changed::Version { tenant: tenant.clone(), id: id.clone(), number });
            Ok(())
        });
        Ok(marked?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Utility>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let found = read!(self, "reading an answered request", |session| {
            rows::answer(tenant, request::find(session, tenant, request, since).await?)
        });
        Ok(found?)
    }

    async fn remember(&self, scope: &TenantScope, request: &RequestKey, answer: &Utility) -> domain::Result<Committed<Utility>> {
        let note = commit::Note::new(scope.tenant(), request, answer)?;
        let window = self.request_window();
        Ok(transact!(self, "remembering a request", scope.tenant(), |session| note.store(session, window).await)?)
    }
}
