//! The domain's checker port on python-check: off the threads that serve, as many at once as there are cores, for the version of
//! Python that the code will run on.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use domain::checker::CodeChecker;
use domain::finding::CodeReport;
use domain::name::TenantId;
use domain::{Error, Result};
use python_check::{Checker, Policy};
use sandbox::Sandboxes;
use tokio::sync::{OnceCell, Semaphore};

/// Checks code. Every tenant has the default policy.
pub(super) struct BlockingChecker {
    sandboxes: Sandboxes,
    checker: OnceCell<Arc<Checker>>,
    turns: Semaphore,
}

impl BlockingChecker {
    pub(super) fn new(sandboxes: Sandboxes) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        BlockingChecker { sandboxes, checker: OnceCell::new(), turns: Semaphore::new(cores) }
    }

    /// While there is no runtime, code is checked for the newest Python that is known, and asked about again next time.
    async fn checker(&self) -> Arc<Checker> {
        let made = self.checker.get_or_try_init(async || {
            let runtime = self.sandboxes.runtime().await.map_err(|_| ())?;
            let mut policy = Policy::default();
            policy.runtime.python = major_minor(&runtime.python_version).unwrap_or(policy.runtime.python);
            Ok::<_, ()>(Arc::new(Checker::new(policy)))
        });
        made.await.map_or_else(|()| Arc::new(Checker::new(Policy::default())), Arc::clone)
    }
}

#[async_trait]
impl CodeChecker for BlockingChecker {
    async fn check(&self, _tenant: &TenantId, source: Vec<u8>) -> Result<CodeReport> {
        let checker = self.checker().await;
        let _turn = self.turns.acquire().await.expect("nobody closes the semaphore");
        tokio::task::spawn_blocking(move || checker.check(&source)).await.map_err(|error| Error::internal("checking code", error))
    }
}

fn major_minor(version: &str) -> Option<(u8, u8)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_runtime_decides_the_syntax() {
        assert_eq!(major_minor("3.11.2"), Some((3, 11)));
        assert_eq!(major_minor("3.14.0rc1"), Some((3, 14)));
        assert_eq!(major_minor("three"), None);
    }
}
