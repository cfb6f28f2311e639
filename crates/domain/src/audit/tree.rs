//! The port to the tree over a log: what is hashed, signed and proven.

use async_trait::async_trait;

use crate::Result;
use crate::access::TenantScope;
use crate::hash::Hash;
use crate::name::TenantId;

/// Whether records are those that were signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The first record that was looked at: the first behind the checkpoint before.
    pub first: u64,
    /// How many records the checkpoint covers that covers the last of them.
    pub size: u64,
    /// Checkpoints that were compared.
    pub checkpoints: u64,
    /// Whether all of them fit.
    pub whole: bool,
}

/// Why cosignatures are not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CosignatureRefused {
    /// They are no lines of signatures.
    Malformed,
    /// One is by no witness of this installation.
    UnknownWitness,
    /// One does not fit the checkpoint.
    Wrong,
}

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
    /// The hashes of the leaves of records from `from` on and before `to`, which a checkpoint covers, where they are still there or not:
    /// at least one, and at most those of one tile.
    ///
    /// # Errors
    /// As [`AuditTree::seal`].
    async fn leaves(&self, scope: &TenantScope, from: u64, to: u64) -> Result<Vec<Hash>>;
    /// A checkpoint's note with these lines of cosignatures, each by a witness of this installation.
    ///
    /// # Errors
    /// [`CosignatureRefused`].
    fn cosigned(&self, note: &str, cosignatures: &str) -> std::result::Result<String, CosignatureRefused>;
    /// Hashes the records from the checkpoint before `first` to the one that covers `last`, and compares them with what was signed.
    ///
    /// # Errors
    /// Those of the store.
    async fn verify(&self, scope: &TenantScope, first: u64, last: u64) -> Result<Verification>;
}
