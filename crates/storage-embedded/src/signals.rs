//! Hints within one process: it alone has the data directory open, so that nobody else is to hear. What is asked for and what
//! happened is in the store.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use domain::execution::{Hint, Hints, Signals};
use domain::lease::InstanceId;
use domain::name::ExecutionName;
use futures_util::stream;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};

/// Hints that may wait for one listener. It looks in the store after each, so that more would tell it nothing new.
const WAITING: usize = 16;
/// Topics nobody listens to any more are swept once there are this many more than the last sweep left.
const SWEEP: usize = 256;

/// Signals between the parts of one process.
#[derive(Default)]
pub struct LocalSignals {
    stops: Topics<InstanceId, ExecutionName>,
    sequences: Topics<ExecutionName, u64>,
    work: Topics<(), ()>,
}

/// Listeners by what they listen to.
struct Topics<K, T>(Mutex<Inner<K, T>>);

struct Inner<K, T> {
    senders: HashMap<K, Sender<Hint<T>>>,
    sweep_at: usize,
}

impl<K: Hash + Eq + Clone, T: Clone + Send + 'static> Topics<K, T> {
    fn tell(&self, key: &K, what: T) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = inner.senders.get(key)
            && sender.send(Hint::Of(what)).is_err()
        {
            inner.senders.remove(key);
        }
    }

    /// Tells every listener that something got lost; topics that nobody listens to any more go.
    fn lose(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.senders.retain(|_, sender| sender.send(Hint::Missed).is_ok());
    }

    fn listen(&self, key: &K) -> Hints<T> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.senders.len() >= inner.sweep_at {
            inner.senders.retain(|_, sender| sender.receiver_count() > 0);
            inner.sweep_at = inner.senders.len() + SWEEP;
        }
        let sender = inner.senders.entry(key.clone()).or_insert_with(|| broadcast::channel(WAITING).0);
        Box::pin(stream::unfold(sender.subscribe(), hear))
    }
}

async fn hear<T: Clone>(mut receiver: Receiver<Hint<T>>) -> Option<(Hint<T>, Receiver<Hint<T>>)> {
    match receiver.recv().await {
        Ok(hint) => Some((hint, receiver)),
        Err(RecvError::Lagged(_)) => Some((Hint::Missed, receiver)),
        Err(RecvError::Closed) => None,
    }
}

impl<K, T> Default for Topics<K, T> {
    fn default() -> Self {
        Topics(Mutex::new(Inner { senders: HashMap::new(), sweep_at: SWEEP }))
    }
}

impl Signals for LocalSignals {
    fn stop_asked(&self, holder: &InstanceId, execution: &ExecutionName) {
        self.stops.tell(holder, execution.clone());
    }

    fn new_sequence(&self, execution: &ExecutionName, sequence: u64) {
        self.sequences.tell(execution, sequence);
    }

    fn work_waits(&self) {
        self.work.tell(&(), ());
    }

    fn hints_lost(&self) {
        self.stops.lose();
        self.sequences.lose();
        self.work.lose();
    }

    fn stops_of(&self, holder: &InstanceId) -> Hints<ExecutionName> {
        self.stops.listen(holder)
    }

    fn sequences_of(&self, execution: &ExecutionName) -> Hints<u64> {
        self.sequences.listen(execution)
    }

    fn work(&self) -> Hints<()> {
        self.work.listen(&())
    }
}

#[cfg(test)]
mod tests {
    use test_support::sample::{execution, scope};

    use super::*;

    test_support::signals_contract!(Box::new(LocalSignals::default()));

    #[test]
    fn topics_that_nobody_listens_to_are_swept() {
        let signals = LocalSignals::default();
        for number in 0..10_000 {
            drop(signals.sequences_of(&execution(&scope("acme"), number).name));
        }
        let kept = signals.sequences.0.lock().unwrap().senders.len();
        assert!(kept <= 2 * SWEEP, "{kept}");
    }
}
