//! The audit log of a server: who writes it, the tree over it with its key, and the work beside the calls: counts are recorded,
//! what dead servers left open is closed, and checkpoints are signed.

use std::error::Error as StdError;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::{Key, WitnessKey};
use domain::access::TenantScope;
use domain::audit::{AuditLog, AuditRepository, AuditTree, Auditor, LogPorts, Ports, Removal};
use domain::code_policy::CodePolicyRepository;
use domain::execution;
use domain::time::Clock;
use file_trust::Directory;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::bridge::merkle::MerkleTree;

/// The private key's name in the data directory.
const KEY: &str = "audit.key";
const MODE: u32 = 0o600;
/// Longest key file that is read.
const MAX_KEY: u64 = 256;
/// The time between two rounds: a checkpoint is at most a minute behind, also where one round fails.
const PERIOD: Duration = Duration::from_secs(20);
/// Logs that one round covers by checkpoints.
const LOGS: u32 = 1_000;

/// What a report counts beside records.
pub(crate) struct Reported {
    pub(crate) executions: Arc<dyn execution::ExecutionRepository>,
    pub(crate) policies: Arc<dyn CodePolicyRepository>,
}

/// Who signs checkpoints.
pub(crate) struct Signing {
    pub(crate) installation: String,
    pub(crate) key: Key,
    /// Who may cosign them.
    pub(crate) witnesses: Vec<WitnessKey>,
}

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Audit {
    pub(crate) auditor: Auditor,
    pub(crate) log: AuditLog,
    pub(crate) removal: Removal,
    repository: Arc<dyn AuditRepository>,
    tree: Arc<dyn AuditTree>,
    clock: Arc<dyn Clock>,
}

impl Audit {
    /// The log of the server `instance`, with the key of its data directory and its witnesses.
    pub(crate) fn new(ports: Ports, reported: Reported, instance: &str, signing: Signing) -> Self {
        let (repository, clock) = (Arc::clone(&ports.repository), Arc::clone(&ports.clock));
        let Signing { installation, key, witnesses } = signing;
        let tree = MerkleTree::new(Arc::clone(&repository), key, &installation, Arc::clone(&clock), witnesses);
        let tree: Arc<dyn AuditTree> = Arc::new(tree);
        let Reported { executions, policies } = reported;
        let auditor = Auditor::new(ports, domain::lease::InstanceId::new(instance));
        let log = AuditLog::new(LogPorts {
            repository: Arc::clone(&repository),
            tree: Arc::clone(&tree),
            executions,
            policies,
            clock: Arc::clone(&clock),
        });
        let removal = Removal { repository: Arc::clone(&repository), tree: Arc::clone(&tree), auditor: auditor.clone() };
        Audit { auditor, log, removal, repository, tree, clock }
    }

    /// Closes what dead servers have left open, and records what waits; answers how many intents were closed. What fails is logged
    /// and tried again in the next round: no server keeps from serving for it.
    pub(crate) async fn tend(&self) -> u64 {
        self.auditor.tend().await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn StdError, "what dead servers left open in the audit log could not be looked for");
            0
        })
    }

    /// Does what is due, again and again, until the stop is asked for. It ends between two rounds: what a round has taken to record is
    /// nowhere else.
    pub(crate) async fn tend_until(self, stopping: CancellationToken) {
        while stopping.run_until_cancelled(self.clock.sleep(PERIOD)).await.is_some() {
            self.round(&stopping).await;
        }
    }

    /// Records what is counted and covers every record by a checkpoint, before the store closes.
    pub(crate) async fn finish(&self) {
        self.auditor.flush().await;
        self.seal().await;
    }

    async fn round(&self, stopping: &CancellationToken) {
        self.tend().await;
        // What is not covered now is before the store closes.
        stopping.run_until_cancelled(self.seal()).await;
    }

    /// Covers what is not covered. One log that cannot be does not keep the others from it.
    async fn seal(&self) {
        let unsealed = self.repository.unsealed(LOGS).await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn StdError, "records of the audit log without a checkpoint could not be looked for");
            Vec::new()
        });
        for tenant in unsealed {
            if let Err(error) = self.tree.seal(&TenantScope::for_system(tenant.clone())).await {
                tracing::error!(%tenant, error = &error as &dyn StdError, "the last records of an audit log have no checkpoint");
            }
        }
    }
}

/// The key of a data directory; made on first use. The caller holds the directory's lock.
pub(crate) fn key(data: &Path) -> Result<Key, Error> {
    let directory = Directory::open(data)?;
    let failed = |source| Error::AuditKey { path: data.join(KEY), source };
    if let Some(file) = directory.find(KEY, MODE)? {
        let mut text = String::new();
        file.take(MAX_KEY).read_to_string(&mut text).map_err(failed)?;
        let malformed = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        return Key::read(&text).map_err(|error| failed(malformed(error)));
    }
    let (key, text) = Key::generate();
    let mut file = directory.file(KEY, MODE)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
