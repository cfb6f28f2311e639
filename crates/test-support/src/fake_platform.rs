//! A platform without an engine: services that are started run at once, and those whose image is `bad` fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::process::{
    Declared, DeclaredService, Desired, Failure, Feed, Group, LogLine, LogQuery, Manifests, Outcome, Plan, PlannedAction, Platform,
    ReplicaState, ReplicaStatus, ServiceState, ServiceStatus, Told, Wave, What,
};
use domain::time::{Clock, Timestamp};
use domain::{Error, Result};
use futures_util::stream::{self, StreamExt as _, unfold};
use tokio::sync::watch;

use crate::faults::Faults;

/// What fails to start.
const BAD: &str = "bad";
/// What the feed keeps.
const KEPT: usize = 64;

/// The platform.
pub struct FakePlatform {
    manifests: Arc<dyn Manifests>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    /// Whether revisions wait before they begin.
    is_held: watch::Sender<bool>,
    faults: Faults,
}

struct Shared {
    state: Mutex<State>,
    /// Grows with all that is told.
    newest: watch::Sender<u64>,
}

/// Somebody who follows what is told.
struct Follower {
    shared: Arc<Shared>,
    newest: watch::Receiver<u64>,
    reached: u64,
    begins: Option<Told>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<String, Running>,
    told: VecDeque<Told>,
    sequence: u64,
    /// The newest revision that was begun.
    begun: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Running {
    group: Group,
    replicas: u32,
    revision: String,
    image: String,
    since: Timestamp,
}

impl FakePlatform {
    /// Nothing runs yet.
    pub fn new(manifests: Arc<dyn Manifests>, clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), newest: watch::Sender::new(0) });
        FakePlatform { manifests, clock, shared, is_held: watch::Sender::new(false), faults: Faults::default() }
    }

    /// What fails, by the names of the port's methods.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Lets no revision begin, or lets those go on that wait.
    pub fn hold(&self, is_held: bool) {
        self.is_held.send_replace(is_held);
    }

    /// Returns once a revision has begun.
    pub async fn begun(&self, revision: u64) {
        let mut newest = self.shared.newest.subscribe();
        while self.state().begun < revision {
            newest.changed().await.expect("the platform is there");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    fn tell(&self, what: What) {
        let mut state = self.state();
        state.sequence += 1;
        let told = Told { sequence: state.sequence, time: self.clock.now(), what };
        state.told.push_back(told);
        if state.told.len() > KEPT {
            state.told.pop_front();
        }
        drop(state);
        self.shared.newest.send_modify(|newest| *newest += 1);
    }

    async fn wanted(&self, desired: Option<&Desired>) -> Result<BTreeMap<String, Running>> {
        let Some(desired) = desired else { return Ok(BTreeMap::new()) };
        let Declared { services, integrations, .. } = self.manifests.read(desired).await?;
        let now = self.clock.now();
        let enabled = services.into_iter().filter(|service| service.enabled && service.replicas > 0);
        let mut wanted: BTreeMap<_, _> = enabled.map(|service| (service.name.clone(), running(desired, service, now))).collect();
        for one in integrations.into_iter().filter(|one| one.enabled) {
            let Some(around) = wanted.get(&one.service_name).cloned() else { continue };
            let revision = format!("{},parameters={:?}", around.revision, one.parameters);
            wanted.insert(one.runs_as, Running { replicas: 1, revision, ..around });
        }
        Ok(wanted)
    }

    /// Makes it so, or says which service failed.
    async fn become_so(&self, desired: &Desired) -> Result<std::result::Result<(), String>> {
        let wanted = self.wanted(Some(desired)).await?;
        if let Some((name, _)) = wanted.iter().find(|(_, running)| running.image.contains(BAD)) {
            return Ok(Err(name.clone()));
        }
        let mut before = self.state().running.clone();
        for (name, running) in wanted {
            let same = before.remove(&name).is_some_and(|old| old.revision == running.revision && old.replicas == running.replicas);
            if !same {
                self.state().running.insert(name.clone(), running.clone());
                self.tell(What::Service(status(&name, Some(&running), running.replicas)));
            }
        }
        for (name, _) in before {
            self.state().running.remove(&name);
            self.tell(What::Gone(name));
        }
        Ok(Ok(()))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    async fn next(&mut self) -> Option<Told> {
        if let Some(begins) = self.begins.take() {
            return Some(begins);
        }
        loop {
            let next = self.shared.state().told.iter().find(|told| told.sequence > self.reached).cloned();
            if let Some(told) = next {
                self.reached = told.sequence;
                return Some(told);
            }
            self.newest.changed().await.ok()?;
        }
    }
}

fn running(desired: &Desired, service: DeclaredService, since: Timestamp) -> Running {
    let restarts = desired.overrides.get(&service.name).map_or(0, |over| over.restarts);
    let revision = format!("image={},restarts={restarts}", service.image);
    Running { group: service.group, replicas: service.replicas, revision, image: service.image, since }
}

fn status(name: &str, running: Option<&Running>, wanted: u32) -> ServiceStatus {
    let replicas = running.map_or(0, |running| running.replicas);
    let replica = |number: u32, running: &Running| ReplicaStatus {
        id: format!("{name}-{number}"),
        state: ReplicaState::Healthy,
        detail: String::new(),
        started: Some(running.since),
        revision: running.revision.clone(),
    };
    ServiceStatus {
        name: name.to_owned(),
        group: running.map_or(Group::Core, |running| running.group),
        state: match (wanted, replicas) {
            (0, 0) => ServiceState::Stopped,
            (0, _) => ServiceState::Stopping,
            (_, 0) => ServiceState::Waiting,
            (wanted, running) if running >= wanted => ServiceState::Running,
            _ => ServiceState::Degraded,
        },
        detail: String::new(),
        wanted,
        running: replicas,
        available: replicas,
        restarts: 0,
        images: running.map(|running| running.image.clone()).into_iter().collect(),
        replicas: running.map(|running| (1..=replicas).map(|number| replica(number, running)).collect()).unwrap_or_default(),
        has_given_up: false,
        drift: String::new(),
    }
}

#[async_trait]
impl Platform for FakePlatform {
    async fn status(&self, desired: Option<&Desired>) -> Result<Vec<ServiceStatus>> {
        self.faults.check("status")?;
        let declared = match desired {
            Some(desired) => self.manifests.read(desired).await?,
            None => Declared::default(),
        };
        let state = self.state();
        let mut all: BTreeMap<String, (u32, Group)> =
            state.running.iter().map(|(name, running)| (name.clone(), (0, running.group))).collect();
        let wanted = |enabled: bool, replicas| if enabled { replicas } else { 0 };
        let integrations = declared.integrations.into_iter().map(|one| (one.runs_as, (wanted(one.enabled, 1), Group::Core)));
        let services = declared.services.into_iter();
        all.extend(services.map(|service| (service.name, (wanted(service.enabled, service.replicas), service.group))).chain(integrations));
        let of = |(name, (wanted, group)): (&String, &(u32, Group))| ServiceStatus {
            group: *group,
            ..status(name, state.running.get(name), *wanted)
        };
        let mut statuses: Vec<ServiceStatus> = all.iter().map(of).collect();
        statuses.sort_by(|a, b| (a.group, &a.name).cmp(&(b.group, &b.name)));
        Ok(statuses)
    }

    async fn plan(&self, desired: &Desired) -> Result<Plan> {
        self.faults.check("plan")?;
        let wanted = self.wanted(Some(desired)).await?;
        let now = self.state().running.clone();
        let action = |service: &str, kind, reason: String| PlannedAction {
            service: service.to_owned(),
            kind,
            reasons: vec![reason],
            steps: vec![kind.to_owned()],
        };
        let mut actions = Vec::new();
        for (name, running) in &wanted {
            match now.get(name) {
                None => actions.push(action(name, "create", "it does not run".to_owned())),
                Some(old) if old.revision != running.revision => actions.push(action(name, "replace", "changed: image".to_owned())),
                Some(old) if old.replicas != running.replicas => {
                    actions.push(action(name, "scale", format!("{} replicas of {}", old.replicas, running.replicas)));
                }
                Some(_) => {}
            }
        }
        actions
            .extend(now.keys().filter(|name| !wanted.contains_key(*name)).map(|name| action(name, "stop", "it shall not run".to_owned())));
        Ok(Plan { waves: if actions.is_empty() { Vec::new() } else { vec![Wave { actions }] } })
    }

    async fn apply(&self, desired: Arc<Desired>, last_good: Option<Arc<Desired>>) -> Result<Outcome> {
        self.faults.check("apply")?;
        let revision = desired.revision;
        {
            let mut state = self.state();
            state.begun = state.begun.max(revision);
        }
        self.tell(What::Progress { revision, wave: 1, waves: 1, message: "begins".to_owned() });
        let mut is_held = self.is_held.subscribe();
        is_held.wait_for(|held| !held).await.expect("the platform is there");
        if self.state().begun > revision {
            return Ok(Outcome::Superseded);
        }
        let outcome = match (self.become_so(&desired).await?, last_good) {
            (Ok(()), _) => Outcome::Reached,
            (Err(service), last_good) => {
                let failure = Failure { service, step: "start".to_owned(), message: "its image is bad".to_owned(), ..Failure::default() };
                match last_good {
                    Some(good) if self.become_so(&good).await?.is_ok() => Outcome::RolledBack(failure),
                    _ => Outcome::Failed(failure),
                }
            }
        };
        self.tell(What::Ended { revision, outcome: outcome.clone() });
        Ok(outcome)
    }

    fn let_go(&self) {
        // There is nothing that can fail.
        let _infallible = self.faults.check("let_go");
    }

    async fn watch(&self, after: Option<u64>) -> Result<Feed<Told>> {
        self.faults.check("watch")?;
        let newest = self.shared.newest.subscribe();
        let (reached, goes_on) = {
            let state = self.state();
            let oldest = state.told.front().map_or(state.sequence + 1, |told| told.sequence);
            (state.sequence, after.filter(|after| *after <= state.sequence && *after + 1 >= oldest))
        };
        let begins = match goes_on {
            Some(_) => None,
            None => Some(Told { sequence: reached, time: self.clock.now(), what: What::Snapshot(self.status(None).await?) }),
        };
        let follower = Follower { shared: Arc::clone(&self.shared), newest, reached: goes_on.unwrap_or(reached), begins };
        Ok(Box::pin(unfold(follower, |mut follower| async move { follower.next().await.map(|told| (told, follower)) })))
    }

    async fn logs(&self, query: LogQuery) -> Result<Feed<Result<LogLine>>> {
        self.faults.check("logs")?;
        let state = self.state();
        let mut lines = Vec::new();
        for service in &query.services {
            let Some(running) = state.running.get(service) else {
                return Err(Error::NotFound { resource: format!("services/{service}") });
            };
            for number in 1..=running.replicas {
                for text in ["starts", "is ready"] {
                    let replica = format!("{service}-{number}");
                    let (service, time, text) = (service.clone(), running.since, text.to_owned());
                    lines.push(LogLine { service, replica, time, is_error: false, text, truncated: false });
                }
            }
        }
        let tail = query.tail.and_then(|tail| usize::try_from(tail).ok()).unwrap_or(usize::MAX);
        let kept = |line: &LogLine| tail >= 2 || line.text == "is ready";
        lines.retain(kept);
        lines.sort_by_key(|line| line.time);
        let lines = stream::iter(lines.into_iter().map(Ok));
        Ok(if query.follow { Box::pin(lines.chain(stream::pending())) } else { Box::pin(lines) })
    }
}
