//! The process manager of a server: the use cases of the platform, on the store and on the engine that the configuration names.

use std::sync::Arc;

use domain::process::{NoEngine, Platform, PlatformPorts, Platforms};

use crate::Parts;
use crate::bridge::manifests::ProcessManifests;

/// The use cases.
pub(crate) fn platforms(parts: &Parts) -> Platforms {
    let platform: Arc<dyn Platform> = Arc::new(NoEngine);
    Platforms::new(PlatformPorts {
        manifests: Arc::new(ProcessManifests),
        platform,
        repository: parts.stores.store.clone(),
        spawner: Arc::new(parts.tasks.clone()),
        clock: Arc::clone(&parts.clock),
    })
}
