//! Logs of several containers as one, in the order of time. Without following, each is read to its end, and the order is exact. With
//! following, a line is held back for a moment, because an earlier one of another container may still be on its way.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Peekable, SelectAll};
use futures_util::{Stream, StreamExt as _};
use tokio::time::Instant;

use crate::engine::{Engine, Error, Feed, Instance, Line, LogAsk};
use crate::sight::Watch;

/// How long a line is held back when a log is followed.
const HELD: Duration = Duration::from_millis(300);
/// Lines that are held back at most; then the earliest is handed out at once.
const MOST_HELD: usize = 10_000;
/// Bytes of lines that are held back at most, for each that follows: a line may be long, and many may follow.
const MOST_HELD_BYTES: usize = 4 << 20;
/// Time between two looks for containers that have come while a log is followed.
const NEWCOMERS: Duration = Duration::from_secs(1);

/// A line, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The service.
    pub service: String,
    /// What the engine calls the container.
    pub replica: String,
    /// The line.
    pub line: Line,
}

type Source = Pin<Box<dyn Stream<Item = Result<Written, Error>> + Send>>;

/// The lines of containers, read to their ends.
///
/// # Errors
/// The engine cannot be asked. What fails later is an item.
pub async fn ended(engine: &Arc<dyn Engine>, instances: &[Instance], ask: LogAsk) -> Result<Feed<Result<Written, Error>>, Error> {
    let mut sources = Vec::new();
    for instance in instances {
        sources.push(source(engine, instance, LogAsk { follow: false, ..ask }).await?.peekable());
    }
    Ok(Box::pin(stream::unfold(sources, |mut sources| async move {
        let next = earliest(&mut sources).await?;
        let item = sources[next].next().await?;
        Some((item, sources))
    })))
}

/// The source whose next line is the earliest. Failures come first.
async fn earliest(sources: &mut [Peekable<Source>]) -> Option<usize> {
    let mut first: Option<(i128, usize)> = None;
    for (index, source) in sources.iter_mut().enumerate() {
        let nanos = match Pin::new(source).peek().await {
            Some(Ok(written)) => written.line.nanos,
            Some(Err(_)) => i128::MIN,
            None => continue,
        };
        if first.is_none_or(|(earliest, _)| nanos < earliest) {
            first = Some((nanos, index));
        }
    }
    first.map(|(_, index)| index)
}

/// The lines of services, those of containers that come later too. It ends with whoever reads.
///
/// # Errors
/// The engine cannot be asked. What fails later is an item.
pub async fn followed(
    engine: Arc<dyn Engine>,
    watch: Arc<Watch>,
    services: Vec<String>,
    ask: LogAsk,
) -> Result<Feed<Result<Written, Error>>, Error> {
    let mut follower = Follower {
        engine,
        watch,
        services,
        ask: LogAsk { follow: true, ..ask },
        known: HashSet::new(),
        sources: SelectAll::new(),
        held: Shelf::default(),
        look: Instant::now(),
    };
    follower.take_in().await?;
    Ok(Box::pin(stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await;
        Some((item, follower))
    })))
}

struct Follower {
    engine: Arc<dyn Engine>,
    watch: Arc<Watch>,
    services: Vec<String>,
    ask: LogAsk,
    /// Containers that are read or have been.
    known: HashSet<String>,
    sources: SelectAll<Source>,
    held: Shelf,
    /// When to look for newcomers.
    look: Instant,
}

/// Lines that are held back.
#[derive(Default)]
struct Shelf {
    held: BinaryHeap<Reverse<Held>>,
    bytes: usize,
    count: u64,
}

/// A line that is held back, by its time and then in the order in which it came.
struct Held {
    nanos: i128,
    place: u64,
    came: Instant,
    written: Written,
}

// === impl Follower ===

impl Follower {
    async fn next(&mut self) -> Result<Written, Error> {
        loop {
            if let Some(written) = self.held.ripe() {
                return Ok(written);
            }
            let ripe = self.held.when_ripe().map_or(self.look, |ripe| ripe.min(self.look));
            tokio::select! {
                Some(item) = self.sources.next() => self.held.hold(item?),
                () = tokio::time::sleep_until(ripe) => {
                    if Instant::now() >= self.look {
                        self.take_in().await?;
                    }
                }
            }
        }
    }

    /// Begins to read what is not read yet.
    async fn take_in(&mut self) -> Result<(), Error> {
        self.look = Instant::now() + NEWCOMERS;
        let sight = self.watch.since(Instant::now().checked_sub(NEWCOMERS).unwrap_or_else(Instant::now)).await?;
        let ours = sight.seen.iter().filter(|seen| self.services.contains(&seen.instance.identity.service) && seen.state.is_some());
        for seen in ours {
            if self.known.insert(seen.instance.id.clone()) {
                self.sources.push(source(&self.engine, &seen.instance, self.ask).await?);
            }
        }
        Ok(())
    }
}

// === impl Shelf ===

impl Shelf {
    fn hold(&mut self, written: Written) {
        self.count += 1;
        self.bytes += written.line.text.len();
        self.held.push(Reverse(Held { nanos: written.line.nanos, place: self.count, came: Instant::now(), written }));
    }

    /// When the earliest line is handed out. It decides: what came before it in time would have come by then.
    fn when_ripe(&self) -> Option<Instant> {
        self.held.peek().map(|Reverse(held)| held.came + HELD)
    }

    fn ripe(&mut self) -> Option<Written> {
        let is_full = self.held.len() > MOST_HELD || self.bytes > MOST_HELD_BYTES;
        if !is_full && self.when_ripe().is_none_or(|ripe| Instant::now() < ripe) {
            return None;
        }
        let Reverse(Held { written, .. }) = self.held.pop()?;
        self.bytes -= written.line.text.len();
        Some(written)
    }
}

async fn source(engine: &Arc<dyn Engine>, instance: &Instance, ask: LogAsk) -> Result<Source, Error> {
    let (service, replica) = (instance.identity.service.clone(), instance.id.clone());
    let lines = match engine.logs(&instance.id, ask).await {
        Ok(lines) => lines,
        // It has gone since somebody looked.
        Err(Error::Missing(_)) => Box::pin(stream::empty()),
        Err(error) => return Err(error),
    };
    Ok(Box::pin(lines.map(move |line| line.map(|line| Written { service: service.clone(), replica: replica.clone(), line }))))
}

// === impl Held ===

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        (self.nanos, self.place) == (other.nanos, other.place)
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.nanos, self.place).cmp(&(other.nanos, other.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(nanos: i128, bytes: usize) -> Written {
        let line = Line { nanos, is_error: false, text: "x".repeat(bytes), truncated: false };
        Written { service: "web".to_owned(), replica: "c0ffee".to_owned(), line }
    }

    #[tokio::test(start_paused = true)]
    async fn long_lines_are_handed_out_before_they_fill_the_memory() {
        let mut shelf = Shelf::default();
        for nanos in 0..4 {
            shelf.hold(line(3 - nanos, MOST_HELD_BYTES / 4));
        }
        assert_eq!(shelf.ripe(), None, "as much as may be is held back");
        shelf.hold(line(9, 1));
        assert_eq!(shelf.ripe().map(|written| written.line.nanos), Some(0), "the earliest goes first");
        assert_eq!(shelf.ripe(), None);
        tokio::time::advance(HELD).await;
        let rest: Vec<i128> = std::iter::from_fn(|| shelf.ripe()).map(|written| written.line.nanos).collect();
        assert_eq!((rest, shelf.bytes), (vec![1, 2, 3, 9], 0));
    }
}
