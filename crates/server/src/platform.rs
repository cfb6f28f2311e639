//! The process manager of a server: the use cases of the platform, on the store and on the engine that the configuration names.

use std::sync::Arc;

use domain::lease::Tenure;
use domain::process::{NoEngine, Platform, PlatformPorts, PlatformRepository, Platforms};
use domain::time::Clock;
use domain::work::Spawner;
use orchestrator::{DockerConfig, DockerEngine, Orchestrator};

use crate::bridge::manifests::ProcessManifests;
use crate::config::{Config, EngineKind};
use crate::error::Error;
use crate::identity;

/// The use cases, and what watches over the services in the background, where there is an engine.
///
/// # Errors
/// The installation, after which everything on the engine is named, has no usable id.
pub(crate) fn platforms(
    config: &Config,
    repository: Arc<dyn PlatformRepository>,
    tenure: Arc<Tenure>,
    spawner: Arc<dyn Spawner>,
    clock: Arc<dyn Clock>,
) -> Result<(Platforms, Option<Arc<Orchestrator>>), Error> {
    let orchestrator = match config.engine.kind {
        Some(EngineKind::Docker) => Some(on_docker(config, Arc::clone(&tenure), Arc::clone(&clock))?),
        None => None,
    };
    let platform: Arc<dyn Platform> = match &orchestrator {
        Some(orchestrator) => orchestrator.clone(),
        None => Arc::new(NoEngine),
    };
    let manifests = Arc::new(ProcessManifests);
    let platforms = Platforms::new(PlatformPorts { manifests, platform, repository, tenure, spawner, clock });
    Ok((platforms, orchestrator))
}

fn on_docker(config: &Config, tenure: Arc<Tenure>, clock: Arc<dyn Clock>) -> Result<Arc<Orchestrator>, Error> {
    let (scope, socket) = (identity::installation(config.keys_directory())?, config.engine.socket.clone());
    let engine = Arc::new(DockerEngine::new(DockerConfig { socket, scope: scope.clone() }));
    let (secrets, corrects) = (config.engine.secrets.clone(), config.engine.corrects);
    let settings = orchestrator::Config { scope, secrets, patience: orchestrator::apply::Patience::default(), corrects };
    Ok(Orchestrator::new(settings, engine, tenure, clock))
}
