//! Following an execution: first what is stored or in the tail, then what comes, at the watcher's own pace.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::future::{Either, ready, select};
use futures_util::{StreamExt as _, stream};

use crate::access::TenantScope;
use crate::error::{Error, Result};
use crate::execution::live::{LiveExecution, Registry, Tail};
use crate::execution::{Event, ExecutionRepository, Hint, Hints, Signals, Watched};
use crate::name::ExecutionName;
use crate::time::Clock;

/// Bytes of events taken from the tail or the store at once: what one watcher holds in memory.
const BATCH_BYTES: usize = 256 * 1024;

/// Events and heartbeats, to the end.
pub type Watch = Pin<Box<dyn Stream<Item = Result<Watched>> + Send>>;

pub(super) struct Source {
    pub repository: Arc<dyn ExecutionRepository>,
    pub registry: Arc<Registry>,
    pub signals: Arc<dyn Signals>,
    pub clock: Arc<dyn Clock>,
    pub heartbeat: Duration,
    pub scope: TenantScope,
    pub name: ExecutionName,
}

struct Watcher {
    source: Source,
    live: Option<Arc<LiveExecution>>,
    /// The last sequence number that was handed out or buffered.
    seen: u64,
    buffer: VecDeque<Event>,
    ended: bool,
}

/// Events after `after`; the first item fails when that range is pruned.
pub(super) fn watch(source: Source, live: Option<Arc<LiveExecution>>, after: u64) -> Watch {
    let watcher = Watcher { source, live, seen: after, buffer: VecDeque::new(), ended: false };
    Box::pin(stream::unfold(watcher, |mut watcher| async move {
        let item = watcher.next().await?;
        watcher.ended |= item.is_err();
        Some((item, watcher))
    }))
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Watched>> {
        loop {
            if let Some(event) = self.buffer.pop_front() {
                return Some(Ok(Watched::Event(event)));
            }
            if self.ended {
                return None;
            }
            let found = match self.live.clone() {
                Some(live) => self.look_at_live(&live).await,
                None => self.look_in_store().await,
            };
            match found {
                Ok(Found::Buffered) => {}
                Ok(Found::Heartbeat) => {
                    let store_failing = self.live.as_ref().is_some_and(|live| live.store_failing());
                    return Some(Ok(Watched::Heartbeat { store_failing }));
                }
                Ok(Found::End) => self.ended = true,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn look_at_live(&mut self, live: &Arc<LiveExecution>) -> Result<Found> {
        let listener = live.listen();
        match live.after(self.seen, BATCH_BYTES) {
            Tail::Events(events) => Ok(self.take(events)),
            Tail::Stored => {
                let events = self.read_store().await?;
                if events.is_empty() {
                    return Err(pruned(self.seen + 1));
                }
                Ok(self.take(events))
            }
            Tail::End => Ok(Found::End),
            Tail::Elsewhere { stored } => {
                // Events that were shown and never stored have no successor: the new holder counts on from what is stored.
                self.seen = self.seen.min(stored);
                self.live = None;
                Ok(Found::Buffered)
            }
            Tail::Nothing => match select(listener, self.source.clock.sleep(self.source.heartbeat)).await {
                Either::Left(_) => Ok(Found::Buffered),
                Either::Right(_) => Ok(Found::Heartbeat),
            },
        }
    }

    async fn look_in_store(&mut self) -> Result<Found> {
        // Heard from before the look on, so that nothing is missed between the two.
        let news = self.source.signals.sequences_of(&self.source.name);
        // The execution first: whatever it counts then can be read afterwards, unless it was pruned.
        // A permit has opened it, or there would be no watch.
        let execution = self.source.repository.find(&self.source.scope, &self.source.name.execution).await?.open_for_system();
        let events = match &execution {
            Some(execution) if !execution.state.is_terminal() => self.read_watched().await?,
            Some(_) | None => self.read_store().await?,
        };
        if !events.is_empty() {
            return Ok(self.take(events));
        }
        match execution {
            Some(execution) if execution.last_sequence > self.seen => Err(pruned(self.seen + 1)),
            Some(execution) if !execution.state.is_terminal() => Ok(self.wait_for_another_instance(news).await),
            Some(_) | None => Ok(Found::End),
        }
    }

    /// It runs elsewhere: the store has what happened, and hints tell when to look.
    async fn wait_for_another_instance(&mut self, news: Hints<u64>) -> Found {
        self.live = self.source.registry.find(&self.source.name.execution);
        if self.live.is_some() {
            return Found::Buffered;
        }
        // Hints come by several ways, and some twice. What was seen is no news, and the end has an event of its own.
        let seen = self.seen;
        let mut news = news.filter(move |hint| ready(!matches!(hint, Hint::Of(sequence) if *sequence <= seen)));
        match select(news.next(), self.source.clock.sleep(self.source.heartbeat)).await {
            Either::Left((Some(_hint), _)) => Found::Buffered,
            // Without hints, or for want of one: a heartbeat, and another look.
            Either::Left((None, silence)) => {
                silence.await;
                Found::Heartbeat
            }
            Either::Right(_) => Found::Heartbeat,
        }
    }

    async fn read_store(&self) -> Result<Vec<Event>> {
        let source = &self.source;
        self.following(source.repository.events_after(&source.scope, &source.name.execution, self.seen, BATCH_BYTES).await?)
    }

    /// As the store has it, from wherever it is told soonest.
    async fn read_watched(&self) -> Result<Vec<Event>> {
        let source = &self.source;
        self.following(source.repository.watched_after(&source.scope, &source.name.execution, self.seen, BATCH_BYTES).await?)
    }

    fn following(&self, events: Vec<Event>) -> Result<Vec<Event>> {
        match events.first() {
            Some(first) if first.sequence != self.seen + 1 => Err(pruned(self.seen + 1)),
            Some(_) | None => Ok(events),
        }
    }

    fn take(&mut self, events: Vec<Event>) -> Found {
        self.seen = events.last().map_or(self.seen, |event| event.sequence);
        self.buffer.extend(events);
        Found::Buffered
    }
}

enum Found {
    Buffered,
    Heartbeat,
    End,
}

fn pruned(sequence: u64) -> Error {
    Error::OutOfRange {
        reason: "EVENTS_PRUNED",
        description: format!("event {sequence} is no longer stored; read the execution itself, or watch from a later event"),
    }
}
