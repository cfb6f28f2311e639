//! The battery for an operator: on a backend of one's choice, without a server.

use domain::sandbox::Isolation;
use futures_util::future::BoxFuture;

use super::battery::Battery;
use super::report::Report;
use crate::config::{Backend, Config};
use crate::failure::chain;
use crate::service::Sandboxes;

/// What became of the battery in one tier of one backend.
#[derive(Debug, Clone)]
pub struct Trial {
    /// `docker`, `docker-runsc`, `namespace` or `landlock`.
    pub backend: &'static str,
    /// The tier.
    pub isolation: Isolation,
    /// What the probes found, or why no program runs in the tier.
    pub outcome: Result<Report, String>,
}

/// Attacks tiers of a backend, one after the other. `base` gives directories, ids, agent and limits; its backend is not used, and
/// its instance id is extended for the trial.
pub fn attack<'a>(base: &'a Config, backend: Backend, tiers: &'a [Isolation]) -> BoxFuture<'a, Vec<Trial>> {
    Box::pin(attack_each(base, backend, tiers))
}

async fn attack_each(base: &Config, backend: Backend, tiers: &[Isolation]) -> Vec<Trial> {
    let (name, suffix) = match &backend {
        Backend::Namespace(_) => ("namespace", "an"),
        Backend::Landlock(_) => ("landlock", "al"),
        Backend::Docker(docker) => (docker.runtime.backend().as_str(), "ad"),
    };
    let mut config = base.clone();
    config.backend = backend;
    config.instance = format!("{}-{suffix}", base.instance);
    config.pool.unassigned = 0;
    config.pool.single_use = 0;
    let trial = |isolation: Isolation, outcome| Trial { backend: name, isolation, outcome };
    let sandboxes = match Sandboxes::open(config).await {
        Ok(sandboxes) => sandboxes,
        Err(error) => return tiers.iter().map(|tier| trial(*tier, Err(chain(&error)))).collect(),
    };
    let mut trials = Vec::new();
    for tier in tiers {
        trials.push(trial(*tier, Battery::run(&sandboxes, *tier).await.map_err(|error| chain(&error))));
    }
    sandboxes.shutdown().await;
    trials
}
