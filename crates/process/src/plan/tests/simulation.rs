//! An engine in memory that does one step at a time, and says what it was told to do.

use super::*;

/// What runs, between two steps.
pub struct Engine<'a> {
    pub manifest: &'a Manifest,
    pub observed: Observed,
    /// Replicas that were started, for all services together.
    pub started: usize,
}

impl<'a> Engine<'a> {
    pub fn new(manifest: &'a Manifest, observed: Observed) -> Self {
        Engine { manifest, observed, started: 0 }
    }

    pub fn replicas(&self, service: &str) -> &[Replica] {
        let found = self.observed.services.iter().find(|observed| observed.name == service);
        found.map(|service| service.replicas.as_slice()).unwrap_or_default()
    }

    pub fn available(&self, service: &str) -> usize {
        self.replicas(service).iter().filter(|replica| replica.is_available()).count()
    }

    /// Does a step. What no engine could do is a failure of the test.
    pub fn step(&mut self, action: &Action, step: &Step) {
        let revision = action.revision.clone();
        match step {
            Step::Start { replicas, serving } => (0..*replicas).for_each(|_| self.start(&action.service, *serving)),
            Step::Await(condition) => {
                let state = if *condition == Condition::Completed { State::Completed } else { State::Healthy };
                self.each(&action.service, revision.as_ref(), |replica| match replica.state {
                    State::Starting | State::Healthy => replica.state = state,
                    State::Completed => {}
                    State::Failed if *condition == Condition::Started => {}
                    State::Unhealthy | State::Failed => panic!("waits for ever for {}, which is {:?}", replica.id, replica.state),
                });
            }
            Step::Hold(_) => {}
            Step::Serve => self.each(&action.service, revision.as_ref(), |replica| replica.serving = true),
            Step::Switch => {
                let wanted = revisions(self.manifest)[action.service.as_str()].clone();
                let of = |service: &mut ObservedService| {
                    for replica in &mut service.replicas {
                        replica.serving = replica.revision == wanted;
                        assert!(!replica.serving || replica.state != State::Unhealthy, "calls reach {}", replica.id);
                    }
                };
                self.observed.services.iter_mut().filter(|service| service.name == action.service).for_each(of);
            }
            Step::Stop(ids) => {
                let service =
                    self.observed.services.iter_mut().find(|service| service.name == action.service).expect("what stops is there");
                for id in ids {
                    let index = service.replicas.iter().position(|replica| replica.id == *id).expect("what stops is there");
                    service.replicas.remove(index);
                }
            }
        }
    }

    fn each(&mut self, service: &str, revision: Option<&crate::revision::Revision>, change: impl Fn(&mut Replica)) {
        let wanted = revisions(self.manifest)[service].clone();
        assert!(revision.is_none_or(|revision| *revision == wanted));
        let services = self.observed.services.iter_mut().filter(|observed| observed.name == service);
        services.flat_map(|service| &mut service.replicas).filter(|replica| replica.revision == wanted).for_each(change);
    }

    fn start(&mut self, name: &str, serving: bool) {
        let service = self.manifest.services.iter().find(|service| service.name == name).expect("only services of the manifest start");
        let published: Vec<_> = service.ports.iter().filter_map(|port| Some((port.published?, port.protocol))).collect();
        let running = self.observed.services.iter().flat_map(|service| &service.replicas).filter(|replica| !has_ended(replica));
        let held: Vec<_> = running.flat_map(|replica| &replica.published).collect();
        assert!(published.iter().all(|port| !held.contains(&port)), "{name} needs a port that is held");
        let replica = Replica {
            id: format!("new-{}", self.started),
            revision: revisions(self.manifest)[name].clone(),
            state: State::Starting,
            serving,
            published,
        };
        self.started += 1;
        match self.observed.services.iter_mut().find(|observed| observed.name == name) {
            Some(observed) => observed.replicas.push(replica),
            None => self.observed.services.push(ObservedService {
                name: name.to_owned(),
                group: service.group,
                depends_on: service.depends_on.iter().map(|other| other.service.clone()).collect(),
                replicas: vec![replica],
            }),
        }
    }
}

pub fn has_ended(replica: &Replica) -> bool {
    matches!(replica.state, State::Completed | State::Failed)
}

/// The steps of a plan in the order in which an engine could be told to do them: waves one after the other, and in a wave the next step of
/// each action in turn.
pub fn in_turn(plan: &Plan) -> Vec<(&Action, &Step)> {
    let mut steps = Vec::new();
    for wave in &plan.waves {
        let longest = wave.actions.iter().map(|action| action.steps.len()).max().unwrap_or_default();
        for index in 0..longest {
            steps.extend(wave.actions.iter().filter_map(|action| Some((action, action.steps.get(index)?))));
        }
    }
    steps
}

/// What runs when a plan was done to its end.
pub fn finish(manifest: &Manifest, observed: &Observed) -> Observed {
    let plan = plan(manifest, observed);
    let mut engine = Engine::new(manifest, observed.clone());
    for (action, step) in in_turn(&plan) {
        engine.step(action, step);
    }
    engine.observed
}
