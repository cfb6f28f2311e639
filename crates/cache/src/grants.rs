//! The repository of grants with what each grantee holds answered from memory: every call of somebody who reaches only their own
//! asks. That somebody holds nothing is kept, too; grantees come from callers and from administrators, not from what callers ask for.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, Grant, GrantRepository, Grantee, HeldGrants, Side, TenantScope};
use domain::name::{UtilityId, UtilityName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;

use crate::reads::Cache;

/// A repository behind a cache. The repository must tell the cache of changes.
pub struct CachedGrantRepository {
    inner: Arc<dyn GrantRepository>,
    cache: Arc<Cache>,
}

impl CachedGrantRepository {
    /// Puts `cache` before `inner`.
    pub fn new(inner: Arc<dyn GrantRepository>, cache: Arc<Cache>) -> Self {
        CachedGrantRepository { inner, cache }
    }
}

#[async_trait]
impl GrantRepository for CachedGrantRepository {
    async fn put(&self, scope: &TenantScope, grant: &Grant, now: Timestamp, request: Option<&RequestKey>) -> Result<Committed<Grant>> {
        self.inner.put(scope, grant, now, request).await
    }

    async fn remove(&self, scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>) -> Result<Committed<Grant>> {
        self.inner.remove(scope, grant, request).await
    }

    async fn find(&self, scope: &TenantScope, utility: &UtilityId, grantee: &Grantee) -> Result<Found<Grant>> {
        self.inner.find(scope, utility, grantee).await
    }

    async fn list(&self, scope: &TenantScope, utility: &UtilityId, page: &PageRequest) -> Result<Found<Page<Grant>>> {
        self.inner.list(scope, utility, page).await
    }

    async fn find_received(&self, scope: &TenantScope, utility: &UtilityName) -> Result<Found<Grant>> {
        self.inner.find_received(scope, utility).await
    }

    async fn answer(
        &self,
        scope: &TenantScope,
        before: &Grant,
        after: Option<&Grant>,
        request: Option<&RequestKey>,
    ) -> Result<Committed<Grant>> {
        self.inner.answer(scope, before, after, request).await
    }

    async fn list_shares(&self, scope: &TenantScope, side: Side, page: &PageRequest) -> Result<Found<Page<Grant>>> {
        self.inner.list_shares(scope, side, page).await
    }

    async fn held_by(&self, scope: &TenantScope, grantee: &Grantee) -> Result<Arc<HeldGrants>> {
        let key = (scope.tenant().clone(), grantee.clone());
        let load = async || self.inner.held_by(scope, grantee).await.map(|held| Some(HeldGrants::clone(&held)));
        Ok(self.cache.grants.find(&key, load).await?.unwrap_or_default())
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Grant>>> {
        self.inner.find_answer(scope, request).await
    }
}
