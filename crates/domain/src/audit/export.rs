//! An export of a log: every record in order, each checkpoint behind the last record that it covers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::access::TenantScope;
use crate::audit::repository::{AuditRepository, Checkpoint};
use crate::error::{Error, Result};

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
    /// A record, as it is hashed.
    Record(Vec<u8>),
    /// A checkpoint, as a signed note.
    Checkpoint(String),
    /// The last: how many records there were.
    End(u64),
}

/// An export, part by part.
pub type Export = Pin<Box<dyn Stream<Item = Result<Exported>> + Send>>;

struct Exporting {
    repository: Arc<dyn AuditRepository>,
    scope: TenantScope,
    ready: VecDeque<Exported>,
    /// The next checkpoint; the first is looked for with the first records.
    checkpoint: Option<Checkpoint>,
    sequence: u64,
    size: u64,
    ended: bool,
}

pub(super) fn export(repository: Arc<dyn AuditRepository>, scope: TenantScope, origin: String, key: String, size: u64) -> Export {
    let header = Exported::Header { tenant: scope.tenant().to_string(), origin, key };
    let exporting = Exporting { repository, scope, ready: [header].into(), checkpoint: None, sequence: 0, size, ended: false };
    Box::pin(try_unfold(exporting, |mut exporting| async move {
        loop {
            if let Some(part) = exporting.ready.pop_front() {
                return Ok(Some((part, exporting)));
            }
            if exporting.ended {
                return Ok(None);
            }
            exporting.read().await?;
        }
    }))
}

impl Exporting {
    async fn read(&mut self) -> Result<()> {
        if self.sequence >= self.size {
            self.ended = true;
            self.ready.push_back(Exported::End(self.size));
            return Ok(());
        }
        if self.checkpoint.is_none() {
            self.checkpoint = self.repository.checkpoint_after(&self.scope, self.sequence).await?;
        }
        let records = self.repository.records_from(&self.scope, self.sequence, STEP_BYTES).await?;
        if records.first().is_none_or(|record| record.sequence != self.sequence) {
            return Err(Error::Internal { context: "a record of an audit log is missing", source: None });
        }
        for record in records.into_iter().take_while(|record| record.sequence < self.size) {
            self.sequence = record.sequence + 1;
            self.ready.push_back(Exported::Record(record.bytes));
            if let Some(covering) = self.checkpoint.take_if(|checkpoint| checkpoint.size == self.sequence) {
                self.ready.push_back(Exported::Checkpoint(covering.note));
                self.checkpoint = self.repository.checkpoint_after(&self.scope, self.sequence).await?;
            }
        }
        Ok(())
    }
}
