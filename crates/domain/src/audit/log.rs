//! Use cases of reading a log. It is written by what happens; see [`crate::audit::Auditor`].

use std::sync::Arc;

use crate::access::Permit;
use crate::audit::actions;
use crate::audit::export::{Export, export};
use crate::audit::record::AuditRecord;
use crate::audit::repository::{AuditQuery, AuditRepository, Checkpoint, StoredRecord};
use crate::audit::tree::AuditTree;
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::name::TenantName;
use crate::page::{Page, PageRequest};

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog {
    repository: Arc<dyn AuditRepository>,
    tree: Arc<dyn AuditTree>,
}

/// That a record is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The record, as it is hashed.
    pub record: StoredRecord,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// The proof.
    pub proof: Vec<Hash>,
}

impl AuditLog {
    /// Wires the use cases to their ports.
    pub fn new(repository: Arc<dyn AuditRepository>, tree: Arc<dyn AuditTree>) -> Self {
        AuditLog { repository, tree }
    }

    /// A page of records, newest first. A page may hold fewer than were asked for, or none, and there are more all the same.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(
        &self,
        permit: &Permit<actions::ListAuditRecords>,
        query: &AuditQuery,
        page: &PageRequest,
    ) -> Result<Page<AuditRecord>> {
        let found = self.repository.list(&permit.scope(), query, page).await?;
        Ok(permit.open_page(found))
    }

    /// The public key that the checkpoints of a tenant's log are verified with.
    pub fn key(&self, permit: &Permit<actions::GetCheckpoint>) -> String {
        self.tree.key(&permit.target().tenant)
    }

    /// The newest checkpoint, or the newest that covers at most `size` records.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    pub async fn checkpoint(&self, permit: &Permit<actions::GetCheckpoint>, size: Option<u64>) -> Result<Checkpoint> {
        let found = self.repository.checkpoint(&permit.scope(), size.unwrap_or(u64::MAX)).await?;
        found.ok_or_else(|| no_checkpoint(permit.target()))
    }

    /// Proves that a record is in the log, by the newest checkpoint, or the newest that covers at most `size` records.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no checkpoint; [`Error::OutOfRange`] where it does not cover the record.
    pub async fn inclusion(&self, permit: &Permit<actions::GetInclusionProof>, sequence: u64, size: Option<u64>) -> Result<Proven> {
        let scope = permit.scope();
        let checkpoint = self.repository.checkpoint(&scope, size.unwrap_or(u64::MAX)).await?;
        let checkpoint = checkpoint.ok_or_else(|| no_checkpoint(permit.target()))?;
        let found = self.repository.records_from(&scope, sequence, 1).await?.into_iter().next();
        let record =
            found.filter(|record| record.sequence == sequence && sequence < checkpoint.size).ok_or_else(|| not_covered(&checkpoint))?;
        let proof = self.tree.inclusion(&scope, sequence, checkpoint.size).await?;
        Ok(Proven { record, checkpoint, proof })
    }

    /// Proves that a log has only grown from `older` to `newer` records; `None` is what the newest checkpoint covers.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no checkpoint; [`Error::OutOfRange`] where none covers so many records, or the older is
    /// the larger.
    pub async fn consistency(
        &self,
        permit: &Permit<actions::GetConsistencyProof>,
        older: u64,
        newer: Option<u64>,
    ) -> Result<(Checkpoint, Vec<Hash>)> {
        let scope = permit.scope();
        let checkpoint = self.repository.checkpoint(&scope, newer.unwrap_or(u64::MAX)).await?;
        let checkpoint = checkpoint.ok_or_else(|| no_checkpoint(permit.target()))?;
        if older > checkpoint.size {
            return Err(not_covered(&checkpoint));
        }
        let proof = self.tree.consistency(&scope, older, checkpoint.size).await?;
        Ok((checkpoint, proof))
    }

    /// Everything that a checkpoint covers, after all that there is was covered: records, checkpoints and the public key.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn export(&self, permit: &Permit<actions::ExportAuditRecords>) -> Result<Export> {
        let scope = permit.scope();
        self.tree.seal(&scope).await?;
        let size = self.repository.checkpoint(&scope, u64::MAX).await?.map_or(0, |checkpoint| checkpoint.size);
        let (origin, key) = (self.tree.origin(scope.tenant()), self.tree.key(scope.tenant()));
        Ok(export(Arc::clone(&self.repository), scope, origin, key, size))
    }
}

fn no_checkpoint(of: &TenantName) -> Error {
    Error::NotFound { resource: format!("{of}/auditLog/checkpoint") }
}

fn not_covered(checkpoint: &Checkpoint) -> Error {
    Error::OutOfRange {
        reason: "NOT_COVERED",
        description: format!(
            "the checkpoint covers the records before {}; ask for one of them, or for a later checkpoint",
            checkpoint.size
        ),
    }
}
