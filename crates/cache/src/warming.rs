//! Reading ahead, when a server starts, what servers were asked for most. It holds up nothing: the server answers meanwhile, and what is not
//! read ahead is read when somebody asks for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::hot::{self, Hot, Key};
use crate::second::Second;

/// How long a server reads ahead at most: it has been asked for what matters by then.
pub(crate) const TIME: Duration = Duration::from_secs(10);
/// How long it waits for Redis to be there, of that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a server says what it is asked for most. The last who says it is believed: servers behind one balancer are asked for the same.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// What was read ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WarmingStats {
    /// Utilities that were read ahead.
    pub read: u64,
    /// Names that stand for nothing any more.
    pub absent: u64,
}

/// Counts what is read ahead.
#[derive(Default)]
pub(crate) struct Warmed {
    read: AtomicU64,
    absent: AtomicU64,
}

impl Warmed {
    pub(crate) fn note(&self, was_there: bool) {
        let count = if was_there { &self.read } else { &self.absent };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> WarmingStats {
        WarmingStats { read: self.read.load(Ordering::Relaxed), absent: self.absent.load(Ordering::Relaxed) }
    }
}

/// What servers were asked for most, as one of them has said; nothing where Redis does not say.
pub(crate) async fn keys(second: &Second) -> Vec<Key> {
    if timeout(PATIENCE, second.is_there()).await.is_err() {
        return Vec::new();
    }
    second.find(&hot::place(), hot::read).await.unwrap_or_default()
}

/// Says what this server is asked for most, again and again, where it was asked for enough since.
pub(crate) async fn remember(hot: &Hot, second: &Second) {
    let mut rounds = interval_at(Instant::now() + SAID_EVERY, SAID_EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if hot.says_something() {
            say(hot, second);
        }
    }
}

/// Says it now, some time.
pub(crate) fn say(hot: &Hot, second: &Second) {
    if let Some(text) = hot.text() {
        second.put(hot::place(), text);
    }
}
