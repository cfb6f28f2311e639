//! Hints between instances that share this value.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use domain::execution::{Hint, Hints, Signals};
use domain::lease::InstanceId;
use domain::name::ExecutionName;
use futures_util::stream;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};

/// Small, so that a test can make a listener miss hints.
const WAITING: usize = 4;

/// Signals in memory. Instances that share it hear each other; nothing is lost but what a listener leaves waiting too long.
#[derive(Default)]
pub struct InMemorySignals {
    stops: Topics<InstanceId, ExecutionName>,
    sequences: Topics<ExecutionName, u64>,
    work: Topics<(), ()>,
}

/// Listeners by what they listen to.
struct Topics<K, T>(Mutex<HashMap<K, Sender<Hint<T>>>>);

impl<K: Hash + Eq + Clone, T: Clone + Send + 'static> Topics<K, T> {
    fn tell(&self, key: &K, what: T) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = topics.get(key)
            && sender.send(Hint::Of(what)).is_err()
        {
            topics.remove(key);
        }
    }

    fn lose(&self) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics.retain(|_, sender| sender.send(Hint::Missed).is_ok());
    }

    fn listen(&self, key: &K) -> Hints<T> {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = topics.entry(key.clone()).or_insert_with(|| broadcast::channel(WAITING).0);
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
        Topics(Mutex::default())
    }
}

impl Signals for InMemorySignals {
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
