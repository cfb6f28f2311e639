//! The archive of a server: opened where the configuration has one, put before the store, and kept up in the background.

use std::sync::Arc;
use std::time::Duration;

use blobs::BlobObjects;
use domain::archive::{ArchiveRepository, Archived, ArchivedExecutions, Archiver};
use domain::execution::ExecutionRepository;
use domain::time::{Clock, Timestamp};

use crate::config::Config;
use crate::error::Error;
use crate::identity;

/// How often it is looked whether there is output to archive: it lies twice for no longer than that.
const ARCHIVE_EVERY: Duration = Duration::from_secs(2);
/// How long nothing is tried where nothing can be archived.
const PAUSE: Duration = Duration::from_secs(60);
/// How often objects are collected, and how soon after the start first.
const COLLECT_EVERY: Duration = Duration::from_secs(3_600);
const COLLECT_DELAY: Duration = Duration::from_secs(30);

/// The objects of a server; `None` where it has none.
///
/// # Errors
/// Their place cannot be used.
pub(crate) async fn open(config: &Config) -> Result<Option<Arc<BlobObjects>>, Error> {
    let is_shared = config.store.mongodb.is_some();
    let Some(location) = config.blobs.location(&config.listening.data, is_shared) else { return Ok(None) };
    let keys = config.keys_directory().to_owned();
    let open = move || {
        let installation = identity::installation(&keys)?;
        BlobObjects::open(&location, &installation).map_err(Error::Blobs)
    };
    Ok(Some(Arc::new(tokio::task::spawn_blocking(open).await.map_err(Error::Panicked)??)))
}

/// The executions of a store, with what of them is archived.
pub(crate) fn before(
    executions: Arc<dyn ExecutionRepository>,
    archive: Arc<dyn ArchiveRepository>,
    objects: Option<&Arc<BlobObjects>>,
) -> Arc<dyn ExecutionRepository> {
    match objects {
        Some(objects) => Arc::new(ArchivedExecutions::new(executions, archive, objects.clone())),
        None => executions,
    }
}

/// Archives, and collects what nothing names, for good.
pub(crate) async fn go_on(archiver: Archiver, clock: Arc<dyn Clock>) {
    let mut collect_at = clock.now().plus(COLLECT_DELAY);
    loop {
        let pause = archive(&archiver).await;
        collect_at = collect(&archiver, clock.as_ref(), collect_at).await;
        clock.sleep(pause).await;
    }
}

/// How long to wait then.
async fn archive(archiver: &Archiver) -> Duration {
    match archiver.archive().await {
        Ok(Archived { executions, failed }) => {
            if executions > 0 {
                tracing::debug!(executions, "archived output");
            }
            if failed > 0 {
                tracing::debug!(failed, "output is not archived, and is left alone for a while");
            }
            // Others do not wait for what has failed.
            ARCHIVE_EVERY
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "output is not archived, and stays in the store; it is tried again");
            PAUSE
        }
    }
}

/// When to collect next.
async fn collect(archiver: &Archiver, clock: &dyn Clock, at: Timestamp) -> Timestamp {
    if clock.now() < at {
        return at;
    }
    match archiver.collect().await {
        Ok(0) => {}
        Ok(objects) => tracing::info!(objects, "removed objects that nothing names any more"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "objects that nothing names are not removed"),
    }
    clock.now().plus(COLLECT_EVERY)
}
