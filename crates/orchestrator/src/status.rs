//! How services are, in the words of the domain: made from what is wanted, what was seen, and what is being done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::process::{Group, ReplicaState, ReplicaStatus, ServiceState, ServiceStatus};
use domain::time::Timestamp;
use process::manifest::Manifest;
use process::observed::State;
use process::quantity::duration_text;
use process::service::{self, Service};

use crate::apply::Doing;
use crate::engine::Phase;
use crate::restart::{Verdict, decide, verdict, within};
use crate::sight::{Seen, Sight};

/// What is being done with a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// It waits for something.
    Waits(String),
    /// A step is under way.
    Step(Doing, String),
}

/// What statuses are made from, beside what was seen.
#[derive(Default)]
pub struct Surroundings<'a> {
    /// What is wanted, where it is known.
    pub manifest: Option<&'a Manifest>,
    /// What is being done, by service.
    pub activities: HashMap<String, Activity>,
    /// What was changed by hand, by service.
    pub drifts: BTreeMap<String, String>,
    /// Now.
    pub now: Timestamp,
}

/// How all services are, those that are wanted and those that only run, by group and name.
pub fn statuses(sight: &Sight, surroundings: &Surroundings<'_>) -> Vec<ServiceStatus> {
    let wanted: HashMap<&str, &Service> =
        surroundings.manifest.iter().flat_map(|manifest| &manifest.services).map(|service| (service.name.as_str(), service)).collect();
    let running = sight.seen.iter().map(|seen| seen.instance.identity.service.as_str());
    let names: BTreeSet<&str> = wanted.keys().copied().chain(running).collect();
    let mut all: Vec<ServiceStatus> = names.into_iter().map(|name| status(name, wanted.get(name).copied(), sight, surroundings)).collect();
    all.sort_by(|a, b| (a.group, &a.name).cmp(&(b.group, &b.name)));
    all
}

fn status(name: &str, service: Option<&Service>, sight: &Sight, surroundings: &Surroundings<'_>) -> ServiceStatus {
    let seen: Vec<&Seen> = sight.of(name).collect();
    let group = service.map(|service| service.group).or(seen.first().map(|seen| seen.instance.identity.group)).unwrap_or_default();
    let completing = surroundings.manifest.is_some_and(|manifest| manifest.completing().contains(name));
    let (state, detail) = match surroundings.activities.get(name) {
        Some(Activity::Waits(what)) => (ServiceState::Waiting, format!("waiting for {what}")),
        Some(Activity::Step(doing, step)) => (doing_state(*doing), step.clone()),
        None => standing(service, &seen, completing, surroundings.now),
    };
    let images: BTreeSet<&str> = seen.iter().map(|seen| seen.instance.image.as_str()).collect();
    let restarts = |seen: &&Seen| service.map(|service| within(&service.restart, &seen.instance.identity.restarts, surroundings.now).len());
    let count = |fits: fn(&Seen) -> bool| u32::try_from(seen.iter().filter(|seen| fits(seen)).count()).unwrap_or(u32::MAX);
    let gave_up = |service: &Service| seen.iter().any(|seen| matches!(verdict(service, seen), Some(Verdict::Failed { .. })));
    ServiceStatus {
        name: name.to_owned(),
        group: domain_group(group),
        state,
        detail,
        wanted: service.map_or(0, Service::wanted),
        running: count(|seen| seen.instance.is_running()),
        available: count(Seen::is_available),
        restarts: seen.iter().filter_map(restarts).max().and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        images: images.into_iter().map(str::to_owned).collect(),
        replicas: seen.iter().filter_map(|seen| replica(seen)).collect(),
        has_given_up: service.is_some_and(|service| service.wanted() > 0 && gave_up(service)),
        drift: surroundings.drifts.get(name).cloned().unwrap_or_default(),
    }
}

/// How a service is that nothing is being done with.
fn standing(service: Option<&Service>, seen: &[&Seen], completing: bool, now: Timestamp) -> (ServiceState, String) {
    let running = seen.iter().any(|seen| seen.instance.is_running());
    let Some(service) = service.filter(|service| service.wanted() > 0) else {
        let state = if running { ServiceState::Stopping } else { ServiceState::Stopped };
        return (state, if running { "it shall not run".to_owned() } else { String::new() });
    };
    let count = |state: State| seen.iter().filter(|seen| seen.state == Some(state)).count();
    let available = seen.iter().filter(|seen| seen.is_available()).count();
    if service.ends(completing) && !running && count(State::Completed) > 0 {
        return (ServiceState::Completed, String::new());
    }
    if available >= service.replicas as usize {
        return (ServiceState::Running, String::new());
    }
    let (has_failed, detail) = trouble(service, seen, now);
    let state = match () {
        () if available > 0 => ServiceState::Degraded,
        () if has_failed && count(State::Starting) == 0 => ServiceState::Failed,
        () if seen.is_empty() => ServiceState::Waiting,
        () if count(State::Unhealthy) > 0 => ServiceState::Degraded,
        () => ServiceState::Starting,
    };
    (state, if seen.is_empty() { "waiting for its turn".to_owned() } else { detail })
}

/// What is wrong with the worst of a service's replicas, and whether it stays so.
fn trouble(service: &Service, seen: &[&Seen], now: Timestamp) -> (bool, String) {
    let mut worst = (false, String::new());
    for seen in seen.iter().filter(|seen| !matches!(seen.state, Some(State::Healthy))) {
        let Phase::Ended { at, .. } = seen.instance.phase else {
            let is_lost = seen.state == Some(State::Failed);
            if worst.1.is_empty() || is_lost {
                worst = (worst.0 || is_lost, seen.detail.clone());
            }
            continue;
        };
        let failed = seen.state == Some(State::Failed);
        let ended = if seen.detail.is_empty() { "it has ended" } else { &seen.detail };
        match decide(&service.restart, &seen.instance.id, &seen.instance.identity.restarts, at, failed) {
            Verdict::Failed { restarts } => {
                let window = duration_text(service.restart.window);
                return (true, format!("{ended}, and was started again {restarts} times within {window}"));
            }
            Verdict::Stays => worst = (failed, ended.to_owned()),
            Verdict::Again { at, .. } => {
                worst.1 = format!("{ended}; it starts again in {}", duration_text(whole_seconds(at.since(now))));
            }
        }
    }
    worst
}

/// A status that changes with each millisecond would be told a thousand times a second.
fn whole_seconds(time: std::time::Duration) -> std::time::Duration {
    std::time::Duration::from_secs(time.as_secs() + 1)
}

fn replica(seen: &Seen) -> Option<ReplicaStatus> {
    Some(ReplicaStatus {
        id: seen.instance.id.clone(),
        state: match seen.state? {
            State::Starting => ReplicaState::Starting,
            State::Healthy => ReplicaState::Healthy,
            State::Unhealthy => ReplicaState::Unhealthy,
            State::Completed => ReplicaState::Completed,
            State::Failed => ReplicaState::Failed,
        },
        detail: seen.detail.clone(),
        started: seen.instance.started,
        revision: seen.instance.identity.revision.to_string(),
    })
}

const fn doing_state(doing: Doing) -> ServiceState {
    match doing {
        Doing::Starting => ServiceState::Starting,
        Doing::Updating => ServiceState::Updating,
        Doing::Stopping => ServiceState::Stopping,
    }
}

const fn domain_group(group: service::Group) -> Group {
    match group {
        service::Group::System => Group::System,
        service::Group::Core => Group::Core,
        service::Group::Batch => Group::Batch,
        service::Group::App => Group::App,
    }
}

#[cfg(test)]
mod tests;
