//! The port of audit logs in memory: they lie in the executions' store, as an execution is stored together with its intent.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::audit::{AuditQuery, AuditRecord, AuditRepository, Checkpoint, Entry, MAX_LOOKED_AT, Sealed, StoredRecord, Tile, TilePlace};
use domain::lease::{InstanceId, LeaseName};
use domain::name::TenantId;
use domain::news::News;
use domain::page::{Page, PageRequest};
use domain::revision::Revision;
use domain::time::Timestamp;
use domain::{Error, Result};

use super::executions::InMemoryExecutionRepository;

#[async_trait]
impl AuditRepository for InMemoryExecutionRepository {
    fn news(&self, scope: &TenantScope) -> News {
        self.state().audit.bells.listen(scope.tenant().clone())
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<()> {
        self.faults().check("append_audit")?;
        let logs = &mut self.state().audit;
        entries.into_iter().for_each(|entry| logs.add(entry));
        Ok(())
    }

    async fn close_all(&self, outcomes: Vec<Entry>) -> Result<u64> {
        self.faults().check("close_audit")?;
        let logs = &mut self.state().audit;
        let mut closed = 0;
        for outcome in outcomes {
            if logs.open.remove(&outcome.call).is_some() {
                logs.add(outcome);
                closed += 1;
            }
        }
        Ok(closed)
    }

    async fn abandoned(&self, own: &InstanceId, now: Timestamp, limit: u32) -> Result<Vec<Result<AuditRecord>>> {
        self.faults().check("abandoned_audit")?;
        let state = self.state();
        let protected = |record: &&AuditRecord| {
            let lease = state.leases.held.get(&LeaseName::of_instance(&record.entry.instance));
            !lease.is_some_and(|lease| lease.in_force(now))
        };
        let others = state.audit.open.values().filter(|record| record.entry.instance != *own);
        Ok(others.filter(protected).take(limit as usize).cloned().map(Ok).collect())
    }

    async fn list(&self, scope: &TenantScope, query: &AuditQuery, page: &PageRequest) -> Result<Found<Page<AuditRecord>>> {
        self.faults().check("list_audit")?;
        let key = |record: &AuditRecord| (record.entry.time, record.sequence);
        let after = page.after.as_deref().map(cursor).transpose()?;
        let state = self.state();
        let mut found: Vec<&AuditRecord> = state.audit.logs.get(scope.tenant()).into_iter().flat_map(|log| log.kept()).collect();
        found.retain(|record| after.is_none_or(|after| key(record) < after));
        found.sort_unstable_by_key(|record| std::cmp::Reverse(key(record)));
        let (mut items, mut next) = (Vec::new(), None);
        for (looked_at, record) in found.into_iter().enumerate() {
            if items.len() == page.size as usize || looked_at == MAX_LOOKED_AT {
                return Ok(Found::one(Page { items, next }));
            }
            next = Some(format!("{}:{}", record.entry.time.as_millis(), record.sequence));
            items.extend(query.fits(&record.entry).then(|| record.clone()));
        }
        Ok(Found::one(Page { items, next: None }))
    }

    async fn places(&self, scope: &TenantScope, from: Timestamp, before: Timestamp) -> Result<Option<(u64, u64)>> {
        self.faults().check("audit_places")?;
        let state = self.state();
        let records = state.audit.logs.get(scope.tenant()).into_iter().flat_map(|log| &log.records);
        let places = records.filter(|record| from <= record.entry.time && record.entry.time < before).map(|record| record.sequence);
        Ok(places.clone().min().zip(places.max()))
    }

    async fn size(&self, scope: &TenantScope) -> Result<u64> {
        self.faults().check("audit_size")?;
        Ok(self.state().audit.logs.get(scope.tenant()).map_or(0, |log| log.records.len() as u64))
    }

    async fn records_from(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> Result<Vec<StoredRecord>> {
        self.faults().check("records_from")?;
        let state = self.state();
        let records = state.audit.logs.get(scope.tenant()).into_iter().flat_map(|log| log.kept());
        let (mut found, mut bytes) = (Vec::new(), 0);
        for record in records.filter(|record| record.sequence >= sequence) {
            let stored = StoredRecord { sequence: record.sequence, bytes: format!("{record:?}").into_bytes() };
            bytes += stored.bytes.len();
            found.push(stored);
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(found)
    }

    async fn since(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> Result<Found<Page<AuditRecord>>> {
        self.faults().check("since_audit")?;
        let stored = self.records_from(scope, sequence, max_bytes).await?.len();
        let state = self.state();
        let records = state.audit.logs.get(scope.tenant()).into_iter().flat_map(|log| log.kept());
        let items = records.filter(|record| record.sequence >= sequence).take(stored).cloned().collect();
        Ok(Found::one(Page { items, next: None }))
    }

    async fn first_kept(&self, scope: &TenantScope) -> Result<u64> {
        self.faults().check("first_kept")?;
        Ok(self.state().audit.logs.get(scope.tenant()).map_or(0, |log| log.first_kept))
    }

    async fn removable(&self, scope: &TenantScope, before: Timestamp) -> Result<Option<Checkpoint>> {
        self.faults().check("removable")?;
        let state = self.state();
        let open = state.audit.open.values().filter(|record| record.entry.tenant == *scope.tenant());
        let first_open = open.map(|record| record.sequence).min().unwrap_or(u64::MAX);
        let checkpoints = state.audit.logs.get(scope.tenant()).into_iter().flat_map(|log| log.checkpoints.range(..=first_open));
        Ok(checkpoints.map(|(_, checkpoint)| checkpoint).rfind(|checkpoint| checkpoint.time < before).cloned())
    }

    /// Tenants, and at which revision they are, are kept elsewhere: nothing is looked at of them here.
    async fn remove(&self, scope: &TenantScope, first_kept: u64, limit: u32, _judged: Option<Revision>) -> Result<u64> {
        self.faults().check("remove_audit")?;
        let mut state = self.state();
        let Some(log) = state.audit.logs.get_mut(scope.tenant()).filter(|log| log.sealed() >= first_kept) else { return Ok(0) };
        let removed = first_kept.saturating_sub(log.first_kept).min(limit.into());
        log.first_kept += removed;
        Ok(removed)
    }

    async fn unsealed(&self, limit: u32) -> Result<Vec<TenantId>> {
        self.faults().check("unsealed")?;
        let state = self.state();
        let unsealed = state.audit.logs.iter().filter(|(_, log)| log.records.len() as u64 > log.sealed());
        Ok(unsealed.map(|(tenant, _)| tenant.clone()).take(limit as usize).collect())
    }

    async fn checkpoint(&self, scope: &TenantScope, size: u64) -> Result<Option<Checkpoint>> {
        self.faults().check("checkpoint")?;
        let state = self.state();
        Ok(state.audit.logs.get(scope.tenant()).and_then(|log| log.checkpoints.range(..=size).next_back()).map(|(_, found)| found.clone()))
    }

    async fn checkpoint_after(&self, scope: &TenantScope, size: u64) -> Result<Option<Checkpoint>> {
        self.faults().check("checkpoint_after")?;
        let state = self.state();
        let after = state.audit.logs.get(scope.tenant()).and_then(|log| log.checkpoints.range(size.saturating_add(1)..).next());
        Ok(after.map(|(_, found)| found.clone()))
    }

    async fn cosign(&self, scope: &TenantScope, size: u64, before: &str, note: &str) -> Result<bool> {
        self.faults().check("cosign")?;
        let mut state = self.state();
        let found = state.audit.logs.get_mut(scope.tenant()).and_then(|log| log.checkpoints.get_mut(&size));
        let Some(checkpoint) = found.filter(|checkpoint| checkpoint.note == before) else { return Ok(false) };
        note.clone_into(&mut checkpoint.note);
        Ok(true)
    }

    async fn tiles(&self, scope: &TenantScope, places: &[TilePlace]) -> Result<Vec<Tile>> {
        self.faults().check("tiles")?;
        let state = self.state();
        let Some(log) = state.audit.logs.get(scope.tenant()) else { return Ok(Vec::new()) };
        let tile = |place: &TilePlace| log.tiles.get(place).map(|hashes| Tile { place: *place, hashes: hashes.clone() });
        Ok(places.iter().filter_map(tile).collect())
    }

    async fn seal(&self, scope: &TenantScope, sealed: Sealed) -> Result<bool> {
        self.faults().check("seal")?;
        let mut state = self.state();
        let log = state.audit.logs.entry(scope.tenant().clone()).or_default();
        if log.sealed() != sealed.from || (log.records.len() as u64) < sealed.checkpoint.size {
            return Ok(false);
        }
        log.tiles.extend(sealed.tiles.into_iter().map(|tile| (tile.place, tile.hashes)));
        log.checkpoints.insert(sealed.checkpoint.size, sealed.checkpoint);
        Ok(true)
    }
}

fn cursor(text: &str) -> Result<(Timestamp, u64)> {
    let read = || {
        let (millis, sequence) = text.split_once(':')?;
        Some((Timestamp::from_millis(millis.parse().ok()?), sequence.parse().ok()?))
    };
    read().ok_or_else(|| Error::invalid("page_token", "MALFORMED", "is not a token of this list; start again without one"))
}
