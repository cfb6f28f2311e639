//! The steps of one service: from the replicas that there are to those that are wanted. At every moment as many replicas are available as
//! the update policy demands, or as there were where these are fewer.

use crate::observed::{Replica, State};
use crate::plan::action::Step;
use crate::revision::Revision;
use crate::service::{Condition, Order, RestartCondition, Service, Strategy};

/// The replicas of a service, sorted by what becomes of them.
pub(super) struct Sorted<'a> {
    /// Those of the revision that is wanted, as many as are wanted.
    pub(super) current: Vec<&'a Replica>,
    /// Those that run and shall not.
    pub(super) old: Vec<&'a Replica>,
    /// What is left of replicas that have ended and shall not stay so.
    pub(super) ended: Vec<&'a Replica>,
}

/// What comes of a service's replicas.
pub(super) fn sort<'a>(service: &Service, revision: &Revision, replicas: &'a [Replica]) -> Sorted<'a> {
    let mut sorted = Sorted { current: Vec::new(), old: Vec::new(), ended: Vec::new() };
    for replica in replicas {
        let current = replica.revision == *revision;
        match replica.state {
            state if current && stays_ended(service, state) => sorted.current.push(replica),
            State::Completed | State::Failed => sorted.ended.push(replica),
            State::Starting | State::Healthy if current => sorted.current.push(replica),
            State::Starting | State::Healthy | State::Unhealthy => sorted.old.push(replica),
        }
    }
    // The best stay when there are too many: those that calls reach, then those that are well, then the ones that were there first.
    let unready = |state: State| matches!(state, State::Starting | State::Failed);
    sorted
        .current
        .sort_by_key(|replica| (!replica.is_available(), replica.state == State::Failed, unready(replica.state), replica.id.clone()));
    let surplus = sorted.current.split_off(sorted.current.len().min(service.wanted() as usize));
    sorted.old.extend(surplus);
    // What is not available stops first: it is not missed. Of that, first what has the revision that is wanted: it would be waited for.
    sorted.old.sort_by_key(|replica| (replica.is_available(), replica.revision != *revision, replica.id.clone()));
    sorted
}

/// Whether a replica that is in this state has ended and is not started again.
fn stays_ended(service: &Service, state: State) -> bool {
    match state {
        State::Completed => service.restart.condition != RestartCondition::Always,
        State::Failed => service.restart.condition == RestartCondition::Never,
        State::Starting | State::Healthy | State::Unhealthy => false,
    }
}

/// The steps of a service. `awaited` is how far its replicas must be before the next ones are touched.
pub(super) fn steps(service: &Service, revision: &Revision, sorted: &Sorted<'_>, awaited: Condition) -> Vec<Step> {
    let mut way = Way::new(service, sorted, awaited);
    way.stop_ended(sorted);
    way.stop_misfits(revision);
    let is_new_revision = sorted.old.iter().any(|replica| replica.revision != *revision);
    match service.update.strategy {
        Strategy::BlueGreen if is_new_revision && way.wanted > 0 => way.blue_green(),
        Strategy::Canary { share, hold } if is_new_revision && way.wanted > 0 => {
            way.canary(share, hold);
            way.rolling();
        }
        _ => way.rolling(),
    }
    way.steps
}

/// The way from one state to the other, with how many replicas there are at the end of the steps so far.
struct Way<'a> {
    steps: Vec<Step>,
    awaited: Condition,
    parallelism: usize,
    order: Order,
    min_available: usize,
    wanted: usize,
    /// Replicas of the new revision.
    new: usize,
    /// Of these, those that have ended and stay so.
    done: usize,
    /// Of these, those that are not known to be well.
    unsettled: usize,
    /// Of these, those that calls do not reach.
    silent: usize,
    /// Replicas to stop, those first that are not available.
    old: &'a [&'a Replica],
    /// Replicas that are well and reached by calls.
    available: usize,
}

impl<'a> Way<'a> {
    fn new(service: &Service, sorted: &'a Sorted<'a>, awaited: Condition) -> Self {
        let count = |fits: fn(&Replica) -> bool| sorted.current.iter().filter(|replica| fits(replica)).count();
        let wanted = service.wanted() as usize;
        let done = count(|replica| matches!(replica.state, State::Completed | State::Failed));
        // Only what runs on is waited for until it is well.
        let min_available = if awaited == Condition::Healthy { service.update.min_available as usize } else { 0 };
        Way {
            steps: Vec::new(),
            awaited,
            parallelism: service.update.parallelism.max(1) as usize,
            order: service.update.order,
            min_available: min_available.min(wanted.saturating_sub(done)),
            wanted,
            new: sorted.current.len(),
            done,
            unsettled: count(|replica| replica.state == State::Starting),
            silent: count(|replica| !replica.serving && matches!(replica.state, State::Starting | State::Healthy)),
            old: &sorted.old,
            available: sorted.current.iter().chain(&sorted.old).filter(|replica| replica.is_available()).count(),
        }
    }

    fn stop_ended(&mut self, sorted: &Sorted<'_>) {
        if !sorted.ended.is_empty() {
            self.steps.push(Step::Stop(sorted.ended.iter().map(|replica| replica.id.clone()).collect()));
        }
    }

    /// Stops replicas of the wanted revision that are too many or not well. Waiting for all of that revision would not end with them, and
    /// calls would be switched to them; none is available, so that none is missed.
    fn stop_misfits(&mut self, revision: &Revision) {
        let misfits = self.old.iter().take_while(|replica| !replica.is_available() && replica.revision == *revision).count();
        self.stop(misfits);
    }

    fn start(&mut self, replicas: usize, serving: bool) {
        if replicas > 0 {
            self.steps.push(Step::Start { replicas: u32::try_from(replicas).unwrap_or(u32::MAX), serving });
            self.new += replicas;
            self.unsettled += replicas;
            self.silent += if serving { 0 } else { replicas };
        }
    }

    /// Waits for the new ones, and lets calls reach them.
    fn settle(&mut self) {
        if self.unsettled > 0 {
            self.steps.push(Step::Await(self.awaited));
            self.unsettled = 0;
        }
        if self.silent > 0 {
            self.steps.push(Step::Serve);
            self.silent = 0;
        }
        self.available = self.new - self.done + self.old.iter().filter(|replica| replica.is_available()).count();
    }

    fn stop(&mut self, replicas: usize) {
        if replicas > 0 {
            let (stopped, left) = self.old.split_at(replicas);
            self.steps.push(Step::Stop(stopped.iter().map(|replica| replica.id.clone()).collect()));
            self.available -= stopped.iter().filter(|replica| replica.is_available()).count();
            self.old = left;
        }
    }

    /// How many of the old ones may stop without too few being available.
    fn spare(&self) -> usize {
        let idle = self.old.iter().filter(|replica| !replica.is_available()).count();
        idle + self.available.saturating_sub(self.min_available)
    }

    fn rolling(&mut self) {
        if self.wanted == 0 {
            return self.stop(self.old.len());
        }
        if self.old.is_empty() && self.new < self.wanted {
            // Nothing is replaced, so nothing has to be spared.
            self.start(self.wanted - self.new, true);
            return self.settle();
        }
        if self.silent > 0 || (self.unsettled > 0 && !self.old.is_empty()) {
            self.settle();
        }
        while self.new < self.wanted || !self.old.is_empty() {
            match self.order {
                Order::StartFirst => {
                    self.start(self.parallelism.min(self.wanted - self.new), true);
                    self.settle();
                    let surplus = (self.old.len() + self.new).saturating_sub(self.wanted);
                    self.stop(self.parallelism.min(self.old.len()).min(surplus).min(self.spare()));
                }
                Order::StopFirst => {
                    let fewest = self.wanted.saturating_sub(self.parallelism);
                    let surplus = (self.old.len() + self.new).saturating_sub(fewest);
                    let stopped = self.parallelism.min(self.old.len()).min(surplus).min(self.spare());
                    self.stop(stopped);
                    let missing = self.wanted - self.new;
                    let free = self.wanted.saturating_sub(self.old.len() + self.new);
                    // None may stop and none has room: one more than wanted for a moment is better than too few.
                    let room = if stopped == 0 && free == 0 { missing } else { free };
                    self.start(self.parallelism.min(missing).min(room), true);
                    self.settle();
                }
            }
        }
    }

    fn blue_green(&mut self) {
        self.start(self.wanted - self.new, false);
        if self.unsettled > 0 {
            self.steps.push(Step::Await(self.awaited));
        }
        if self.silent > 0 || self.old.iter().any(|replica| replica.serving) {
            self.steps.push(Step::Switch);
        }
        self.stop(self.old.len());
    }

    /// The share that comes first. It is watched again where it stands alone after an interruption: nobody knows for how long it was.
    fn canary(&mut self, share: u32, hold: std::time::Duration) {
        let first = (self.wanted * share as usize).div_ceil(100).max(1);
        if self.new <= first {
            self.start(first - self.new, true);
            self.settle();
            self.steps.push(Step::Hold(hold));
        }
    }
}
