//! What everything that is done has in common: the engine, how long it is waited for, and what an end can be.

use std::sync::Arc;
use std::time::Duration;

use domain::process::Failure;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use process::manifest::Manifest;
use process::plan::{Plan, plan};
use process::service::Service;

use super::news::Ear;
use crate::engine::{Engine, Error};
use crate::factory::Factory;
use crate::sight::{Sight, Watch};

/// Time between two looks of somebody who waits.
pub(super) const POLL: Duration = Duration::from_millis(200);

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For what another service must be before a service starts.
    pub dependency: Duration,
    /// For a replica to be well, beyond the time that its health check allows.
    pub start: Duration,
    /// For work to complete.
    pub completion: Duration,
    /// For an engine that does not answer, before what was begun is given up.
    pub engine: Duration,
}

/// What making a platform so came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// What runs is what is wanted.
    Reached,
    /// A wave failed, and everything was brought back.
    RolledBack(Failure),
    /// A wave failed, and there was no way back, or it failed, too.
    Failed(Failure),
    /// Somebody asked to let go.
    LetGo,
}

/// Does plans.
pub struct Applier {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) watch: Arc<Watch>,
    pub(super) factory: Factory,
    pub(super) patience: Patience,
    pub(super) ear: Arc<dyn Ear>,
}

/// Why an action did not come to its end.
#[derive(Debug)]
pub(super) enum Halt {
    Failed(Failure),
    LetGo,
    Engine(Error),
}

// === impl Patience ===

impl Default for Patience {
    fn default() -> Self {
        Patience {
            dependency: Duration::from_secs(5 * 60),
            start: Duration::from_secs(60),
            completion: Duration::from_secs(60 * 60),
            engine: Duration::from_secs(60),
        }
    }
}

// === impl Applier ===

impl Applier {
    /// Does plans on an engine.
    pub fn new(engine: Arc<dyn Engine>, watch: Arc<Watch>, factory: Factory, patience: Patience, ear: Arc<dyn Ear>) -> Self {
        Applier { engine, watch, factory, patience, ear }
    }

    /// What would be done now.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn plan(&self, wanted: &Manifest) -> Result<Plan, Error> {
        Ok(plan(wanted, &self.watch.now().await?.observed()))
    }

    pub(super) async fn look(&self) -> Result<Arc<Sight>, Halt> {
        self.patiently(|| self.watch.now()).await
    }

    /// Asks an engine that does not answer again for a while. What is asked can be done twice.
    pub(super) async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let until = tokio::time::Instant::now() + self.patience.engine;
        loop {
            match ask().await {
                Ok(value) => return Ok(value),
                Err(Error::Unavailable(_)) if tokio::time::Instant::now() < until => tokio::time::sleep(POLL * 5).await,
                Err(error @ Error::Unavailable(_)) => return Err(Halt::Engine(error)),
                Err(Error::Deposed(_)) => return Err(Halt::LetGo),
                Err(error) => return Err(Halt::Failed(Failure { message: error.to_string(), ..Failure::default() })),
            }
        }
    }

    /// Stops replicas and takes them away.
    pub(super) async fn take_away(&self, ids: &[String]) -> Result<(), Halt> {
        let sight = self.look().await?;
        let mut stops: FuturesUnordered<_> = ids.iter().map(|id| self.take_one_away(&sight, id)).collect();
        let mut all = Ok(());
        while let Some(one) = stops.next().await {
            all = all.and(one);
        }
        all
    }

    async fn take_one_away(&self, sight: &Sight, id: &str) -> Result<(), Halt> {
        // Gone already: somebody was here before.
        let Some(seen) = sight.find(id) else { return Ok(()) };
        if seen.instance.is_running() {
            self.patiently(|| self.engine.stop(id, seen.instance.stop_grace)).await?;
        }
        self.patiently(|| self.engine.remove(id)).await
    }
}

/// A service of a manifest.
pub(super) fn find<'m>(manifest: &'m Manifest, name: &str) -> Option<&'m Service> {
    manifest.services.iter().find(|service| service.name == name)
}
