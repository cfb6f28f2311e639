//! From what is wanted and what runs to a plan: which services are touched, why, and in which wave.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::graph::{Graph, Rank};
use crate::manifest::Manifest;
use crate::observed::{Observed, ObservedService, Replica, State};
use crate::plan::action::{Action, Kind, Plan, Reason, Step, Wait, Wave};
use crate::plan::steps::{Sorted, sort, steps};
use crate::revision::{Revision, revisions};
use crate::service::{Condition, Protocol, Service};

/// What must be done. Services that are as they shall be are not in it. First stop those that hold a port which another one needs; then
/// services start in the order of their groups and dependencies; then what is not wanted any more stops, in the opposite order.
pub fn plan(manifest: &Manifest, observed: &Observed) -> Plan {
    let now = Now::new(manifest, observed);
    let mut waves: BTreeMap<Place, Vec<Action>> = BTreeMap::new();
    let ranks = Graph::new(&manifest.services).ranks();
    let mut needed = HashMap::new();
    for (service, rank) in manifest.services.iter().zip(ranks) {
        let Some(action) = now.action(service) else { continue };
        let place = if service.wanted() == 0 { Place::Stop(std::cmp::Reverse(rank)) } else { Place::Start(rank) };
        if action.steps.iter().any(|step| matches!(step, Step::Start { .. })) {
            needed.extend(service.ports.iter().filter_map(|port| Some(((port.published?, port.protocol), service.name.as_str()))));
        }
        waves.entry(place).or_default().push(action);
    }
    for (place, action) in now.removals() {
        waves.entry(place).or_default().push(action);
    }
    let released = now.releases(&needed, &mut waves);
    if !released.is_empty() {
        waves.insert(Place::Release, released);
    }
    let waves = waves.into_values().filter(|actions| !actions.is_empty());
    Plan {
        waves: waves
            .map(|mut actions| {
                actions.sort_by(|a, b| a.service.cmp(&b.service));
                Wave { actions }
            })
            .collect(),
    }
}

/// Where an action stands in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Release,
    Start(Rank),
    Stop(std::cmp::Reverse<Rank>),
}

/// What is wanted beside what runs.
struct Now<'a> {
    manifest: &'a Manifest,
    observed: HashMap<&'a str, &'a ObservedService>,
    revisions: HashMap<&'a str, Revision>,
    /// Services for whose end others wait.
    completing: HashSet<&'a str>,
}

// === impl Now ===

impl<'a> Now<'a> {
    fn new(manifest: &'a Manifest, observed: &'a Observed) -> Self {
        Now {
            manifest,
            observed: observed.services.iter().map(|service| (service.name.as_str(), service)).collect(),
            revisions: revisions(manifest),
            completing: manifest.completing(),
        }
    }

    fn replicas(&self, name: &str) -> &'a [Replica] {
        self.observed.get(name).map(|service| service.replicas.as_slice()).unwrap_or_default()
    }

    /// What is done with a service of the manifest, if anything.
    fn action(&self, service: &Service) -> Option<Action> {
        let revision = self.revisions.get(service.name.as_str())?;
        let sorted = sort(service, revision, self.replicas(&service.name));
        let is_waited_for = self.completing.contains(service.name.as_str());
        let awaited = match service.ends(is_waited_for) {
            false => Condition::Healthy,
            true if is_waited_for => Condition::Completed,
            true => Condition::Started,
        };
        let steps = steps(service, revision, &sorted, awaited);
        if steps.is_empty() {
            return None;
        }
        let (kind, reasons) = why(service, revision, &sorted);
        let starts = steps.iter().any(|step| matches!(step, Step::Start { .. }));
        let waits = service.depends_on.iter().map(|other| Wait { service: other.service.clone(), condition: other.condition });
        Some(Action {
            service: service.name.clone(),
            kind,
            reasons,
            waits_for: if starts { waits.collect() } else { Vec::new() },
            revision: starts.then(|| revision.clone()),
            steps,
        })
    }

    /// What runs and is not in the manifest, in the opposite order of how it started.
    fn removals(&self) -> Vec<(Place, Action)> {
        let known: HashSet<&str> = self.manifest.services.iter().map(|service| service.name.as_str()).collect();
        let mut gone: Vec<&ObservedService> =
            self.observed.values().copied().filter(|service| !known.contains(service.name.as_str())).collect();
        gone.retain(|service| !service.replicas.is_empty());
        gone.sort_by(|a, b| a.name.cmp(&b.name));
        let node =
            |service: &&'a ObservedService| (service.name.as_str(), service.group, service.depends_on.iter().map(String::as_str).collect());
        let ranks = Graph::of(gone.iter().map(node).collect()).ranks();
        let action = |service: &ObservedService| stopping(&service.name, Kind::Remove, Reason::NotInManifest, service.replicas.iter());
        gone.iter().zip(ranks).map(|(service, rank)| (Place::Stop(std::cmp::Reverse(rank)), action(service))).collect()
    }

    /// Stops of services that hold a port which another one needs before they would stop by themselves. What is planned of them besides
    /// starts from what is left then.
    fn releases(&self, needed: &HashMap<(u16, Protocol), &str>, waves: &mut BTreeMap<Place, Vec<Action>>) -> Vec<Action> {
        let mut released = Vec::new();
        let mut services: Vec<&&ObservedService> = self.observed.values().collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        for service in services {
            let taken = |replica: &&Replica| replica.published.iter().find_map(|port| Some((port.0, *needed.get(port)?)));
            let wanted = |(_, other): &(u16, &str)| *other != service.name;
            let running = service.replicas.iter().filter(|replica| !matches!(replica.state, State::Completed | State::Failed));
            let holders: Vec<(&Replica, (u16, &str))> =
                running.filter_map(|replica| Some((replica, taken(&replica).filter(wanted)?))).collect();
            let Some((_, (port, other))) = holders.first() else { continue };
            let reason = Reason::ReleasesPort { port: *port, service: (*other).to_owned() };
            let kind = if self.manifest.services.iter().any(|known| known.name == service.name) { Kind::Stop } else { Kind::Remove };
            released.push(stopping(&service.name, kind, reason, holders.iter().map(|(replica, _)| *replica)));
            let gone: Vec<&str> = holders.iter().map(|(replica, _)| replica.id.as_str()).collect();
            waves.values_mut().for_each(|actions| without(actions, &service.name, &gone));
        }
        released
    }
}

/// Takes replicas out of the steps of a service, and its action where nothing is left of it.
fn without(actions: &mut Vec<Action>, service: &str, gone: &[&str]) {
    for action in actions.iter_mut().filter(|action| action.service == service) {
        for step in &mut action.steps {
            if let Step::Stop(replicas) = step {
                replicas.retain(|replica| !gone.contains(&replica.as_str()));
            }
        }
        action.steps.retain(|step| *step != Step::Stop(Vec::new()));
    }
    actions.retain(|action| !action.steps.is_empty());
}

fn stopping<'r>(service: &str, kind: Kind, reason: Reason, replicas: impl Iterator<Item = &'r Replica>) -> Action {
    let steps = vec![Step::Stop(replicas.map(|replica| replica.id.clone()).collect())];
    Action { service: service.to_owned(), kind, reasons: vec![reason], waits_for: Vec::new(), revision: None, steps }
}

fn why(service: &Service, revision: &Revision, sorted: &Sorted<'_>) -> (Kind, Vec<Reason>) {
    let wanted = service.wanted() as usize;
    let running = sorted.current.len() + sorted.old.len();
    if wanted == 0 {
        return (Kind::Stop, vec![Reason::NotWanted]);
    }
    let mut reasons = Vec::new();
    let other = |replica: &&&Replica| replica.revision != *revision;
    let changed = sorted.old.iter().find(other).map(|replica| revision.changed(&replica.revision));
    let unhealthy = sorted.old.iter().filter(|replica| replica.revision == *revision && replica.state == State::Unhealthy).count();
    reasons.extend((running == 0).then_some(Reason::NotRunning));
    reasons.extend(changed.clone().map(Reason::Changed));
    reasons.extend((unhealthy > 0).then_some(Reason::Unhealthy(unhealthy)));
    reasons.extend((!sorted.ended.is_empty()).then_some(Reason::Ended(sorted.ended.len())));
    let counted = running - unhealthy;
    if running > 0 && changed.is_none() && counted != wanted && sorted.ended.is_empty() && unhealthy == 0 {
        reasons.push(Reason::Replicas { now: counted, wanted });
    }
    let kind = match () {
        () if running == 0 => Kind::Create,
        () if changed.is_some() => Kind::Replace,
        () if unhealthy > 0 || !sorted.ended.is_empty() => Kind::Repair,
        () if running != wanted => Kind::Scale,
        () => Kind::Replace,
    };
    if reasons.is_empty() {
        reasons.push(Reason::NotServing);
    }
    (kind, reasons)
}
