//! The living part of an execution: its present state, the tail of its events in memory, and the wish to stop it.
//! What is older than the tail is in the store.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::{Event as Signal, EventListener};

use crate::execution::{Body, Event, Execution, State, Step};
use crate::name::{ExecutionId, TenantId};
use crate::time::{Clock, Timestamp};

/// Bytes of stored events that stay in memory for watchers that keep up.
pub const TAIL_BYTES: usize = 256 * 1024;

/// One execution that has not ended, or whose end is not stored yet.
pub struct LiveExecution {
    state: Mutex<Inner>,
    /// A new event, or the end.
    changed: Signal,
    /// The wish to stop.
    cancelled: Signal,
}

/// The live executions of this server, by id.
#[derive(Default)]
pub struct Registry {
    live: Mutex<HashMap<ExecutionId, Arc<LiveExecution>>>,
    emptied: Signal,
}

/// What a watcher finds in memory.
pub enum Tail {
    /// The next events, at least one.
    Events(Vec<Event>),
    /// The next event is in the store only.
    Stored,
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing will follow.
    End,
    /// Another server has taken it over: what follows is in the store, after what was stored from here.
    Elsewhere {
        /// The last event that was stored from here.
        stored: u64,
    },
}

struct Inner {
    execution: Execution,
    tail: VecDeque<Event>,
    tail_bytes: usize,
    /// Events up to here are stored; later ones must stay in the tail.
    stored: u64,
    stop_asked: bool,
    /// The store refuses what happens; watchers are told so.
    store_failing: bool,
    finished: bool,
    overtaken: bool,
}

// === impl LiveExecution ===

impl LiveExecution {
    /// Makes an execution live.
    pub fn new(execution: Execution) -> Self {
        let inner = Inner {
            tail: VecDeque::new(),
            tail_bytes: 0,
            stored: execution.last_sequence,
            execution,
            stop_asked: false,
            store_failing: false,
            finished: false,
            overtaken: false,
        };
        LiveExecution { state: Mutex::new(inner), changed: Signal::new(), cancelled: Signal::new() }
    }

    /// The execution as it stands.
    pub fn snapshot(&self) -> Execution {
        self.lock().execution.clone()
    }

    /// Whose it is.
    pub fn tenant(&self) -> TenantId {
        self.lock().execution.name.tenant.clone()
    }

    /// Changes the execution; returns what the change returns.
    pub fn update<T>(&self, change: impl FnOnce(&mut Execution) -> T) -> T {
        change(&mut self.lock().execution)
    }

    /// Appends an event with the next sequence number.
    pub fn push(&self, body: Body, now: Timestamp) {
        let mut inner = self.lock();
        inner.execution.last_sequence += 1;
        let sequence = inner.execution.last_sequence;
        let body = match body {
            // The last event shows the execution with its own number counted in.
            Body::Finished(_) => Body::Finished(Box::new(inner.execution.clone())),
            body => body,
        };
        let event = Event { sequence, time: now, body };
        inner.tail_bytes += event.weight();
        inner.tail.push_back(event);
        drop(inner);
        self.changed.notify(usize::MAX);
    }

    /// Takes note that events up to `sequence` are stored already, before the first of its own: it ran before, elsewhere.
    pub fn go_on_after(&self, sequence: u64) {
        let mut inner = self.lock();
        inner.execution.last_sequence = sequence;
        inner.stored = sequence;
        drop(inner);
        self.changed.notify(usize::MAX);
    }

    /// Events that are not stored yet.
    pub fn unstored(&self) -> Vec<Event> {
        let inner = self.lock();
        inner.tail.iter().filter(|event| event.sequence > inner.stored).cloned().collect()
    }

    /// Takes note that events up to `sequence` are stored, and lets old ones go.
    pub fn mark_stored(&self, sequence: u64) {
        let mut inner = self.lock();
        inner.stored = inner.stored.max(sequence);
        while inner.tail_bytes > TAIL_BYTES && inner.tail.front().is_some_and(|event| event.sequence <= inner.stored) {
            let weight = inner.tail.pop_front().map_or(0, |event| event.weight());
            inner.tail_bytes -= weight;
        }
    }

    /// Takes note of whether the store refuses what happens.
    pub fn set_store_failing(&self, failing: bool) {
        self.lock().store_failing = failing;
    }

    /// Whether the store refuses what happens.
    pub fn store_failing(&self) -> bool {
        self.lock().store_failing
    }

    /// Takes note that another server has taken it over: watchers go on in the store.
    pub fn overtake(&self) {
        self.lock().overtaken = true;
        self.changed.notify(usize::MAX);
    }

    /// Whether another server has taken it over.
    pub fn is_overtaken(&self) -> bool {
        self.lock().overtaken
    }

    /// Takes note that the end is stored: watchers end after the last event.
    pub fn finish(&self) {
        self.lock().finished = true;
        self.changed.notify(usize::MAX);
    }

    /// What follows `sequence`, at most about `max_bytes` of it.
    pub fn after(&self, sequence: u64, max_bytes: usize) -> Tail {
        let inner = self.lock();
        if inner.overtaken {
            return Tail::Elsewhere { stored: inner.stored };
        }
        if sequence >= inner.execution.last_sequence {
            return if inner.finished { Tail::End } else { Tail::Nothing };
        }
        let first = inner.tail.front().map_or(u64::MAX, |event| event.sequence);
        if first > sequence + 1 {
            return Tail::Stored;
        }
        let mut bytes = 0;
        let skip = (sequence + 1 - first) as usize;
        let fits = |event: &&Event| {
            let first_of_batch = bytes == 0;
            bytes += event.weight();
            first_of_batch || bytes <= max_bytes
        };
        Tail::Events(inner.tail.iter().skip(skip).take_while(fits).cloned().collect())
    }

    /// Wakes at the next event or the end. Listen first, then look.
    pub fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    /// Asks it to stop; does nothing once it has ended.
    pub fn ask_stop(&self, now: Timestamp) -> Execution {
        let mut inner = self.lock();
        if !inner.execution.state.is_terminal() {
            inner.stop_asked = true;
            if inner.execution.state != State::Cancelling {
                inner.execution.step(Step::AskCancel, now).expect("every live state can be asked to cancel");
            }
        }
        let snapshot = inner.execution.clone();
        drop(inner);
        self.cancelled.notify(usize::MAX);
        snapshot
    }

    /// Whether it was asked to stop.
    pub fn stop_asked(&self) -> bool {
        self.lock().stop_asked
    }

    /// Wakes when it is asked to stop. Listen first, then look.
    pub fn listen_stop(&self) -> EventListener {
        self.cancelled.listen()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Registry ===

impl Registry {
    /// Adds one.
    pub fn add(&self, id: ExecutionId, live: Arc<LiveExecution>) {
        self.lock().insert(id, live);
    }

    /// Removes one.
    pub fn remove(&self, id: &ExecutionId) {
        self.lock().remove(id);
        self.emptied.notify(usize::MAX);
    }

    /// Removes one, unless another stands in its place: where it was overtaken, it may run here once more.
    pub fn remove_this(&self, live: &Arc<LiveExecution>) {
        let id = live.snapshot().name.execution;
        let mut all = self.lock();
        if all.get(&id).is_some_and(|found| Arc::ptr_eq(found, live)) {
            all.remove(&id);
        }
        drop(all);
        self.emptied.notify(usize::MAX);
    }

    /// Finds one.
    pub fn find(&self, id: &ExecutionId) -> Option<Arc<LiveExecution>> {
        self.lock().get(id).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<LiveExecution>> {
        self.lock().values().cloned().collect()
    }

    /// Returns when there are none.
    pub async fn empty(&self) {
        loop {
            let listener = self.emptied.listen();
            if self.lock().is_empty() {
                return;
            }
            listener.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, Arc<LiveExecution>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl StopOnDrop ===

/// Stops an execution when dropped, unless it ended.
pub struct StopOnDrop {
    pub(super) live: Option<Arc<LiveExecution>>,
    pub(super) clock: Arc<dyn Clock>,
}

impl StopOnDrop {
    /// Lets the execution go on when this is dropped.
    pub fn disarm(mut self) {
        self.live = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            live.ask_stop(self.clock.now());
        }
    }
}
