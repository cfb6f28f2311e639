//! Watches over what runs while nothing is being applied: starts again what has ended, as often as its policy allows; shows what somebody
//! has changed by hand, and puts it right where that is configured. Everything that it must know of the past is in labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use domain::time::{Clock, Timestamp};
use process::manifest::Manifest;
use process::observed::{Observed, Replica, State};
use process::plan::plan;
use process::revision::{Revision, revisions};
use process::service::Service;
use tokio_util::sync::CancellationToken;

use crate::apply::{Applier, Ending};
use crate::drift::{changed, drift};
use crate::engine::Error;
use crate::restart::{Verdict, verdict};
use crate::sight::{Seen, Sight, Watch};

/// What is watched over.
#[derive(Debug, Clone)]
pub struct Charge {
    /// What is wanted.
    pub manifest: Arc<Manifest>,
    /// Whether what was changed by hand is put right. Where a first `apply` has failed, nothing is: it would fail again.
    pub corrects: bool,
    /// Whether what has ended is started again. For a while after that has failed, it is not.
    pub restarts: bool,
}

/// Watches over what runs.
pub struct Supervisor {
    applier: Arc<Applier>,
    watch: Arc<Watch>,
    clock: Arc<dyn Clock>,
    /// What was changed of services when they were put right last, as long as it looks the same since.
    put_right: Mutex<BTreeMap<String, String>>,
}

/// What came of one round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// What somebody has changed by hand, by service.
    pub drifts: BTreeMap<String, String>,
    /// Services of which a replica was started again.
    pub restarted: Vec<String>,
    /// Services that have ended too often, each with the container that did last.
    pub failed: Vec<(String, String)>,
    /// What could not be done, in words.
    pub troubles: Vec<String>,
}

/// A replica that is to be started again.
struct Due<'a> {
    service: &'a Service,
    seen: &'a Seen,
    restarts: Vec<Timestamp>,
}

// === impl Supervisor ===

impl Supervisor {
    /// Watches over what an applier has made.
    pub fn new(applier: Arc<Applier>, watch: Arc<Watch>, clock: Arc<dyn Clock>) -> Self {
        Supervisor { applier, watch, clock, put_right: Mutex::default() }
    }

    /// Looks once and does what is due. Nobody else may be applying anything.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn round(&self, charge: &Charge, let_go: &CancellationToken) -> Result<Round, Error> {
        let sight = self.watch.now().await?;
        let manifest = charge.manifest.as_ref();
        let wanted = revisions(manifest);
        let mut round = Round::default();
        let mut due = Vec::new();
        self.applier.let_calls_through(manifest, &wanted, &sight).await?;
        for service in manifest.services.iter().filter(|service| service.wanted() > 0) {
            let Some(revision) = wanted.get(service.name.as_str()) else { continue };
            for seen in sight.current(&service.name, revision) {
                match verdict(service, seen) {
                    Some(Verdict::Again { at, restarts }) if at <= self.clock.now() => due.push(Due { service, seen, restarts }),
                    Some(Verdict::Failed { .. }) => {
                        round.failed.push((service.name.clone(), seen.instance.id.clone()));
                    }
                    Some(Verdict::Again { .. } | Verdict::Stays) | None => {}
                }
            }
            round.drifts.extend(drift(service, revision, &sight).map(|what| (service.name.clone(), what)));
        }
        for due in due.into_iter().filter(|_| charge.restarts) {
            let name = due.service.name.clone();
            match self.applier.replace(manifest, due.service, due.seen, due.restarts).await? {
                Ending::Failed(failure) => round.troubles.push(format!("failed to start `{name}` again: {}", failure.message)),
                Ending::LetGo => {}
                Ending::Reached | Ending::RolledBack(_) => round.restarted.push(name),
            }
        }
        let changes = changes(manifest, &wanted, &sight);
        let futile = self.futile(&changes);
        if charge.corrects && round.restarted.is_empty() && !round.drifts.is_empty() {
            let observed = masked(manifest, &wanted, &sight, &futile);
            match self.correct(manifest, &observed, let_go, &mut round).await? {
                Corrected::Made => {
                    round.drifts.retain(|service, _| futile.contains(service));
                    *self.put_right.lock().unwrap_or_else(PoisonError::into_inner) = changes;
                }
                Corrected::LetGo => round.drifts.clear(),
                Corrected::Nothing => {}
            }
        }
        Ok(round)
    }

    /// Services of which the same was changed when they were put right, and ever since: the engine does not do what it is told, as a kernel
    /// without limits of memory, and would be told again and again. That is shown only.
    fn futile(&self, changes: &BTreeMap<String, String>) -> BTreeSet<String> {
        let mut put_right = self.put_right.lock().unwrap_or_else(PoisonError::into_inner);
        put_right.retain(|service, change| changes.get(service) == Some(change));
        put_right.keys().cloned().collect()
    }

    /// Makes a plan of what differs by hand only, and does it.
    async fn correct(
        &self,
        manifest: &Manifest,
        observed: &Observed,
        let_go: &CancellationToken,
        round: &mut Round,
    ) -> Result<Corrected, Error> {
        let plan = plan(manifest, observed);
        if plan.is_empty() {
            return Ok(Corrected::Nothing);
        }
        Ok(match self.applier.correct(manifest, &plan, let_go).await? {
            Ending::Failed(failure) => {
                round.troubles.push(format!("failed to put `{}` right ({}): {}", failure.service, failure.step, failure.message));
                Corrected::Nothing
            }
            Ending::LetGo => Corrected::LetGo,
            Ending::Reached | Ending::RolledBack(_) => Corrected::Made,
        })
    }
}

/// What came of putting right what was changed by hand.
enum Corrected {
    Nothing,
    Made,
    LetGo,
}

/// What was changed of what runs, by service.
fn changes(manifest: &Manifest, wanted: &HashMap<&str, Revision>, sight: &Sight) -> BTreeMap<String, String> {
    let of = |service: &Service| {
        let running = sight.current(&service.name, wanted.get(service.name.as_str())?).filter(|seen| seen.instance.is_running());
        let mut found: Vec<String> = running.filter_map(|seen| changed(service, seen)).collect();
        found.sort_unstable();
        found.dedup();
        (!found.is_empty()).then(|| (service.name.clone(), found.join("; ")))
    };
    manifest.services.iter().filter_map(of).collect()
}

/// What runs, with what is the restart policy's looking well, and with what was changed by hand looking like another revision, unless putting
/// it right is futile.
fn masked(manifest: &Manifest, wanted: &HashMap<&str, Revision>, sight: &Sight, futile: &BTreeSet<String>) -> Observed {
    sight.observed_as(|seen| {
        let replica = seen.replica()?;
        let identity = &seen.instance.identity;
        let service = manifest.services.iter().find(|service| service.name == identity.service);
        let is_current = wanted.get(identity.service.as_str()) == Some(&identity.revision);
        let Some(service) = service.filter(|_| is_current) else { return Some(replica) };
        if seen.instance.is_running() && !futile.contains(&service.name) && changed(service, seen).is_some() {
            return Some(Replica { revision: Revision::default(), ..replica });
        }
        let is_policys = seen.has_ended() || replica.state == State::Unhealthy;
        let (state, serving) = if is_policys { (State::Healthy, true) } else { (replica.state, replica.serving) };
        Some(Replica { state, serving, ..replica })
    })
}
