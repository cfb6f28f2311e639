//! What is told of services, in an order that everybody hears alike. A follower who comes back goes on where it was; one who was away for
//! too long, or comes from another process, begins with how everything is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::process::{Feed, Group, ServiceStatus, Told, What};
use domain::time::Clock;
use futures_util::stream;
use tokio::sync::watch;

/// Places in the order for each millisecond since the epoch: more than are ever told in one, so that what a process tells lies behind what
/// those before it have told.
const PLACES: u64 = 1_000;
/// Things that are kept for followers who are slow or come back: minutes of an update of some hundred services.
const KEPT: usize = 4_096;

/// Tells followers. Cheap to clone.
#[derive(Clone)]
pub struct Teller {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
    /// The last sequence number, which wakes those who wait.
    last: watch::Sender<u64>,
}

struct State {
    /// The last place that was told, or the one before the first.
    sequence: u64,
    kept: VecDeque<Told>,
    /// How services are, by what was told; in the order of groups and names.
    services: BTreeMap<(Group, String), ServiceStatus>,
}

// === impl Teller ===

impl Teller {
    /// Nothing was told yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let sequence = clock.now().as_millis().saturating_mul(PLACES);
        let state = State { sequence, kept: VecDeque::new(), services: BTreeMap::new() };
        Teller { clock, state: Arc::new(Mutex::new(state)), last: watch::Sender::new(sequence) }
    }

    /// Tells one thing.
    pub fn tell(&self, what: What) {
        let mut state = self.state();
        self.add(&mut state, what);
        self.last.send_replace(state.sequence);
    }

    /// Tells what is different of services from what was told.
    pub fn statuses(&self, services: Vec<ServiceStatus>) {
        let now: BTreeMap<(Group, String), ServiceStatus> =
            services.into_iter().map(|status| ((status.group, status.name.clone()), status)).collect();
        let mut state = self.state();
        let before = std::mem::replace(&mut state.services, now.clone());
        for (key, status) in &now {
            if before.get(key) != Some(status) {
                self.add(&mut state, What::Service(status.clone()));
            }
        }
        let is_gone = |name: &String| !now.keys().any(|(_, known)| known == name);
        for (_, name) in before.into_keys().filter(|(_, name)| is_gone(name)) {
            self.add(&mut state, What::Gone(name));
        }
        self.last.send_replace(state.sequence);
    }

    /// What is told from behind `after` on.
    pub fn follow(&self, after: Option<u64>) -> Feed<Told> {
        let follower = Follower { teller: self.clone(), heard: self.last.subscribe(), after };
        Box::pin(stream::unfold(follower, |mut follower| async move {
            let told = follower.next().await?;
            Some((told, follower))
        }))
    }

    fn add(&self, state: &mut State, what: What) {
        state.sequence += 1;
        let told = Told { sequence: state.sequence, time: self.clock.now(), what };
        state.kept.push_back(told);
        if state.kept.len() > KEPT {
            state.kept.pop_front();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Follower {
    teller: Teller,
    heard: watch::Receiver<u64>,
    /// The last that was heard. None before the first.
    after: Option<u64>,
}

// === impl Follower ===

impl Follower {
    async fn next(&mut self) -> Option<Told> {
        loop {
            self.heard.mark_unchanged();
            if let Some(told) = self.ready() {
                self.after = Some(told.sequence);
                return Some(told);
            }
            self.heard.changed().await.ok()?;
        }
    }

    fn ready(&self) -> Option<Told> {
        let state = self.teller.state();
        let oldest = state.sequence - state.kept.len() as u64;
        match self.after {
            Some(after) if after >= oldest && after <= state.sequence => {
                state.kept.get(usize::try_from(after - oldest).unwrap_or(usize::MAX)).cloned()
            }
            _ => {
                let services = state.services.values().cloned().collect();
                Some(Told { sequence: state.sequence, time: self.teller.clock.now(), what: What::Snapshot(services) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    /// It is always as late as this.
    struct StillClock(u64);

    #[async_trait::async_trait]
    impl Clock for StillClock {
        fn now(&self) -> domain::time::Timestamp {
            domain::time::Timestamp::from_millis(self.0)
        }

        async fn sleep(&self, _duration: std::time::Duration) {}
    }

    fn teller(millis: u64) -> Teller {
        Teller::new(Arc::new(StillClock(millis)))
    }

    fn progress(count: usize) -> What {
        What::Progress { revision: 1, wave: 1, waves: 1, message: count.to_string() }
    }

    #[tokio::test]
    async fn who_is_too_slow_begins_with_how_everything_is_and_goes_on_from_there() {
        let teller = teller(1);
        let mut slow = teller.follow(Some(PLACES));
        for count in 0..=KEPT {
            teller.tell(progress(count));
        }
        let last = PLACES + KEPT as u64 + 1;
        let told = slow.next().await.unwrap();
        assert_eq!((told.sequence, told.what), (last, What::Snapshot(Vec::new())));
        teller.tell(progress(0));
        assert_eq!(slow.next().await.unwrap().sequence, last + 1);
    }

    #[tokio::test]
    async fn whoever_comes_back_in_time_misses_nothing() {
        let teller = teller(1);
        (0..10).for_each(|count| teller.tell(progress(count)));
        let sequences: Vec<u64> = teller.follow(Some(PLACES + 4)).take(6).map(|told| told.sequence - PLACES).collect().await;
        assert_eq!(sequences, [5, 6, 7, 8, 9, 10]);
    }

    #[tokio::test]
    async fn whoever_comes_from_another_process_begins_with_how_everything_is() {
        let (before, after) = (teller(1), teller(2));
        (0..3).for_each(|count| before.tell(progress(count)));
        (0..10).for_each(|count| after.tell(progress(count)));
        let heard = before.follow(Some(PLACES)).next().await.unwrap().sequence;
        for (here, elsewhere) in [(&after, heard), (&after, 3), (&before, 2 * PLACES + 4)] {
            let told = here.follow(Some(elsewhere)).next().await.unwrap();
            assert!(matches!(told.what, What::Snapshot(_)), "{elsewhere}: {told:?}");
        }
    }
}
