//! A store that counts its reads, and that a test can halt between reading and answering.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::name::UtilityId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::revision::Revision;
use domain::utility::{Utility, UtilityChange, UtilityQuery, UtilityRepository, Version, VersionHead};
use tokio::sync::{Semaphore, oneshot};

/// A store between the cache and the one in memory.
pub(super) struct Watched<R> {
    inner: R,
    reads: AtomicUsize,
    halt: Mutex<Option<(oneshot::Sender<()>, Arc<Semaphore>)>>,
}

impl<R> Watched<R> {
    pub(super) fn new(inner: R) -> Self {
        Watched { inner, reads: AtomicUsize::new(0), halt: Mutex::default() }
    }

    /// How often it was read.
    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Halts the next read after it has read: the first part says when it is there, a permit of the second lets it go on.
    pub(super) fn halt_next(&self) -> (oneshot::Receiver<()>, Arc<Semaphore>) {
        let ((arrived, has_arrived), gate) = (oneshot::channel(), Arc::new(Semaphore::new(0)));
        *self.halt.lock().unwrap() = Some((arrived, gate.clone()));
        (has_arrived, gate)
    }

    async fn pass<T>(&self, found: T) -> T {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let halt = self.halt.lock().unwrap().take();
        match halt {
            Some((arrived, gate)) => {
                arrived.send(()).unwrap();
                gate.acquire().await.unwrap().forget();
            }
            // Gives others the moment between reading and answering that a real store gives them.
            None => tokio::task::yield_now().await,
        }
        found
    }
}

#[async_trait]
impl<R: UtilityRepository> UtilityRepository for Watched<R> {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<Utility>> {
        let found = self.inner.find(scope, id).await;
        self.pass(found).await
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<(Utility, Version)>> {
        let found = self.inner.find_current(scope, id).await;
        self.pass(found).await
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> Result<Found<Version>> {
        let found = self.inner.find_version(scope, id, number).await;
        self.pass(found).await
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

#[async_trait]
impl<R: CodePolicyRepository> CodePolicyRepository for Watched<R> {
    async fn find(&self, scope: &TenantScope) -> Result<Found<CodePolicy>> {
        let found = self.inner.find(scope).await;
        self.pass(found).await
    }

    async fn commit(&self, scope: &TenantScope, expected: Revision, policy: &CodePolicy) -> Result<bool> {
        self.inner.commit(scope, expected, policy).await
    }
}
