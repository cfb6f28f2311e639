//! From a manifest to what runs: rounds of planning and doing, wave by wave, and back to the last good state.

use std::collections::HashMap;

use domain::process::Failure;
use futures_util::{StreamExt as _, stream};
use process::manifest::Manifest;
use process::plan::{Action, Plan, Step, plan};
use process::revision::Revision;
use tokio_util::sync::CancellationToken;

use super::act::Act;
use super::applier::{Applier, Ending, Halt, find};
use super::news::News;
use crate::engine::Error;
use crate::sight::Sight;

/// Rounds of planning and doing in one `apply`. After the first one a plan is empty unless something has changed meanwhile.
const ROUNDS: usize = 4;
/// Services that are worked on at the same time: starting a container is mostly the daemon's work.
const PARALLEL: usize = 16;

// === impl Applier ===

impl Applier {
    /// Makes what runs what is wanted. On failure everything goes back to `last_good`. `let_go` is looked at between two steps.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn apply(&self, wanted: &Manifest, last_good: Option<&Manifest>, let_go: &CancellationToken) -> Result<Ending, Error> {
        let failure = match self.reach(wanted, let_go).await {
            Ok(()) => return Ok(Ending::Reached),
            Err(Halt::LetGo) => return Ok(Ending::LetGo),
            Err(Halt::Engine(error)) => return Err(error),
            Err(Halt::Failed(failure)) => failure,
        };
        let Some(last_good) = last_good.filter(|last_good| *last_good != wanted) else {
            return Ok(Ending::Failed(failure));
        };
        self.ear.hear(News::GoesBack { failure: failure.clone() });
        match self.reach(last_good, let_go).await {
            Ok(()) => Ok(Ending::RolledBack(failure)),
            Err(Halt::LetGo) => Ok(Ending::LetGo),
            Err(Halt::Engine(error)) => Err(error),
            Err(Halt::Failed(second)) => {
                let message = format!("{}; going back failed at `{}`, too: {}", failure.message, second.service, second.message);
                Ok(Ending::Failed(Failure { message, ..failure }))
            }
        }
    }

    /// Does a plan that somebody else has made.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn correct(&self, manifest: &Manifest, plan: &Plan, let_go: &CancellationToken) -> Result<Ending, Error> {
        let done = async {
            self.prepare(manifest, plan, let_go).await?;
            self.waves(manifest, plan, let_go).await
        };
        match done.await {
            Ok(()) => Ok(Ending::Reached),
            Err(Halt::Failed(failure)) => Ok(Ending::Failed(failure)),
            Err(Halt::LetGo) => Ok(Ending::LetGo),
            Err(Halt::Engine(error)) => Err(error),
        }
    }

    /// Lets calls reach what was to get them as soon as it is well, and is.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn let_calls_through(&self, manifest: &Manifest, wanted: &HashMap<&str, Revision>, sight: &Sight) -> Result<(), Error> {
        for service in &manifest.services {
            let Some(revision) = wanted.get(service.name.as_str()) else { continue };
            match self.let_through(sight.current(&service.name, revision)).await {
                Err(Halt::Engine(error)) => return Err(error),
                // It has gone meanwhile, or the next look tells more.
                Ok(()) | Err(Halt::Failed(_) | Halt::LetGo) => {}
            }
        }
        Ok(())
    }

    async fn reach(&self, manifest: &Manifest, let_go: &CancellationToken) -> Result<(), Halt> {
        self.patiently(|| self.engine.check()).await?;
        for _ in 0..ROUNDS {
            let sight = self.look().await?;
            self.sweep(&sight).await?;
            let sight = self.look().await?;
            let plan = plan(manifest, &sight.observed());
            if plan.is_empty() && self.settled(manifest, let_go).await? {
                return Ok(());
            }
            self.prepare(manifest, &plan, let_go).await?;
            self.waves(manifest, &plan, let_go).await?;
        }
        let message = format!("what runs did not stay as it was made in {ROUNDS} rounds");
        Err(Halt::Failed(Failure { message, step: "plan".to_owned(), ..Failure::default() }))
    }

    /// Takes away what was created and never started: whoever did so was killed in between, and a plan starts it anew.
    async fn sweep(&self, sight: &Sight) -> Result<(), Halt> {
        for seen in sight.seen.iter().filter(|seen| seen.state.is_none()) {
            self.patiently(|| self.engine.remove(&seen.instance.id)).await?;
        }
        Ok(())
    }

    /// Makes everything be there that a plan needs, before anything is touched: a missing image shall not be found half way.
    /// While an image comes, it lets go where it is asked to.
    async fn prepare(&self, manifest: &Manifest, plan: &Plan, let_go: &CancellationToken) -> Result<(), Halt> {
        let starts = |action: &&Action| action.steps.iter().any(|step| matches!(step, Step::Start { .. }));
        let starting: Vec<&Action> = plan.actions().filter(starts).collect();
        if starting.is_empty() {
            return Ok(());
        }
        for network in self.factory.networks(manifest) {
            self.made(&network.name, || self.engine.network(&network)).await?;
        }
        for volume in self.factory.volumes(manifest) {
            self.made(&volume.name, || self.engine.volume(&volume)).await?;
        }
        let mut images: Vec<(&str, &str)> = Vec::new();
        for action in starting {
            let Some(service) = find(manifest, &action.service) else { continue };
            if !images.iter().any(|(image, _)| *image == service.context.image) {
                images.push((&service.context.image, &service.name));
            }
        }
        for (image, service) in images {
            let fetched = tokio::select! {
                biased;
                () = let_go.cancelled() => return Err(Halt::LetGo),
                fetched = self.patiently(|| self.engine.fetch(image)) => fetched,
            };
            match fetched {
                Err(Halt::Failed(failure)) => {
                    let left = plan.actions().map(|action| action.service.clone()).collect();
                    let step = format!("fetch image `{image}`");
                    return Err(Halt::Failed(Failure { service: service.to_owned(), step, left, ..failure }));
                }
                fetched => fetched?,
            }
        }
        Ok(())
    }

    async fn made<F>(&self, name: &str, make: impl Fn() -> F) -> Result<(), Halt>
    where
        F: Future<Output = Result<(), Error>>,
    {
        self.patiently(make).await.map_err(|halt| match halt {
            Halt::Failed(failure) => Halt::Failed(Failure { step: format!("make `{name}`"), ..failure }),
            other => other,
        })
    }

    /// Does waves one after the other. The first action that fails ends its wave: the others let go between two steps.
    async fn waves(&self, manifest: &Manifest, plan: &Plan, let_go: &CancellationToken) -> Result<(), Halt> {
        for (index, wave) in plan.waves.iter().enumerate() {
            let services = wave.actions.iter().map(|action| action.service.clone()).collect();
            self.ear.hear(News::Wave { wave: index + 1, waves: plan.waves.len(), services });
            let stop = let_go.child_token();
            let mut first = Ok(());
            let actions: Vec<_> = wave.actions.iter().map(|action| Act::new(self, manifest, action, stop.clone()).run()).collect();
            let mut ended = stream::iter(actions).buffer_unordered(PARALLEL);
            while let Some(result) = ended.next().await {
                if result.is_err() && first.is_ok() {
                    first = result;
                    stop.cancel();
                }
            }
            if let Err(halt) = first {
                return Err(with_untouched(halt, plan, index));
            }
        }
        Ok(())
    }
}

/// Adds the services that nobody has touched: those of later waves.
fn with_untouched(halt: Halt, plan: &Plan, failed: usize) -> Halt {
    match halt {
        Halt::Failed(mut failure) => {
            failure.left = plan.waves[failed + 1..].iter().flat_map(|wave| &wave.actions).map(|action| action.service.clone()).collect();
            Halt::Failed(failure)
        }
        other => other,
    }
}
