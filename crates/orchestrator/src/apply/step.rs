//! The steps of an action. Each can be done again after half of it was done.

use std::collections::HashSet;
use std::time::Duration;

use domain::process::Failure;
use domain::time::Timestamp;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use process::manifest::Manifest;
use process::observed::State;
use process::plan::Step;
use process::service::{Condition, Order, Service};
use tokio::time::Instant;

use super::act::Act;
use super::applier::{Applier, Ending, Halt, POLL};
use crate::engine::{Error, LogAsk};
use crate::factory::{Calls, Seat};
use crate::sight::{Seen, Sight};

/// Calls of one step to the engine at the same time.
const CALLS: usize = 4;
/// Tries to create a container whose name a half-made one has.
const CREATIONS: usize = 3;
/// Lines of a log that a failure shows.
const LOG_LINES: u32 = 20;
/// The time that a failure's log may take.
const LOG_LIMIT: Duration = Duration::from_secs(5);

// === impl Act ===

impl Act<'_> {
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), Halt> {
        match step {
            Step::Start { replicas, serving } => self.start(*replicas, *serving).await,
            Step::Await(condition) => self.wait_for_own(*condition).await,
            Step::Hold(time) => self.hold(*time).await,
            Step::Serve => self.serve(false).await,
            Step::Switch => self.serve(true).await,
            Step::Stop(ids) => self.applier.take_away(ids).await,
        }
    }

    async fn start(&self, replicas: u32, serving: bool) -> Result<(), Halt> {
        let Some(service) = self.service() else {
            return Err(failed(format!("`{}` is not in the manifest", self.action.service)));
        };
        let revision = self.revision();
        let sight = self.applier.look().await?;
        let taken: HashSet<u32> = sight.current(&service.name, &revision).map(|seen| seen.instance.identity.slot).collect();
        let free = (1..).filter(|slot| !taken.contains(slot)).take(replicas as usize);
        let calls = calls(service, serving, &sight);
        let seats = free.map(|slot| Seat { revision: revision.clone(), slot, calls, restarts: Vec::new() });
        let starts: Vec<_> = seats.map(|seat| self.applier.seat(self.manifest, service, seat)).collect();
        stream::iter(starts).buffer_unordered(CALLS).try_collect::<Vec<String>>().await.map(drop)
    }

    /// Waits for the replicas of the new revision. Those that fail are replaced as long as no more do than may.
    async fn wait_for_own(&mut self, condition: Condition) -> Result<(), Halt> {
        let Some(service) = self.service() else { return Ok(()) };
        let revision = self.revision();
        let limit = self.applier.limit(service, condition);
        let mut until = Instant::now() + limit;
        loop {
            let sight = self.applier.look().await?;
            let lost: Vec<&Seen> = sight.current(&service.name, &revision).filter(|seen| is_lost(service, seen, condition)).collect();
            if let Some(worst) = lost.first() {
                self.failures += u32::try_from(lost.len()).unwrap_or(u32::MAX);
                if self.failures > service.update.max_failures {
                    return Err(self.applier.failure_of(service, worst).await);
                }
                let ids: Vec<String> = lost.iter().map(|seen| seen.instance.id.clone()).collect();
                self.applier.take_away(&ids).await?;
                let serving = worst.instance.serving || worst.instance.identity.is_gated;
                self.start(u32::try_from(ids.len()).unwrap_or(u32::MAX), serving).await?;
                until = Instant::now() + limit;
                continue;
            }
            self.applier.let_through(sight.current(&service.name, &revision)).await?;
            let waiting = sight.current(&service.name, &revision).find(|seen| !is_there(seen, condition));
            let Some(waiting) = waiting else { return Ok(()) };
            if Instant::now() >= until {
                let text = process::quantity::duration_text(limit);
                let message = format!("it was not {} within {text}", word(condition));
                return Err(self.applier.failure_with(service, waiting, message).await);
            }
            self.check()?;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Watches the replicas of the new revision for a while.
    async fn hold(&self, time: Duration) -> Result<(), Halt> {
        let Some(service) = self.service() else { return Ok(()) };
        let revision = self.revision();
        let until = Instant::now() + time;
        loop {
            let sight = self.applier.look().await?;
            let unwell = |seen: &&Seen| !matches!(seen.state, Some(State::Healthy | State::Completed));
            if let Some(seen) = sight.current(&service.name, &revision).find(unwell) {
                return Err(self.applier.failure_of(service, seen).await);
            }
            if Instant::now() >= until {
                return Ok(());
            }
            self.check()?;
            tokio::time::sleep(POLL.min(time)).await;
        }
    }

    /// Lets calls reach the new replicas, and where `only` those, no others. The new ones come first: there is no moment without any.
    async fn serve(&self, only: bool) -> Result<(), Halt> {
        let revision = self.revision();
        let sight = self.applier.look().await?;
        let running = |seen: &&Seen| seen.instance.is_running();
        let (new, old): (Vec<&Seen>, Vec<&Seen>) =
            sight.of(&self.action.service).filter(running).partition(|seen| seen.instance.identity.revision == revision);
        for seen in new.iter().filter(|seen| !seen.instance.serving) {
            self.applier.patiently(|| self.applier.engine.serve(&seen.instance.id, true)).await?;
        }
        for seen in old.iter().filter(|seen| only && seen.instance.serving) {
            self.applier.patiently(|| self.applier.engine.serve(&seen.instance.id, false)).await?;
        }
        Ok(())
    }
}

// === impl Applier ===

impl Applier {
    /// Creates and starts one container.
    async fn seat(&self, manifest: &Manifest, service: &Service, seat: Seat) -> Result<String, Halt> {
        let id = self.created(manifest, service, seat).await?;
        self.patiently(|| self.engine.start(&id)).await?;
        Ok(id)
    }

    /// Creates one container, and answers its id. Where one runs under its name already, it is that one's; one that was never started may be
    /// half made, without its files or networks, and is made again.
    async fn created(&self, manifest: &Manifest, service: &Service, seat: Seat) -> Result<String, Halt> {
        let order = self.factory.order(manifest, service, &seat).map_err(|error| failed(chain(&error)))?;
        let mut refusal = String::new();
        for _ in 0..CREATIONS {
            let created = self.patiently(|| async {
                match self.engine.create(&order).await {
                    Err(Error::Taken(why)) => Ok(Err(why)),
                    created => created.map(Ok),
                }
            });
            refusal = match created.await? {
                Ok(id) => return Ok(id),
                Err(why) => why,
            };
            // The daemon has done what nobody heard of, or another manager was faster.
            let sight = self.look().await?;
            match sight.seen.iter().find(|seen| seen.instance.name == order.name) {
                Some(there) if there.state.is_some() => return Ok(there.instance.id.clone()),
                Some(half_made) => self.patiently(|| self.engine.remove(&half_made.instance.id)).await?,
                None => return Err(failed(refusal)),
            }
        }
        Err(failed(refusal))
    }

    /// Starts a container in the place of one that has ended or is not well, and takes that one away. Where both would hold one port or write
    /// into one place, the old one goes first; elsewhere the new one remembers the restarts before the old one is gone.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn replace(&self, manifest: &Manifest, service: &Service, old: &Seen, restarts: Vec<Timestamp>) -> Result<Ending, Error> {
        let done = async {
            let (id, identity) = (&old.instance.id, &old.instance.identity);
            if old.instance.is_running() && service.update.order == Order::StopFirst {
                self.patiently(|| self.engine.stop(id, old.instance.stop_grace)).await?;
            }
            let sight = self.look().await?;
            let taken = |slot: &u32| sight.current(&service.name, &identity.revision).any(|seen| seen.instance.identity.slot == *slot);
            let slot = (1..).find(|slot| !taken(slot)).unwrap_or_default();
            let calls = calls(service, true, &sight);
            let seat = Seat { revision: identity.revision.clone(), slot, calls, restarts };
            let new = self.created(manifest, service, seat).await?;
            let started = self.patiently(|| self.engine.start(&new)).await;
            // Whether it has started or not, the new one remembers everything that the old one did.
            self.take_away(std::slice::from_ref(id)).await?;
            started
        };
        match done.await {
            Ok(()) => Ok(Ending::Reached),
            Err(Halt::Failed(failure)) => Ok(Ending::Failed(failure)),
            Err(Halt::LetGo) => Ok(Ending::LetGo),
            Err(Halt::Engine(error)) => Err(error),
        }
    }

    /// Lets calls reach what was to get them as soon as it is well, and is.
    pub(super) async fn let_through<'s>(&self, seen: impl Iterator<Item = &'s Seen>) -> Result<(), Halt> {
        for seen in seen.filter(|seen| seen.is_held_back()) {
            self.patiently(|| self.engine.serve(&seen.instance.id, true)).await?;
        }
        Ok(())
    }

    /// How long a service's replicas have. What its health check allows before it gives up comes on top.
    pub(super) fn limit(&self, service: &Service, condition: Condition) -> Duration {
        let allowed = service.health.as_ref().map(|health| health.start_period + (health.interval + health.timeout) * health.retries);
        match condition {
            Condition::Completed => self.patience.completion,
            Condition::Started | Condition::Healthy => self.patience.start + allowed.unwrap_or_default(),
        }
    }

    /// What is said of a replica that failed, with the last that it wrote.
    pub(super) async fn failure_of(&self, service: &Service, seen: &Seen) -> Halt {
        let message = if seen.detail.is_empty() { "it has ended".to_owned() } else { seen.detail.clone() };
        self.failure_with(service, seen, message).await
    }

    pub(super) async fn failure_with(&self, service: &Service, seen: &Seen, message: String) -> Halt {
        let log = self.last_lines(&seen.instance.id).await;
        Halt::Failed(Failure { service: service.name.clone(), message, log, ..Failure::default() })
    }

    /// The last lines of a log. A log that cannot be read makes no second failure of the first.
    async fn last_lines(&self, id: &str) -> Vec<String> {
        let ask = LogAsk { tail: Some(LOG_LINES), ..LogAsk::default() };
        let read = async {
            let lines = self.engine.logs(id, ask).await?;
            lines.map_ok(|line| line.text).try_collect::<Vec<String>>().await
        };
        match tokio::time::timeout(LOG_LIMIT, read).await {
            Ok(Ok(lines)) => lines,
            Ok(Err(error)) => vec![format!("(its log cannot be read: {error})")],
            Err(_elapsed) => vec!["(its log cannot be read in time)".to_owned()],
        }
    }
}

/// When calls reach a new replica. Where others answer meanwhile, it gets none before it is well. Where none does, it is found under its name
/// from the start: services that make up a cluster look for each other before they are well. What holds a port of the host is alone, and leaving
/// the network would cost it that port for a moment.
fn calls(service: &Service, serving: bool, sight: &Sight) -> Calls {
    let others = sight.of(&service.name).any(Seen::is_available);
    match serving {
        false => Calls::Not,
        true if others && service.health.is_some() && !service.holds_port() => Calls::WhenWell,
        true => Calls::AtOnce,
    }
}

/// Whether a replica will not come to be as far as is waited for.
fn is_lost(service: &Service, seen: &Seen, condition: Condition) -> bool {
    match (seen.state, condition) {
        (Some(State::Unhealthy), Condition::Healthy) => true,
        (Some(State::Failed), Condition::Healthy | Condition::Completed) => true,
        // What runs on ends only where something is wrong.
        (Some(State::Completed), Condition::Healthy) => !service.ends(false),
        _ => false,
    }
}

fn is_there(seen: &Seen, condition: Condition) -> bool {
    match condition {
        Condition::Started => true,
        Condition::Healthy => matches!(seen.state, Some(State::Healthy | State::Completed)),
        Condition::Completed => seen.state == Some(State::Completed),
    }
}

fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Started => "started",
        Condition::Healthy => "healthy",
        Condition::Completed => "completed",
    }
}

fn failed(message: String) -> Halt {
    Halt::Failed(Failure { message, ..Failure::default() })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
