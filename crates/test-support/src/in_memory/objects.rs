//! Objects of the archive in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::archive::{ObjectId, Objects, Piece, Reference, Stored, StoredObjects};
use domain::execution::{Body, Event};
use domain::name::{ExecutionName, TenantId};
use domain::time::{Clock, Timestamp};
use domain::{Error, Result};
use futures_util::{StreamExt as _, stream};

use crate::{FakeClock, Faults};

/// Objects of all tenants.
pub struct InMemoryObjects {
    objects: Mutex<BTreeMap<(TenantId, ObjectId), Object>>,
    made: AtomicU64,
    clock: Arc<dyn Clock>,
    faults: Faults,
}

struct Object {
    at: Timestamp,
    execution: ExecutionName,
    reference: Reference,
    events: Vec<Event>,
}

impl InMemoryObjects {
    /// None yet; the clock says when they are stored.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemoryObjects { objects: Mutex::default(), made: AtomicU64::new(0), clock, faults: Faults::default() }
    }

    /// What fails, by the names of the port's methods.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.objects().len()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<(TenantId, ObjectId), Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for InMemoryObjects {
    fn default() -> Self {
        InMemoryObjects::new(Arc::new(FakeClock::default()))
    }
}

#[async_trait]
impl Objects for InMemoryObjects {
    async fn put(&self, execution: &ExecutionName, events: &[Event]) -> Result<(ObjectId, Reference)> {
        self.faults.check("put")?;
        if events.iter().any(|event| matches!(event.body, Body::Finished(_))) {
            return Err(Error::Internal { context: "the end of an execution in the archive", source: None });
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let object = ObjectId::parse(&format!("{number:064x}")).expect("these are its digits");
        let reference = Reference::new(number.to_be_bytes().to_vec());
        let kept = Object { at: self.clock.now(), execution: execution.clone(), reference: reference.clone(), events: events.to_vec() };
        self.objects().insert((execution.tenant.clone(), object.clone()), kept);
        Ok((object, reference))
    }

    async fn get(&self, execution: &ExecutionName, piece: &Piece) -> Result<Vec<Event>> {
        self.faults.check("get")?;
        let objects = self.objects();
        let found = objects.get(&(execution.tenant.clone(), piece.object.clone()));
        let found = found.ok_or_else(|| Error::NotFound { resource: piece.object.to_string() })?;
        match found.reference == piece.reference && found.execution == *execution {
            true => Ok(found.events.clone()),
            false => Err(Error::Internal { context: "an object does not open", source: None }),
        }
    }

    fn list(&self) -> StoredObjects {
        let found = match self.faults.check("list") {
            Ok(()) => {
                let objects = self.objects();
                let stored = |((tenant, object), kept): (&(TenantId, ObjectId), &Object)| {
                    Ok(Stored { tenant: tenant.clone(), object: object.clone(), at: kept.at })
                };
                objects.iter().map(stored).collect()
            }
            Err(error) => vec![Err(error)],
        };
        stream::iter(found).boxed()
    }

    async fn remove(&self, tenant: &TenantId, object: &ObjectId) -> Result<()> {
        self.faults.check("remove")?;
        self.objects().remove(&(tenant.clone(), object.clone()));
        Ok(())
    }
}
