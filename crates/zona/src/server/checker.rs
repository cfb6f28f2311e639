//! The domain's checker port on python-check: on a thread of its own, as many at once as there are cores.

use async_trait::async_trait;
use domain::checker::CodeChecker;
use domain::finding::CodeReport;
use domain::name::TenantId;
use domain::{Error, Result};
use python_check::{Checker, Policy};
use tokio::sync::Semaphore;

use std::sync::Arc;

/// Checks off the threads that serve. Every tenant has the default policy.
pub(super) struct BlockingChecker {
    checker: Arc<Checker>,
    turns: Semaphore,
}

impl BlockingChecker {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        BlockingChecker { checker: Arc::new(Checker::new(Policy::default())), turns: Semaphore::new(cores) }
    }
}

#[async_trait]
impl CodeChecker for BlockingChecker {
    async fn check(&self, _tenant: &TenantId, source: Vec<u8>) -> Result<CodeReport> {
        let _turn = self.turns.acquire().await.expect("nobody closes the semaphore");
        let checker = Arc::clone(&self.checker);
        tokio::task::spawn_blocking(move || checker.check(&source)).await.map_err(|error| Error::internal("checking code", error))
    }
}
