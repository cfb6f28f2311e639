//! Audit logs in memory, as data; the port to them is beside it.

use std::collections::BTreeMap;

use domain::audit::{AuditRecord, Checkpoint, Entry, Outcome, TilePlace};
use domain::name::TenantId;
use domain::news::Bells;

/// The logs of all tenants.
#[derive(Default)]
pub(super) struct Logs {
    pub(super) logs: BTreeMap<TenantId, Log>,
    pub(super) bells: Bells<TenantId>,
    /// Open intents, by what they share with their outcomes.
    pub(super) open: BTreeMap<String, AuditRecord>,
}

/// The log of one tenant.
#[derive(Default)]
pub(super) struct Log {
    pub(super) records: Vec<AuditRecord>,
    pub(super) tiles: BTreeMap<TilePlace, Vec<u8>>,
    pub(super) checkpoints: BTreeMap<u64, Checkpoint>,
    /// Records before this one are gone.
    pub(super) first_kept: u64,
}

impl Logs {
    /// Adds a record at the next place.
    pub(super) fn add(&mut self, entry: Entry) {
        let log = self.logs.entry(entry.tenant.clone()).or_default();
        let record = AuditRecord { sequence: log.records.len() as u64, entry };
        if record.entry.outcome == Outcome::Intent {
            self.open.insert(record.entry.call.clone(), record.clone());
        }
        self.bells.ring(&record.entry.tenant);
        log.records.push(record);
    }
}

impl Log {
    /// The records that are there.
    pub(super) fn kept(&self) -> impl Iterator<Item = &AuditRecord> {
        self.records.iter().skip(usize::try_from(self.first_kept).unwrap_or(usize::MAX))
    }

    /// How many records a checkpoint covers.
    pub(super) fn sealed(&self) -> u64 {
        self.checkpoints.last_key_value().map_or(0, |(size, _)| *size)
    }
}
