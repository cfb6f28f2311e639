//! What executions print, told by the server that runs them to those on which somebody watches, through Redis: each batch that was stored goes
//! to a short stream of its execution, and a hint says that it is there. Nothing is told before it is stored, so all that is here is in the
//! store, too, under the same number: whoever finds nothing here, or a gap, reads there.
//!
//! A stream keeps the last batches, and none for longer than a minute behind the newest. Batches are sealed, each for its place. Executions
//! that print nothing cost nothing here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::execution::{Body, Event, Signals};
use domain::name::{ExecutionId, ExecutionName, TenantId};
use fred::types::Value;
use resilience::Standing;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::redis::{Config, Connection, Error};
use crate::sealing::Sealing;
use crate::subscription::{Heard, Subscription};
use streams::{Entry, Streams};

mod streams;

/// The channel of hints.
const CHANNEL: &str = "zona:events";
/// Bytes of a hint at most: names are far shorter.
const MAX_HINT: usize = 1_024;
/// KiB of batches that wait to be told, together, and how many: what comes beyond is not told.
const MAX_WAITING_KIB: usize = 16 << 10;
const MAX_WAITING: usize = 4_096;

/// What executions print, on its way between servers. Share it behind an `Arc`.
pub struct LiveEvents {
    streams: Streams,
    subscription: Subscription,
    /// Who we are, so that nobody hears themselves.
    server: String,
    waiting: mpsc::Sender<Waiting>,
    told: Mutex<mpsc::Receiver<Waiting>>,
    room: Arc<Semaphore>,
    counts: Counts,
}

/// How telling goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveStats {
    /// Looks of watchers that Redis answered.
    pub hits: u64,
    /// Looks that it did not answer: there was nothing, or a gap before it.
    pub misses: u64,
    /// Batches that do not open, or are none.
    pub unreadable: u64,
    /// Batches that were not told: Redis refuses them, or too many wait.
    pub untold: u64,
    /// Hints of other servers that were heard.
    pub heard: u64,
    /// Whether Redis takes hints, and none comes in.
    pub is_deaf: bool,
    /// How reading goes.
    pub reads: Standing,
    /// How telling goes.
    pub writes: Standing,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    unreadable: AtomicU64,
    untold: AtomicU64,
    heard: AtomicU64,
}

struct Waiting {
    tenant: TenantId,
    execution: ExecutionId,
    entries: Vec<Entry>,
    last: u64,
    /// Given back once it is told, or is not to be.
    _room: OwnedSemaphorePermit,
}

// === impl LiveEvents ===

impl LiveEvents {
    /// Begins to connect to Redis, and waits for nothing. `server` is a word that no other server has.
    ///
    /// # Errors
    /// There can be no way to Redis. That it does not answer is no reason.
    pub fn open(redis: &Config, sealing: Arc<dyn Sealing>, server: &str) -> Result<Self, Error> {
        let (waiting, told) = mpsc::channel(MAX_WAITING);
        Ok(LiveEvents {
            streams: Streams::new(Connection::open(redis)?, sealing),
            subscription: Subscription::new(redis, CHANNEL, server)?,
            server: server.to_owned(),
            waiting,
            told: Mutex::new(told),
            room: Arc::new(Semaphore::new(MAX_WAITING_KIB)),
            counts: Counts::default(),
        })
    }

    /// Tells other servers, and tells `local` what others say, without end.
    pub async fn run(&self, local: &dyn Signals) {
        let heard = |heard: Heard<'_>| match heard {
            Heard::Message(message) => self.pass_on(message, local),
            // The hints of the store come all the same, somewhat later.
            Heard::Missed => {}
        };
        tokio::join!(self.subscription.hear(self.streams.connection(), heard), self.tell_what_waits());
    }

    /// How telling goes.
    pub fn stats(&self) -> LiveStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (reads, writes) = self.streams.standing();
        LiveStats {
            hits: read(&self.counts.hits),
            misses: read(&self.counts.misses),
            unreadable: read(&self.counts.unreadable),
            untold: read(&self.counts.untold),
            heard: read(&self.counts.heard),
            is_deaf: self.subscription.is_deaf(),
            reads,
            writes,
        }
    }

    /// Has others told of events that were stored, some time; of those without output only where they are the end of what people wait for.
    pub(crate) fn tell(&self, tenant: &TenantId, execution: &ExecutionId, events: &[Event], is_waited_for: bool) {
        let Some(last) = events.last() else { return };
        let is_over = matches!(last.body, Body::Finished(_));
        let has_output = events.iter().any(|event| matches!(event.body, Body::Output(_)));
        if !(has_output || is_over && is_waited_for) {
            return;
        }
        // How it ended, the execution says, which is in the store.
        let printed = if is_over { &events[..events.len() - 1] } else { events };
        let entries = streams::entries(printed);
        let kib = entries.iter().map(Entry::bytes).sum::<usize>() / 1_024 + 1;
        let room = u32::try_from(kib).ok().and_then(|kib| Arc::clone(&self.room).try_acquire_many_owned(kib).ok());
        let taken = room.is_some_and(|room| {
            let (tenant, execution) = (tenant.clone(), execution.clone());
            self.waiting.try_send(Waiting { tenant, execution, entries, last: last.sequence, _room: room }).is_ok()
        });
        if !taken {
            self.counts.untold.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What follows `sequence` without a gap, of about so many bytes; `None` where that is not known here.
    pub(crate) async fn after(&self, tenant: &TenantId, execution: &ExecutionId, sequence: u64, max_bytes: usize) -> Option<Vec<Event>> {
        let found = self.streams.after(tenant, execution, sequence, max_bytes).await;
        if found.unreadable {
            self.counts.unreadable.fetch_add(1, Ordering::Relaxed);
        }
        let is_hit = !found.events.is_empty();
        let count = if is_hit { &self.counts.hits } else { &self.counts.misses };
        count.fetch_add(1, Ordering::Relaxed);
        is_hit.then_some(found.events)
    }

    async fn tell_what_waits(&self) {
        let mut told = self.told.lock().await;
        while let Some(Waiting { tenant, execution, entries, last, _room }) = told.recv().await {
            let hint = encode(&self.server, &tenant, &execution, last);
            if self.streams.add(&tenant, &execution, &entries, (CHANNEL, &hint)).await.is_err() {
                self.counts.untold.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn pass_on(&self, message: &Value, local: &dyn Signals) {
        let text = message.as_bytes().filter(|text| text.len() <= MAX_HINT).and_then(|text| std::str::from_utf8(text).ok());
        match text.and_then(|text| text.split_once(' ')) {
            Some((server, hint)) if server != self.server => {
                // What a newer server says and this one does not understand, the hints of the store say, too.
                if let Some((execution, sequence)) = decode(hint) {
                    self.counts.heard.fetch_add(1, Ordering::Relaxed);
                    local.new_sequence(&execution, sequence);
                }
            }
            Some(_) | None => {}
        }
    }
}

/// No part of it has a blank.
fn encode(server: &str, tenant: &TenantId, execution: &ExecutionId, sequence: u64) -> String {
    format!("{server} {tenant} {execution} {sequence}")
}

fn decode(hint: &str) -> Option<(ExecutionName, u64)> {
    let mut parts = hint.split(' ');
    let (tenant, execution, sequence) = (parts.next()?, parts.next()?, parts.next()?);
    let tenant = TenantId::parse("tenant", tenant).ok()?;
    let execution = ExecutionId::parse("execution", execution).ok()?;
    parts.next().is_none().then_some((ExecutionName { tenant, execution }, sequence.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use test_support::sample::{execution_id, tenant};

    use super::*;

    #[test]
    fn every_hint_survives_the_wire_and_nothing_else_is_one() {
        let hint = encode("server", &tenant("acme"), &execution_id(3), 17);
        let name = ExecutionName { tenant: tenant("acme"), execution: execution_id(3) };
        assert_eq!(decode(hint.strip_prefix("server ").unwrap()), Some((name, 17)));
        let id = execution_id(3);
        for other in ["", "acme", "acme 3 17", &format!("ACME! {id} 17"), &format!("acme {id} x"), &format!("acme {id} 17 more")] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
