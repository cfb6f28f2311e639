//! Use cases of reading a log. It is written by what happens; see [`crate::audit::Auditor`].

use std::sync::Arc;

use crate::access::{Permit, TenantScope};
use crate::audit::actions;
use crate::audit::export::{Export, Form, Log, export};
use crate::audit::record::AuditRecord;
use crate::audit::report::{Builds, Period, Sources, build};
use crate::audit::repository::{AuditQuery, AuditRepository, Checkpoint, StoredRecord};
use crate::audit::tree::{AuditTree, CosignatureRefused};
use crate::audit::watch::{Following, Watched, removed, watch};
use crate::code_policy::CodePolicyRepository;
use crate::error::{Error, Result};
use crate::execution::ExecutionRepository;
use crate::hash::Hash;
use crate::name::TenantName;
use crate::page::{Page, PageRequest};
use crate::time::Clock;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog {
    ports: LogPorts,
}

/// What reading a log needs from outside. Cheap to clone.
#[derive(Clone)]
pub struct LogPorts {
    /// The logs.
    pub repository: Arc<dyn AuditRepository>,
    /// The tree over each.
    pub tree: Arc<dyn AuditTree>,
    /// Executions, which a report counts.
    pub executions: Arc<dyn ExecutionRepository>,
    /// Code policies, whose exceptions a report names.
    pub policies: Arc<dyn CodePolicyRepository>,
    /// Time.
    pub clock: Arc<dyn Clock>,
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
    pub fn new(ports: LogPorts) -> Self {
        AuditLog { ports }
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
        let found = self.ports.repository.list(&permit.scope(), query, page).await?;
        Ok(permit.open_page(found))
    }

    /// The public key that the checkpoints of a tenant's log are verified with.
    pub fn key(&self, of: &TenantName) -> String {
        self.ports.tree.key(&of.tenant)
    }

    /// The newest checkpoint, or the newest that covers at most `size` records.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none.
    pub async fn checkpoint(&self, permit: &Permit<actions::GetCheckpoint>, size: Option<u64>) -> Result<Checkpoint> {
        let found = self.ports.repository.checkpoint(&permit.scope(), size.unwrap_or(u64::MAX)).await?;
        found.ok_or_else(|| no_checkpoint(permit.target()))
    }

    /// Adds lines of cosignatures to the checkpoint over exactly `size` records.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such checkpoint; [`Error::Invalid`] where not every line is a cosignature of it by a witness
    /// of this installation.
    pub async fn cosign(&self, permit: &Permit<actions::AddCosignatures>, size: u64, cosignatures: &str) -> Result<Checkpoint> {
        let LogPorts { repository, tree, .. } = &self.ports;
        let scope = permit.scope();
        loop {
            let found = repository.checkpoint(&scope, size).await?.filter(|checkpoint| checkpoint.size == size);
            let checkpoint = found.ok_or_else(|| no_checkpoint(permit.target()))?;
            let note = tree.cosigned(&checkpoint.note, cosignatures).map_err(refused)?;
            // Where somebody else has added one meanwhile, it is added to that.
            if note == checkpoint.note || repository.cosign(&scope, size, &checkpoint.note, &note).await? {
                return Ok(Checkpoint { note, ..checkpoint });
            }
        }
    }

    /// Proves that a record is in the log, by the newest checkpoint, or the newest that covers at most `size` records.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no checkpoint; [`Error::OutOfRange`] where it does not cover the record, or this was removed.
    pub async fn inclusion(&self, permit: &Permit<actions::GetInclusionProof>, sequence: u64, size: Option<u64>) -> Result<Proven> {
        let scope = permit.scope();
        let checkpoint = self.ports.repository.checkpoint(&scope, size.unwrap_or(u64::MAX)).await?;
        let checkpoint = checkpoint.ok_or_else(|| no_checkpoint(permit.target()))?;
        let first = self.ports.repository.first_kept(&scope).await?;
        if sequence < first {
            return Err(removed(first));
        }
        let found = self.ports.repository.records_from(&scope, sequence, 1).await?.into_iter().next();
        let record =
            found.filter(|record| record.sequence == sequence && sequence < checkpoint.size).ok_or_else(|| not_covered(&checkpoint))?;
        let proof = self.ports.tree.inclusion(&scope, sequence, checkpoint.size).await?;
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
        let checkpoint = self.ports.repository.checkpoint(&scope, newer.unwrap_or(u64::MAX)).await?;
        let checkpoint = checkpoint.ok_or_else(|| no_checkpoint(permit.target()))?;
        if older > checkpoint.size {
            return Err(not_covered(&checkpoint));
        }
        let proof = self.ports.tree.consistency(&scope, older, checkpoint.size).await?;
        Ok((checkpoint, proof))
    }

    /// Everything that a checkpoint covers, after all that there is was covered: as it is hashed, with checkpoints and the public key,
    /// or to be read.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn export(&self, permit: Permit<actions::ExportAuditRecords>, form: Form) -> Result<Export> {
        let scope = permit.scope();
        let size = self.covered(&scope).await?;
        let LogPorts { repository, tree, .. } = self.ports.clone();
        let (origin, key) = (tree.origin(scope.tenant()), tree.key(scope.tenant()));
        let first = repository.first_kept(&scope).await?;
        Ok(export(repository, tree, permit, form, Log { origin, key, first, size }))
    }

    /// Every record from the place `from` on that fits, and what is added from then on; `None` is the end of the log.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] where there is no such place yet, or no more.
    pub async fn watch(&self, permit: Permit<actions::WatchAuditRecords>, query: AuditQuery, from: Option<u64>) -> Result<Following> {
        let LogPorts { repository, clock, .. } = self.ports.clone();
        let size = repository.size(&permit.scope()).await?;
        let from = from.unwrap_or(size);
        if from > size {
            let description = format!("there are {size} records so far; watch from one of them, or from {size} on");
            return Err(Error::OutOfRange { reason: "NOT_RECORDED", description });
        }
        let first = repository.first_kept(&permit.scope()).await?;
        if from < first {
            return Err(removed(first));
        }
        Ok(watch(Watched { repository, clock, permit, query }, from))
    }

    /// Counts what happened in a period, after all that there is was covered by a checkpoint.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn report(&self, permit: Permit<actions::BuildAuditReport>, period: Period) -> Result<Builds> {
        let size = self.covered(&permit.scope()).await?;
        let LogPorts { repository, tree, executions, policies, .. } = self.ports.clone();
        let first = repository.first_kept(&permit.scope()).await?;
        Ok(build(Sources { repository, tree, executions, policies, permit }, period, first..size))
    }

    /// Covers all that there is by a checkpoint; says how many records it covers.
    async fn covered(&self, scope: &TenantScope) -> Result<u64> {
        self.ports.tree.seal(scope).await?;
        Ok(self.ports.repository.checkpoint(scope, u64::MAX).await?.map_or(0, |checkpoint| checkpoint.size))
    }
}

fn refused(why: CosignatureRefused) -> Error {
    let (reason, description) = match why {
        CosignatureRefused::Malformed => ("MALFORMED", "must be lines of signatures, each with its newline"),
        CosignatureRefused::UnknownWitness => ("UNKNOWN_WITNESS", "hold one by nobody whom the setting `audit.witnesses` names"),
        CosignatureRefused::Wrong => ("WRONG_COSIGNATURE", "hold one that does not fit this checkpoint"),
    };
    Error::invalid("cosignatures", reason, description)
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
