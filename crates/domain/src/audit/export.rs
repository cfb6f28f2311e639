//! An export of a log: every record in order, each checkpoint behind the last record that it covers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::access::Permit;
use crate::audit::actions::ExportAuditRecords;
use crate::audit::record::AuditRecord;
use crate::audit::repository::{AuditRepository, Checkpoint};
use crate::audit::tree::AuditTree;
use crate::error::{Error, Result};
use crate::hash::Hash;

/// Bytes of records that are read at once.
const STEP_BYTES: usize = 256 * 1024;

/// A part of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exported {
    /// The first.
    Header {
        /// Whose log it is.
        tenant: String,
        /// The log's name.
        origin: String,
        /// The public key.
        key: String,
    },
    /// The hashes of the next leaves, whose records were removed.
    Removed(Vec<Hash>),
    /// A record, as it is hashed.
    Record(Vec<u8>),
    /// A record, to be read.
    Read(Box<AuditRecord>),
    /// A checkpoint, as a signed note.
    Checkpoint(String),
    /// The last: how many records there were; in what proves, with those that were removed.
    End(u64),
}

/// An export, part by part.
pub type Export = Pin<Box<dyn Stream<Item = Result<Exported>> + Send>>;

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Records as they are hashed, and checkpoints: whoever has it can verify it.
    Provable,
    /// Records to be read. It proves nothing.
    Readable,
}

/// The log that is exported.
pub(super) struct Log {
    pub(super) origin: String,
    pub(super) key: String,
    /// The first record that is there.
    pub(super) first: u64,
    /// How many of its records.
    pub(super) size: u64,
}

struct Exporting {
    repository: Arc<dyn AuditRepository>,
    tree: Arc<dyn AuditTree>,
    permit: Permit<ExportAuditRecords>,
    form: Form,
    ready: VecDeque<Exported>,
    /// The next checkpoint; the first is looked for with the first records.
    checkpoint: Option<Checkpoint>,
    sequence: u64,
    first: u64,
    size: u64,
    ended: bool,
}

pub(super) fn export(
    repository: Arc<dyn AuditRepository>,
    tree: Arc<dyn AuditTree>,
    permit: Permit<ExportAuditRecords>,
    form: Form,
    log: Log,
) -> Export {
    let Log { origin, key, first, size } = log;
    let header = Exported::Header { tenant: permit.target().tenant.to_string(), origin, key };
    let (ready, sequence) = ([header].into(), if form == Form::Provable { 0 } else { first });
    let exporting = Exporting { repository, tree, permit, form, ready, checkpoint: None, sequence, first, size, ended: false };
    Box::pin(try_unfold(exporting, |mut exporting| async move {
        loop {
            if let Some(part) = exporting.ready.pop_front() {
                return Ok(Some((part, exporting)));
            }
            if exporting.ended {
                return Ok(None);
            }
            exporting.step().await?;
        }
    }))
}

impl Exporting {
    async fn step(&mut self) -> Result<()> {
        if self.sequence >= self.size {
            self.ended = true;
            let removed = if self.form == Form::Provable { 0 } else { self.first };
            self.ready.push_back(Exported::End(self.size.saturating_sub(removed)));
            return Ok(());
        }
        match self.form {
            Form::Provable if self.sequence < self.first => self.prove_removed().await,
            Form::Provable => self.prove().await,
            Form::Readable => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<()> {
        let found = self.repository.since(&self.permit.scope(), self.sequence, STEP_BYTES).await?;
        let records = self.permit.open_page(found).items;
        self.expect(records.first().map(|record| record.sequence))?;
        for record in records.into_iter().take_while(|record| record.sequence < self.size) {
            self.sequence = record.sequence + 1;
            self.ready.push_back(Exported::Read(Box::new(record)));
        }
        Ok(())
    }

    /// The hashes of records that are gone, up to the next checkpoint, or the end of a tile.
    async fn prove_removed(&mut self) -> Result<()> {
        let scope = self.permit.scope();
        let checkpoint = self.repository.checkpoint_after(&scope, self.sequence).await?;
        let to = checkpoint.as_ref().map_or(self.first, |checkpoint| checkpoint.size.min(self.first));
        let leaves = self.tree.leaves(&scope, self.sequence, to).await?;
        self.sequence += leaves.len() as u64;
        self.ready.push_back(Exported::Removed(leaves));
        self.ready.extend(checkpoint.filter(|covering| covering.size == self.sequence).map(|covering| Exported::Checkpoint(covering.note)));
        Ok(())
    }

    async fn prove(&mut self) -> Result<()> {
        let scope = self.permit.scope();
        if self.checkpoint.is_none() {
            self.checkpoint = self.repository.checkpoint_after(&scope, self.sequence).await?;
        }
        let records = self.repository.records_from(&scope, self.sequence, STEP_BYTES).await?;
        self.expect(records.first().map(|record| record.sequence))?;
        for record in records.into_iter().take_while(|record| record.sequence < self.size) {
            self.sequence = record.sequence + 1;
            self.ready.push_back(Exported::Record(record.bytes));
            if let Some(covering) = self.checkpoint.take_if(|checkpoint| checkpoint.size == self.sequence) {
                self.ready.push_back(Exported::Checkpoint(covering.note));
                self.checkpoint = self.repository.checkpoint_after(&scope, self.sequence).await?;
            }
        }
        Ok(())
    }

    /// That the record which was found is the next one.
    fn expect(&self, sequence: Option<u64>) -> Result<()> {
        match sequence == Some(self.sequence) {
            true => Ok(()),
            false => Err(Error::Internal { context: "a record of an audit log is missing", source: None }),
        }
    }
}
