//! A store of utilities that halts where a test wants it to, and tells what becomes of work that waits for it.

use std::sync::Mutex;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::name::UtilityId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::utility::{Utility, UtilityChange, UtilityQuery, UtilityRepository, Version, VersionHead};
use test_support::InMemoryUtilityRepository;
use tokio::sync::oneshot;

/// The store.
pub struct HaltingUtilities {
    inner: InMemoryUtilityRepository,
    read: Mutex<Option<Gate>>,
    commit: Mutex<Option<Gate>>,
}

/// One that was told to halt.
pub struct Halted {
    /// Completes when work has arrived there; then it waits.
    pub arrived: oneshot::Receiver<()>,
    /// Lets it go on.
    pub go_on: oneshot::Sender<()>,
    /// Fails when the work was dropped there.
    pub passed: oneshot::Receiver<()>,
}

struct Gate {
    arrived: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
    passed: oneshot::Sender<()>,
}

impl HaltingUtilities {
    pub fn new(inner: InMemoryUtilityRepository) -> Self {
        HaltingUtilities { inner, read: Mutex::default(), commit: Mutex::default() }
    }

    /// The next read of a utility with its version halts.
    pub fn halt_read(&self) -> Halted {
        halt(&self.read)
    }

    /// The next change halts before it is stored.
    pub fn halt_commit(&self) -> Halted {
        halt(&self.commit)
    }
}

fn halt(place: &Mutex<Option<Gate>>) -> Halted {
    let (arrived, has_arrived) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let (passed, has_passed) = oneshot::channel();
    *place.lock().unwrap() = Some(Gate { arrived, go_on: may_go_on, passed });
    Halted { arrived: has_arrived, go_on, passed: has_passed }
}

async fn pass(place: &Mutex<Option<Gate>>) {
    let gate = place.lock().unwrap().take();
    if let Some(Gate { arrived, go_on, passed }) = gate {
        arrived.send(()).expect("the test waits for it");
        go_on.await.expect("the test lets it go on");
        // The test may not care.
        let _unheard = passed.send(());
    }
}

#[async_trait]
impl UtilityRepository for HaltingUtilities {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<Utility>> {
        self.inner.find(scope, id).await
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<(Utility, Version)>> {
        pass(&self.read).await;
        self.inner.find_current(scope, id).await
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> Result<Found<Version>> {
        self.inner.find_version(scope, id, number).await
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
        pass(&self.commit).await;
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
