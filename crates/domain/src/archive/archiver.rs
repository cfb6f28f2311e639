//! The job that archives, and removes objects that nothing names; one server of a store does it at a time.
//!
//! That no object is removed that something names rests on its age: nothing begins to name an object that was stored longer ago than
//! [`WRITTEN_WITHIN`], and none is removed that was stored less than [`GRACE`] ago. The time between the two is for clocks that differ.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;

use crate::access::TenantScope;
use crate::archive::failed::Failed;
use crate::archive::object::{ObjectId, Piece};
use crate::archive::ports::{ArchiveRepository, Objects, Stored};
use crate::error::{Error, ErrorKind, Result};
use crate::execution::{Body, Event, ExecutionRepository};
use crate::incident::{Incident, Incidents};
use crate::lease::{InstanceId, JobLease, LeaseRepository};
use crate::name::{ExecutionName, TenantId};
use crate::time::{Clock, Timestamp};

/// Bytes of events after which a piece ends: what is held in memory at once, beside one event.
pub const PIECE_BYTES: usize = 1024 * 1024;
/// Within so long after the first object of an execution was begun, its pieces are noted, or not at all. Longer than the largest output takes
/// over a slow line.
pub const WRITTEN_WITHIN: Duration = Duration::from_secs(3_600);
/// An object that nothing names is kept for so long.
pub const GRACE: Duration = Duration::from_secs(24 * 3_600);
/// Bytes of events that are read of the store at once.
const READ_BYTES: usize = 256 * 1024;
/// Executions that are looked for at once.
const EXECUTIONS_AT_ONCE: u32 = 64;
/// Objects that the store is asked about at once.
const OBJECTS_AT_ONCE: usize = 500;
/// Under whose lease it is done.
const JOB: &str = "archive";
/// What it is for, as incidents say.
const ARCHIVING: &str = "archive output";

/// Archives output, and removes objects that nothing names. Cheap to clone.
#[derive(Clone)]
pub struct Archiver {
    ports: Arc<ArchivePorts>,
    instance: InstanceId,
    failed: Arc<Failed>,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Archived {
    /// Executions that were archived.
    pub executions: u64,
    /// Those that could not be; they were reported.
    pub failed: u64,
}

/// Why one was not archived.
enum Failure {
    /// It is its own, and others go on.
    OfOne(Error),
    /// Objects cannot be stored: nor can any other be archived now.
    OfAll(Error),
}

/// The ports of the job.
#[allow(missing_docs, reason = "each field is named like its port")]
pub struct ArchivePorts {
    pub executions: Arc<dyn ExecutionRepository>,
    pub archive: Arc<dyn ArchiveRepository>,
    pub objects: Arc<dyn Objects>,
    pub leases: Arc<dyn LeaseRepository>,
    pub incidents: Arc<dyn Incidents>,
    pub clock: Arc<dyn Clock>,
}

impl Archiver {
    /// Wires the job to its ports.
    pub fn new(ports: ArchivePorts, instance: InstanceId) -> Self {
        Archiver { ports: Arc::new(ports), instance, failed: Arc::default() }
    }

    /// Archives what is to be archived. What fails of one execution is reported, and tried again in a while: the others go on. Does
    /// nothing where another server does it.
    ///
    /// # Errors
    /// Something cannot be asked at all; what was archived until then stays so.
    pub async fn archive(&self) -> Result<Archived> {
        // Asked before the lease, which is a write: mostly there is nothing.
        let (first, now) = (self.ports.archive.archivable(None, EXECUTIONS_AT_ONCE).await?, self.ports.clock.now());
        if first.len() < EXECUTIONS_AT_ONCE as usize && !first.iter().any(|name| self.failed.is_due(name, now)) {
            return Ok(Archived::default());
        }
        let Some(mut lease) = self.lease().await? else { return Ok(Archived::default()) };
        let archived = self.archive_all(&mut lease).await;
        lease.release().await?;
        archived
    }

    /// Removes objects that nothing names, if they are old enough; answers how many. Does nothing where another server does it.
    ///
    /// # Errors
    /// Those of the store and of the objects; what was removed until then stays so.
    pub async fn collect(&self) -> Result<u64> {
        let Some(mut lease) = self.lease().await? else { return Ok(0) };
        let removed = self.collect_all(&mut lease).await;
        lease.release().await?;
        removed
    }

    async fn lease(&self) -> Result<Option<JobLease>> {
        JobLease::acquire(JOB, Arc::clone(&self.ports.leases), Arc::clone(&self.ports.clock), &self.instance).await
    }

    // === archiving ===

    async fn archive_all(&self, lease: &mut JobLease) -> Result<Archived> {
        let (mut archived, mut after) = (Archived::default(), None);
        loop {
            let found = self.ports.archive.archivable(after.as_ref(), EXECUTIONS_AT_ONCE).await?;
            let Some(last) = found.last().cloned() else { return Ok(archived) };
            for name in found {
                if !self.failed.is_due(&name, self.ports.clock.now()) {
                    continue;
                }
                if !lease.is_kept().await? {
                    return Ok(archived);
                }
                match self.archive_one(&name).await {
                    Ok(true) => {
                        self.failed.forget(&name);
                        archived.executions += 1;
                    }
                    // Mostly it is gone. Where it is not, and some of its output is, it would be met again each time.
                    Ok(false) => self.failed.add(&name, self.ports.clock.now()),
                    Err(Failure::OfAll(error)) => return Err(error),
                    // Its keys were destroyed: it goes with its tenant.
                    Err(Failure::OfOne(Error::Precondition { .. })) => self.failed.add(&name, self.ports.clock.now()),
                    Err(Failure::OfOne(error)) => {
                        self.failed.add(&name, self.ports.clock.now());
                        self.ports.incidents.report(&Incident::WorkFailed { work: ARCHIVING, error: &error });
                        archived.failed += 1;
                    }
                }
            }
            after = Some(last);
        }
    }

    /// Says whether it did: the execution may be gone by now.
    async fn archive_one(&self, name: &ExecutionName) -> Result<bool, Failure> {
        let (scope, begun) = (TenantScope::for_system(name.tenant.clone()), self.ports.clock.now());
        let (mut pieces, mut piece, mut bytes, mut after) = (Vec::new(), Vec::new(), 0, 0);
        'reading: loop {
            let events = self.ports.executions.events_after(&scope, &name.execution, after, READ_BYTES).await?;
            // Some of the output is gone: so is the rest soon.
            let Some(first) = events.first().filter(|first| first.sequence == after + 1) else { return Ok(false) };
            after = events.last().map_or(first.sequence, |last| last.sequence);
            for event in events {
                if matches!(event.body, Body::Finished(_)) {
                    break 'reading;
                }
                bytes += event.weight();
                piece.push(event);
                if bytes >= PIECE_BYTES {
                    pieces.push(self.put(name, &std::mem::take(&mut piece)).await?);
                    bytes = 0;
                }
            }
        }
        if !piece.is_empty() {
            pieces.push(self.put(name, &piece).await?);
        }
        if self.ports.clock.now().since(begun) > WRITTEN_WITHIN {
            let late = "archiving an execution took longer than its objects are certain to be kept";
            return Err(Failure::OfOne(Error::Internal { context: late, source: None }));
        }
        Ok(self.ports.archive.archive(&scope, &name.execution, &pieces).await?)
    }

    async fn put(&self, name: &ExecutionName, events: &[Event]) -> Result<Piece, Failure> {
        let failure = |error: Error| if error.kind() == ErrorKind::Unavailable { Failure::OfAll(error) } else { Failure::OfOne(error) };
        let (object, reference) = self.ports.objects.put(name, events).await.map_err(failure)?;
        let number = |event: Option<&Event>| event.map_or(0, |event| event.sequence);
        Ok(Piece { first: number(events.first()), last: number(events.last()), object, reference })
    }

    // === collecting ===

    async fn collect_all(&self, lease: &mut JobLease) -> Result<u64> {
        let mut removed = 0;
        let (mut listed, now) = (self.ports.objects.list().chunks(OBJECTS_AT_ONCE), self.ports.clock.now());
        while let Some(some) = listed.next().await {
            let mut old: BTreeMap<TenantId, Vec<ObjectId>> = BTreeMap::new();
            for stored in some {
                let stored = stored?;
                if is_old(&stored, now) {
                    old.entry(stored.tenant).or_default().push(stored.object);
                }
            }
            for (tenant, objects) in old {
                let unnamed = self.ports.archive.unnamed(&TenantScope::for_system(tenant.clone()), &objects).await?;
                for object in unnamed {
                    if !lease.is_kept().await? {
                        return Ok(removed);
                    }
                    self.ports.objects.remove(&tenant, &object).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::OfOne(error)
    }
}

fn is_old(stored: &Stored, now: Timestamp) -> bool {
    now.since(stored.at) >= GRACE
}
