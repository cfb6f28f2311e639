//! Streams of executions in Redis, `zona:{TENANT}:events:EXECUTION`. An entry is a batch of events, sealed, under the number of its last: Redis
//! takes none that is not beyond the newest, so what comes late or twice leaves a gap or nothing, and never another order.
//!
//! One script adds and one reads. So a stream never stays without a time at which it goes, and however much somebody else has put there, no
//! more comes than batches of ours would.

use std::sync::Arc;
use std::time::Duration;

use domain::execution::Event;
use domain::name::{ExecutionId, TenantId};
use fred::bytes::Bytes;
use fred::interfaces::LuaInterface as _;
use resilience::{Failure, Standing};
use storage_documents::frame::{self, Stored};
use zeroize::Zeroizing;

use crate::redis::{Connection, speaks_against};
use crate::sealing::Sealing;

/// How long a stream stays behind its newest batch: a watcher that keeps up is there within a second.
const KEPT: Duration = Duration::from_secs(60);
/// Batches of a stream; a batch is what is printed in a seventh of a second, or 64 KiB that are printed sooner.
const MAX_ENTRIES: usize = 16;
/// Bytes of a batch at most, sealed: a row of a store and what seals it. A larger one is in the store only.
const MAX_ENTRY: usize = 272 << 10;
/// Batches that are read at once: about as much as a watcher takes at once.
const READ_ENTRIES: usize = 4;

/// Adds the batch ARGV[2] under the number ARGV[1] where that is beyond the newest, bounds the stream to ARGV[3] batches and ARGV[4] seconds,
/// and says ARGV[6] on the channel ARGV[5] whatever came of it. ARGV[2] may be empty: then nothing is added.
const ADD: &str = "\
local added = false
if #ARGV[2] > 0 then added = redis.pcall('XADD', KEYS[1], 'MAXLEN', ARGV[3], ARGV[1] .. '-0', 'b', ARGV[2]) end
if type(added) == 'string' then redis.call('EXPIRE', KEYS[1], ARGV[4]) end
if #ARGV[6] > 0 then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
if type(added) == 'table' and added.err and not string.find(added.err, 'equal or smaller', 1, true) then return added end
return 1";

/// Answers numbers and batches from the number ARGV[1] on, ARGV[2] batches at most, and no more bytes than ARGV[3], but for one batch of up to
/// ARGV[4] bytes.
const READ: &str = "\
local answer, bytes = {}, 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])) do
  local batch = entry[2][2]
  bytes = bytes + #batch
  if #batch > tonumber(ARGV[4]) or (#answer > 0 and bytes > tonumber(ARGV[3])) then break end
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = batch
end
return answer";

/// A batch of events.
pub(super) struct Entry {
    last: u64,
    events: Zeroizing<Vec<u8>>,
}

/// What was found behind a number.
#[derive(Default)]
pub(super) struct Found {
    /// Without a gap; empty where nothing is known.
    pub(super) events: Vec<Event>,
    /// Whether there was something that is no batch of ours.
    pub(super) unreadable: bool,
}

/// The streams of all executions.
pub(super) struct Streams {
    connection: Connection,
    sealing: Arc<dyn Sealing>,
}

/// Events as entries, the end of an execution not among them; none where they are not in order, which their store would have refused.
pub(super) fn entries(events: &[Event]) -> Vec<Entry> {
    let frames = frame::frames(events).unwrap_or_default();
    let entry = |batch: frame::Batch| Entry { last: batch.last, events: Zeroizing::new(batch.events) };
    frame::batches(&frames).into_iter().map(entry).collect()
}

impl Entry {
    pub(super) fn bytes(&self) -> usize {
        self.events.len()
    }
}

// === impl Streams ===

impl Streams {
    pub(super) fn new(connection: Connection, sealing: Arc<dyn Sealing>) -> Self {
        Streams { connection, sealing }
    }

    /// The way to Redis.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Adds batches, and says `hint` once they are there.
    pub(super) async fn add(
        &self,
        tenant: &TenantId,
        execution: &ExecutionId,
        entries: &[Entry],
        (channel, hint): (&str, &str),
    ) -> Result<(), Failure<fred::error::Error>> {
        let key = key(tenant, execution);
        let Some((newest, before)) = entries.split_last() else {
            return self.add_one(&key, 0, Vec::new(), (channel, hint)).await;
        };
        let sealed = |entry: &Entry| {
            let sealed = self.sealing.seal(tenant, &place(&key, entry.last), &entry.events);
            // Empty: it is a gap then.
            if sealed.len() <= MAX_ENTRY { sealed } else { Vec::new() }
        };
        for entry in before {
            self.add_one(&key, entry.last, sealed(entry), (channel, "")).await?;
        }
        self.add_one(&key, newest.last, sealed(newest), (channel, hint)).await
    }

    /// What follows a number, of about so many bytes.
    pub(super) async fn after(&self, tenant: &TenantId, execution: &ExecutionId, sequence: u64, max_bytes: usize) -> Found {
        let (key, client) = (key(tenant, execution), self.connection.command());
        let numbers = [sequence.saturating_add(1), READ_ENTRIES as u64, max_bytes as u64, MAX_ENTRY as u64];
        let arguments: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let read = || client.eval::<Vec<Bytes>, _, _, _>(READ, vec![key.clone()], arguments.clone());
        let Ok(answer) = self.connection.reads.ask(speaks_against, read).await else { return Found::default() };
        let mut found = Found::default();
        let mut next = sequence.saturating_add(1);
        for pair in answer.chunks(2) {
            let Some(batch) = self.opened(tenant, &key, pair) else {
                found.unreadable = true;
                break;
            };
            let mut batch = batch.into_iter().skip_while(|event| event.sequence < next).peekable();
            if batch.peek().is_some_and(|first| first.sequence != next) {
                break;
            }
            found.events.extend(batch);
            next = found.events.last().map_or(next, |last| last.sequence.saturating_add(1));
        }
        found
    }

    pub(super) fn standing(&self) -> (Standing, Standing) {
        (self.connection.reads.standing(), self.connection.writes.standing())
    }

    async fn add_one(
        &self,
        key: &str,
        last: u64,
        sealed: Vec<u8>,
        (channel, hint): (&str, &str),
    ) -> Result<(), Failure<fred::error::Error>> {
        let (client, sealed) = (self.connection.command(), Bytes::from(sealed));
        let text = |text: String| Bytes::from(text.into_bytes());
        let add = || {
            let bounds = [MAX_ENTRIES as u64, KEPT.as_secs()].map(|bound| text(bound.to_string()));
            let [entries, seconds] = bounds;
            let said = [channel, hint].map(|said| text(said.to_owned()));
            let [channel, hint] = said;
            let arguments = vec![text(last.to_string()), sealed.clone(), entries, seconds, channel, hint];
            client.eval::<i64, _, _, _>(ADD, vec![key.to_owned()], arguments)
        };
        self.connection.writes.ask(speaks_against, add).await.map(drop)
    }

    /// The events of an entry, its number and its batch, where they are without a gap and end with that number.
    fn opened(&self, tenant: &TenantId, key: &str, entry: &[Bytes]) -> Option<Vec<Event>> {
        let [number, sealed] = entry else { return None };
        let last: u64 = std::str::from_utf8(number).ok()?.strip_suffix("-0")?.parse().ok()?;
        let opened = self.sealing.open(tenant, &place(key, last), sealed)?;
        let event = |stored: Stored| match stored {
            Stored::Event(event) => Some(event),
            Stored::Finished { .. } => None,
        };
        let events: Vec<Event> = frame::read(&opened).ok()?.into_iter().map(event).collect::<Option<_>>()?;
        let is_whole = events.windows(2).all(|pair| pair[0].sequence.checked_add(1) == Some(pair[1].sequence));
        (is_whole && events.last()?.sequence == last).then_some(events)
    }
}

fn key(tenant: &TenantId, execution: &ExecutionId) -> String {
    format!("zona:{{{tenant}}}:events:{execution}")
}

/// What a batch is sealed for.
fn place(key: &str, last: u64) -> String {
    format!("{key}:{last}")
}
