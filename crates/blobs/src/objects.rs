//! The port of the archive's objects, on whatever keeps them by their names.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::archive::{ObjectId, Objects, Piece, Reference, Stored, StoredObjects};
use domain::execution::Event;
use domain::name::{ExecutionName, TenantId};
use domain::time::Timestamp;
use futures_util::{StreamExt as _, TryStreamExt as _, future};
use object_store::local::LocalFileSystem;
use object_store::path::{Path, PathPart};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use resilience::{Config as Patience, Failure, Guard, Retries};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::directory::Root;
use crate::error::Error;
use crate::form::{self, Reading};
use crate::s3::{self, S3Config};

/// What stands in names for the objects of output.
const OUTPUT: &str = "output";
/// How long one object may take, over a slow line.
const DEADLINE: Duration = Duration::from_secs(30);
/// Objects that are read at the same time, at most: what of them is in memory. Who reads one more waits.
const READ_AT_ONCE: usize = 16;
/// Objects that are stored and removed at the same time, however many are read.
const WRITTEN_AT_ONCE: usize = 4;
/// After so many failures in a row nothing is asked for so long.
const FAILURES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);
/// Another attempt, as most failures last for a moment.
const RETRIES: Retries = Retries::UpTo { times: 2, first: Duration::from_millis(100) };

/// Where objects are kept.
#[derive(Debug, Clone)]
pub enum Location {
    /// In a directory, which servers may share.
    Directory(PathBuf),
    /// In a bucket.
    S3(S3Config),
}

/// Objects of one installation.
pub struct BlobObjects {
    store: Arc<dyn ObjectStore>,
    /// What all names begin with: nobody else's objects are listed, or removed.
    prefix: Path,
    /// The directory, where they lie in one.
    root: Option<Root>,
    guard: Guard,
    reads: Semaphore,
    writes: Semaphore,
}

impl BlobObjects {
    /// Opens a place for the objects of an installation of this id; a directory is made where it is absent. May block for a moment.
    ///
    /// # Errors
    /// The directory cannot be made, or is not ours alone.
    pub fn open(location: &Location, installation: &str) -> Result<Self, Error> {
        let (store, root, prefix): (Arc<dyn ObjectStore>, _, _) = match location {
            Location::Directory(directory) => {
                let root = Root::make(directory)?;
                let store = LocalFileSystem::new_with_prefix(root.path())?.with_fsync(true);
                (Arc::new(store), Some(root), Path::default())
            }
            Location::S3(config) => {
                let prefix = Path::parse(&config.prefix).map_err(object_store::Error::from)?;
                (Arc::new(s3::open(config)?), None, prefix)
            }
        };
        // Whoever has a place finds the guard with one.
        let concurrent = READ_AT_ONCE + WRITTEN_AT_ONCE;
        let patience = Patience { deadline: DEADLINE, concurrent, failures: FAILURES, pause: PAUSE, retries: RETRIES };
        Ok(BlobObjects {
            store,
            prefix: prefix.join(installation).join(OUTPUT),
            root,
            guard: Guard::new(patience),
            reads: Semaphore::new(READ_AT_ONCE),
            writes: Semaphore::new(WRITTEN_AT_ONCE),
        })
    }

    fn path(&self, tenant: &TenantId, object: &ObjectId) -> Path {
        self.prefix.clone().join(tenant.as_str()).join(object.as_str())
    }

    /// Waits for a place as long as an object may take, and asks.
    async fn ask<T, F>(&self, places: &Semaphore, attempt: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let Ok(Ok(_place)) = timeout(DEADLINE, places.acquire()).await else {
            return Err(Error::from(Failure::<Error>::Full));
        };
        self.guard.ask(Error::counts, attempt).await.map_err(Error::from)
    }

    async fn store(&self, path: &Path, sealed: &object_store::PutPayload) -> Result<(), Error> {
        self.store.put(path, sealed.clone()).await?;
        Ok(())
    }

    async fn read(&self, path: &Path, execution: &ExecutionName, piece: &Piece) -> Result<Vec<Event>, Error> {
        let (mut reading, mut hash) = (Reading::begin(execution, &piece.reference)?, Sha256::new());
        let mut bytes = self.store.get(path).await?.into_stream();
        while let Some(some) = bytes.try_next().await? {
            hash.update(&some);
            reading.add(&some)?;
        }
        if id(hash) != piece.object {
            return Err(Error::Damaged { why: "it is another one than its name says", source: None });
        }
        reading.end()
    }

    async fn delete(&self, path: &Path) -> Result<(), Error> {
        match self.store.delete(path).await.map_err(Error::from) {
            Ok(()) | Err(Error::Absent) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Objects for BlobObjects {
    async fn put(&self, execution: &ExecutionName, events: &[Event]) -> domain::Result<(ObjectId, Reference)> {
        let (owned, events) = (execution.clone(), events.to_vec());
        let sealed = tokio::task::spawn_blocking(move || {
            form::seal(&owned, &events).map(|(sealed, reference)| {
                let object = id(Sha256::new_with_prefix(&sealed));
                (sealed, object, reference)
            })
        });
        let (sealed, object, reference) = sealed.await.map_err(|panic| domain::Error::internal("sealing an object", panic))??;
        let (path, payload) = (self.path(&execution.tenant, &object), sealed.into());
        self.ask(&self.writes, || self.store(&path, &payload)).await?;
        Ok((object, reference))
    }

    async fn get(&self, execution: &ExecutionName, piece: &Piece) -> domain::Result<Vec<Event>> {
        let path = self.path(&execution.tenant, &piece.object);
        Ok(self.ask(&self.reads, || self.read(&path, execution, piece)).await?)
    }

    fn list(&self) -> StoredObjects {
        if let Some(root) = &self.root {
            // Beside other work, as nobody waits for it. The names of objects are those of their files below the root.
            drop(root.sweep(self.prefix.as_ref()));
        }
        let prefix = self.prefix.clone();
        let stored = self.store.list(Some(&self.prefix)).filter_map(move |meta| {
            let stored = meta.map(|meta| stored(&prefix, &meta)).map_err(|error| Error::from(error).into());
            // What lies there and is no object is somebody else's.
            future::ready(stored.transpose())
        });
        stored.boxed()
    }

    async fn remove(&self, tenant: &TenantId, object: &ObjectId) -> domain::Result<()> {
        let path = self.path(tenant, object);
        Ok(self.ask(&self.writes, || self.delete(&path)).await?)
    }
}

fn stored(prefix: &Path, meta: &ObjectMeta) -> Option<Stored> {
    let parts: Vec<PathPart<'_>> = meta.location.prefix_match(prefix)?.collect();
    let [tenant, object] = parts.as_slice() else { return None };
    let tenant = TenantId::parse("tenant", tenant.as_ref()).ok()?;
    let at = Timestamp::from_millis(meta.last_modified.timestamp_millis().unsigned_abs());
    Some(Stored { tenant, object: ObjectId::parse(object.as_ref())?, at })
}

fn id(hash: Sha256) -> ObjectId {
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    ObjectId::parse(&digits).expect("these are the digits of a hash")
}
