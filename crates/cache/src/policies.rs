//! The repository of code policies with its reads answered from memory. That a tenant has stored none is kept too: each
//! execution asks, and a tenant comes from a permit, so nobody can ask for arbitrary ones.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::revision::Revision;

use crate::reads::Cache;

/// A repository behind a cache. The repository must tell the cache of changes.
pub struct CachedCodePolicyRepository {
    inner: Arc<dyn CodePolicyRepository>,
    cache: Arc<Cache>,
}

impl CachedCodePolicyRepository {
    /// Puts `cache` before `inner`.
    pub fn new(inner: Arc<dyn CodePolicyRepository>, cache: Arc<Cache>) -> Self {
        CachedCodePolicyRepository { inner, cache }
    }
}

#[async_trait]
impl CodePolicyRepository for CachedCodePolicyRepository {
    async fn find(&self, scope: &TenantScope) -> Result<Found<CodePolicy>> {
        // Opened to be kept, and handed out sealed again.
        let load = async || self.inner.find(scope).await.map(|found| Some(found.open_for_system()));
        let found = self.cache.policies.find(scope.tenant(), load).await?;
        Ok(Found::of(found.and_then(|policy| (*policy).clone())))
    }

    async fn commit(&self, scope: &TenantScope, expected: Revision, policy: &CodePolicy) -> Result<bool> {
        self.inner.commit(scope, expected, policy).await
    }
}
