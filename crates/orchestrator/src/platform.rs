//! The domain's port to what makes a platform run: one thing is applied at a time, what runs is watched over in between, and everything is
//! told to followers.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::error::{Error, Result};
use domain::lease::Tenure;
use domain::process::{
    Desired, Feed, IntegrationOverride, LogLine, LogQuery, Notation, Outcome, Override, Plan, PlannedAction, Platform, PortHolder,
    ServiceStatus, Told, Wave, What,
};
use domain::time::Clock;
use futures_util::StreamExt as _;
use process::manifest::{self, Asked, AskedIntegration, File, Manifest, Wanted};
use process::port::Holder;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apply::{Applier, Ending, Patience};
use crate::content::Contents;
use crate::engine::{self, Engine, Instance, LogAsk};
use crate::factory::Factory;
use crate::feed::Teller;
use crate::fenced::FencedEngine;
use crate::logs::{self, Written};
use crate::progress::Progress;
use crate::sight::Watch;
use crate::status::{Surroundings, statuses};
use crate::supervise::{Charge, Round, Supervisor};

/// Time between two looks where the engine tells of nothing: its events can be missed.
const POLL: Duration = Duration::from_secs(5);
/// Time between two looks while something is being done, so that followers see it within a second.
const BUSY_POLL: Duration = Duration::from_millis(500);
/// Time after an event before somebody looks: they come in groups.
const GATHER: Duration = Duration::from_millis(100);
/// Time after an attempt to put something right that failed, before the next one.
const SORE: Duration = Duration::from_secs(60);

/// Why what was begun did not come to an end.
const DEPOSED: &str = "the platform's lease went over, to another server or to another token of this one";

/// What an orchestrator needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The installation, after which everything on the engine is named.
    pub scope: String,
    /// A directory with a file for each external config or secret.
    pub secrets: Option<PathBuf>,
    /// How long is waited for what.
    pub patience: Patience,
    /// Whether what somebody changes by hand is put right, or only shown.
    pub corrects: bool,
}

/// Makes a platform run on an engine.
pub struct Orchestrator {
    engine: Arc<dyn Engine>,
    tenure: Arc<Tenure>,
    clock: Arc<dyn Clock>,
    watch: Arc<Watch>,
    applier: Arc<Applier>,
    supervisor: Supervisor,
    teller: Teller,
    progress: Arc<Progress>,
    corrects: bool,
    /// Held by whoever does something.
    work: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The newest revision that was to be applied.
    newest: u64,
    /// Lets go of what is being applied.
    applying: Option<CancellationToken>,
    /// Lets go of what is being put right.
    tending: Option<CancellationToken>,
    /// What is wanted, for statuses; while it is applied it is not watched over.
    shown: Option<Arc<Manifest>>,
    charge: Option<Charge>,
    drifts: BTreeMap<String, String>,
    /// Services that have failed and were told of.
    failed: HashSet<String>,
    sore_until: Option<Instant>,
}

// === impl Orchestrator ===

impl Orchestrator {
    /// Works on an engine, of which it changes something as long as it has the lease. Nothing is asked of it yet.
    pub fn new(config: Config, engine: Arc<dyn Engine>, tenure: Arc<Tenure>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let watch = Arc::new(Watch::new(engine.clone(), clock.clone()));
        let teller = Teller::new(clock.clone());
        let progress = Arc::new(Progress::new(teller.clone()));
        let factory = Factory::new(&config.scope, Contents::new(config.secrets));
        let fenced = Arc::new(FencedEngine::new(engine.clone(), tenure.clone()));
        let applier = Arc::new(Applier::new(fenced, watch.clone(), factory, config.patience, progress.clone()));
        let supervisor = Supervisor::new(applier.clone(), watch.clone(), clock.clone());
        let (work, state) = (tokio::sync::Mutex::default(), Mutex::default());
        Arc::new(Orchestrator {
            engine,
            tenure,
            clock,
            watch,
            applier,
            supervisor,
            teller,
            progress,
            corrects: config.corrects,
            work,
            state,
        })
    }

    /// Watches over what runs, until it is dropped.
    pub async fn watch_over(&self) {
        loop {
            let mut changes = match self.engine.changes().await {
                Ok(changes) => changes,
                Err(error) => {
                    tracing::warn!(%error, "failed to listen to the engine; it is asked from time to time");
                    futures_util::stream::pending().boxed()
                }
            };
            loop {
                let busy = self.work.try_lock().is_err();
                tokio::select! {
                    () = tokio::time::sleep(if busy { BUSY_POLL } else { POLL }) => {}
                    change = changes.next() => match change {
                        Some(Ok(_)) => tokio::time::sleep(GATHER).await,
                        // It has restarted, or the connection was lost: what was missed is seen by looking.
                        Some(Err(_)) | None => break,
                    },
                }
                self.round().await;
            }
            tokio::time::sleep(POLL).await;
            self.round().await;
        }
    }

    /// Looks once, does what is due where nobody else does anything, and tells what has changed.
    pub async fn round(&self) {
        if let Ok(_work) = self.work.try_lock() {
            let charge = self.state().charge.clone();
            if let Some(charge) = charge {
                self.watch_once(charge).await;
            }
        }
        self.try_to_tell_statuses().await;
    }

    async fn watch_once(&self, mut charge: Charge) {
        let is_sore = self.state().sore_until.is_some_and(|until| Instant::now() < until);
        charge.corrects &= self.corrects && !is_sore;
        charge.restarts = !is_sore;
        let let_go = CancellationToken::new();
        self.state().tending = Some(let_go.clone());
        match self.supervisor.round(&charge, &let_go).await {
            Ok(round) => self.take_note(round),
            Err(error) => tracing::warn!(%error, "failed to look after services"),
        }
        self.progress.end();
    }

    fn take_note(&self, round: Round) {
        for service in &round.restarted {
            tracing::warn!(service, "a replica had ended and was started again");
        }
        for trouble in &round.troubles {
            tracing::warn!(trouble, "a service could not be put right");
        }
        for (service, id) in &round.failed {
            if self.state().failed.insert(service.clone()) {
                // What it has written may hold what is nobody's who reads this log; the container is left, and its log with it.
                tracing::error!(service, container = id, "a service has ended too often and is not started again");
            }
        }
        let mut state = self.state();
        state.failed.retain(|service| round.failed.iter().any(|(failed, _)| failed == service));
        state.sore_until = if round.troubles.is_empty() { state.sore_until } else { Some(Instant::now() + SORE) };
        state.drifts = round.drifts;
    }

    /// What is not told now is told by a later round.
    async fn try_to_tell_statuses(&self) {
        if let Err(error) = self.tell_statuses().await {
            tracing::debug!(%error, "failed to look at services");
        }
    }

    async fn tell_statuses(&self) -> Result<()> {
        let earliest = Instant::now().checked_sub(BUSY_POLL).unwrap_or_else(Instant::now);
        let sight = self.watch.since(earliest).await.map_err(unavailable)?;
        let manifest = self.state().shown.clone();
        let surroundings = self.surroundings(manifest.as_deref());
        self.teller.statuses(statuses(&sight, &surroundings));
        Ok(())
    }

    fn surroundings<'m>(&self, manifest: Option<&'m Manifest>) -> Surroundings<'m> {
        let drifts = self.state().drifts.clone();
        Surroundings { manifest, activities: self.progress.activities(), drifts, now: self.clock.now() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what is being done; what comes next asks for the token. None where something newer was asked for: revisions may come in
    /// another order than they were made in.
    fn take_over(&self, revision: u64) -> Option<CancellationToken> {
        let token = CancellationToken::new();
        let mut state = self.state();
        if revision < state.newest {
            return None;
        }
        state.newest = revision;
        let before = state.applying.replace(token.clone());
        before.iter().chain(&state.tending).for_each(CancellationToken::cancel);
        Some(token)
    }

    async fn do_apply(&self, desired: &Desired, manifest: Arc<Manifest>, last_good: Option<Arc<Manifest>>) -> Result<Outcome> {
        let fence = self.tenure.fence();
        let Some(token) = self.take_over(desired.revision) else { return Ok(Outcome::Superseded) };
        let _work = self.work.lock().await;
        let let_go = || match fence.is_some() && self.tenure.fence() == fence {
            true => Ok(Outcome::Superseded),
            // What comes of the revision is for whoever has the lease now.
            false => Err(unavailable(engine::Error::Deposed(DEPOSED.to_owned()))),
        };
        if token.is_cancelled() {
            return let_go();
        }
        self.state().shown = Some(manifest.clone());
        self.state().charge = None;
        self.progress.begin(desired.revision);
        let ending = self.applier.apply(&manifest, last_good.as_deref(), &token).await;
        self.progress.end();
        let (outcome, charge) = match ending.map_err(unavailable)? {
            Ending::Reached => (Outcome::Reached, Some((manifest, true))),
            Ending::RolledBack(failure) => (Outcome::RolledBack(failure), last_good.map(|last_good| (last_good, true))),
            Ending::Failed(failure) => (Outcome::Failed(failure), Some((manifest, false))),
            Ending::LetGo => return let_go(),
        };
        let mut state = self.state();
        if token.is_cancelled() {
            // Something newer comes, or another server: what is watched over is theirs to say.
            return Ok(outcome);
        }
        state.charge = charge.map(|(manifest, corrects)| Charge { manifest, corrects, restarts: true });
        state.shown = state.charge.as_ref().map(|charge| charge.manifest.clone());
        state.sore_until = None;
        Ok(outcome)
    }
}

#[async_trait]
impl Platform for Orchestrator {
    async fn status(&self, desired: Option<&Desired>) -> Result<Vec<ServiceStatus>> {
        let manifest = desired.map(read).transpose()?;
        let sight = self.watch.now().await.map_err(unavailable)?;
        Ok(statuses(&sight, &self.surroundings(manifest.as_ref())))
    }

    async fn plan(&self, desired: &Desired) -> Result<Plan> {
        let plan = self.applier.plan(&read(desired)?).await.map_err(unavailable)?;
        Ok(Plan { waves: plan.waves.iter().map(wave).collect() })
    }

    async fn apply(&self, desired: Arc<Desired>, last_good: Option<Arc<Desired>>) -> Result<Outcome> {
        let manifest = Arc::new(read(&desired)?);
        let last_good = last_good.and_then(|last_good| way_back(&last_good)).map(Arc::new);
        let outcome = self.do_apply(&desired, manifest, last_good).await?;
        // What it came to stands, whether or not somebody can look at it now.
        self.try_to_tell_statuses().await;
        self.teller.tell(What::Ended { revision: desired.revision, outcome: outcome.clone() });
        Ok(outcome)
    }

    fn let_go(&self) {
        let mut state = self.state();
        state.applying.iter().chain(&state.tending).for_each(CancellationToken::cancel);
        state.charge = None;
        // Under another lease, something older than what was taken back may be in force.
        state.newest = 0;
    }

    async fn show(&self, desired: &Desired) -> Result<()> {
        let manifest = Arc::new(read(desired)?);
        self.state().shown = Some(manifest);
        Ok(())
    }

    async fn watch(&self, after: Option<u64>) -> Result<Feed<Told>> {
        self.tell_statuses().await?;
        Ok(self.teller.follow(after))
    }

    async fn logs(&self, query: LogQuery) -> Result<Feed<Result<LogLine>>> {
        let sight = self.watch.now().await.map_err(unavailable)?;
        let shown = self.state().shown.clone();
        for name in &query.services {
            let is_wanted = shown.iter().any(|manifest| manifest.services.iter().any(|service| service.name == *name));
            if !is_wanted && sight.of(name).next().is_none() {
                return Err(Error::NotFound { resource: format!("services/{name}") });
            }
        }
        let since = query.since.map(|since| self.clock.now().minus(since));
        let ask = LogAsk { follow: query.follow, since, tail: query.tail };
        let lines = if query.follow {
            logs::followed(self.engine.clone(), self.watch.clone(), query.services, ask).await
        } else {
            let instances = sight.seen.iter().map(|seen| &seen.instance);
            let asked: Vec<Instance> = instances.filter(|instance| query.services.contains(&instance.identity.service)).cloned().collect();
            logs::ended(&self.engine, &asked, ask).await
        };
        Ok(lines.map_err(unavailable)?.map(|written| written.map(line).map_err(unavailable)).boxed())
    }
}

/// The manifest that is wanted, with integrations as services. It was checked when it was stored, so what is wrong with it now is a rule that has come since.
fn read(desired: &Desired) -> Result<Manifest> {
    let notation = match desired.notation {
        Notation::Yaml => manifest::Notation::Yaml,
        Notation::Json => manifest::Notation::Json,
    };
    let read = File::read(&desired.manifest, notation).and_then(|file| file.wanted(&wanted(desired)));
    read.map(|integrated| integrated.manifest).map_err(|problems| Error::Precondition {
        reason: "AGAINST_MANIFEST_RULES",
        subject: format!("revisions/{}", desired.revision),
        description: problems.list().first().map(ToString::to_string).unwrap_or_default(),
    })
}

fn wanted(desired: &Desired) -> Wanted {
    let asked = |over: &Override| Asked { enabled: over.enabled, replicas: over.replicas, restarts: over.restarts };
    let integration = |over: &IntegrationOverride| AskedIntegration { enabled: over.enabled, parameters: over.parameters.clone() };
    let holder = |holder: &PortHolder| Holder { integration_id: holder.integration_id, port: holder.port.clone() };
    Wanted {
        environment: desired.environment.clone(),
        services: desired.overrides.iter().map(|(name, over)| (name.clone(), asked(over))).collect(),
        integrations: desired.integrations.overrides.iter().map(|(id, over)| (*id, integration(over))).collect(),
        leases: desired.integrations.leases.iter().map(|(held_by, port)| (holder(held_by), *port)).collect(),
    }
}

/// The manifest that was reached last. Where it breaks a rule that has come since, there is no way back to it: it must not keep what would mend
/// that from being applied.
fn way_back(last_good: &Desired) -> Option<Manifest> {
    let revision = last_good.revision;
    read(last_good).inspect_err(|error| tracing::warn!(%error, revision, "there is no way back to what was reached last")).ok()
}

fn wave(wave: &process::plan::Wave) -> Wave {
    let actions = wave.actions.iter().map(|action| PlannedAction {
        service: action.service.clone(),
        kind: action.kind.as_str(),
        reasons: action.reasons.iter().map(ToString::to_string).collect(),
        steps: action.steps.iter().map(ToString::to_string).collect(),
    });
    Wave { actions: actions.collect() }
}

fn line(written: Written) -> LogLine {
    LogLine {
        service: written.service,
        replica: written.replica,
        time: written.line.time(),
        is_error: written.line.is_error,
        text: written.line.text,
        truncated: written.line.truncated,
    }
}

fn unavailable(error: engine::Error) -> Error {
    Error::unavailable("engine", error)
}
