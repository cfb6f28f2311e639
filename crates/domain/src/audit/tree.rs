//! The port to the tree over a log: what is hashed, signed and proven.

use async_trait::async_trait;

use crate::Result;
use crate::access::TenantScope;
use crate::hash::Hash;
use crate::name::TenantId;

/// Port: the tree over each tenant's log.
#[async_trait]
pub trait AuditTree: Send + Sync {
    /// The name of a tenant's log, with which its checkpoints begin.
    fn origin(&self, tenant: &TenantId) -> String;
    /// The public key that its checkpoints are verified with, in the text form of signed notes.
    fn key(&self, tenant: &TenantId) -> String;
    /// Covers every record that there is by a checkpoint; those that are added meanwhile, perhaps.
    ///
    /// # Errors
    /// Those of the store; [`crate::Error::Internal`] where the tree does not fit its last checkpoint: somebody has changed it.
    async fn seal(&self, scope: &TenantScope) -> Result<()>;
    /// The proof that the record `sequence` is among the first `size`, which a checkpoint covers.
    ///
    /// # Errors
    /// As [`AuditTree::seal`].
    async fn inclusion(&self, scope: &TenantScope, sequence: u64, size: u64) -> Result<Vec<Hash>>;
    /// The proof that the first `older` records are the beginning of the first `newer`, which checkpoints cover.
    ///
    /// # Errors
    /// As [`AuditTree::seal`].
    async fn consistency(&self, scope: &TenantScope, older: u64, newer: u64) -> Result<Vec<Hash>>;
}
