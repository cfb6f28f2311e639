//! The repository of utilities and versions with its reads by name answered from memory. Lists and changes are passed on.
//! What is kept was opened to be kept, and is handed out sealed again.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::name::UtilityId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::utility::{Utility, UtilityChange, UtilityQuery, UtilityRepository, Version, VersionHead};

use crate::reads::Cache;

/// A repository behind a cache. The repository must tell the cache of changes.
pub struct CachedUtilityRepository {
    inner: Arc<dyn UtilityRepository>,
    cache: Arc<Cache>,
}

impl CachedUtilityRepository {
    /// Puts `cache` before `inner`.
    pub fn new(inner: Arc<dyn UtilityRepository>, cache: Arc<Cache>) -> Self {
        CachedUtilityRepository { inner, cache }
    }
}

#[async_trait]
impl UtilityRepository for CachedUtilityRepository {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<Utility>> {
        match self.cache.utilities.kept(&(scope.tenant().clone(), id.clone())) {
            Some(current) => Ok(Found::one(current.0.clone())),
            None => self.inner.find(scope, id).await,
        }
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<(Utility, Version)>> {
        let key = (scope.tenant().clone(), id.clone());
        let load = async || Ok(self.inner.find_current(scope, id).await?.open_for_system());
        let found = self.cache.utilities.find(&key, load).await?;
        Ok(Found::of(found.map(|current| (*current).clone())))
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> Result<Found<Version>> {
        let key = (scope.tenant().clone(), id.clone(), number);
        let load = async || Ok(self.inner.find_version(scope, id, number).await?.open_for_system());
        let found = self.cache.versions.find(&key, load).await?;
        Ok(Found::of(found.map(|version| (*version).clone())))
    }

    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, page: &PageRequest) -> Result<Found<Page<Utility>>> {
        self.inner.list(scope, query, page).await
    }

    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, page: &PageRequest) -> Result<Found<Page<VersionHead>>> {
        self.inner.list_versions(scope, id, page).await
    }

    async fn epoch(&self, scope: &TenantScope) -> Result<u64> {
        self.inner.epoch(scope).await
    }

    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> Result<Committed<Utility>> {
        self.inner.commit(scope, change).await
    }

    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> Result<()> {
        self.inner.mark_compiled(scope, id, number, digest).await
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Utility>>> {
        self.inner.find_answer(scope, request).await
    }

    async fn remember(&self, scope: &TenantScope, request: &RequestKey, answer: &Utility) -> Result<Committed<Utility>> {
        self.inner.remember(scope, request, answer).await
    }
}
