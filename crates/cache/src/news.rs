//! What servers tell each other through Redis of whose utilities have changed: so that a change is known elsewhere at once and not only when the
//! epoch is read next. Each message may be lost, late or doubled; whoever cannot know what was lost takes everything to have changed. Nothing
//! rests on messages alone.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::name::TenantId;
use fred::interfaces::PubsubInterface as _;
use fred::types::Value;
use tokio::sync::{Mutex, mpsc};

use crate::redis::{Config, Connection, Error, speaks_against};
use crate::subscription::{Heard, Subscription};

/// The channel of all messages.
const CHANNEL: &str = "zona:changes";
/// Messages that wait to be sent; what comes beyond is not sent.
const MAX_WAITING: usize = 1_024;
/// Bytes of a message at most: names are far shorter.
const MAX_MESSAGE: usize = 1_024;
/// What a message is about.
const UTILITIES: &str = "utilities";

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// That a tenant's utilities have changed.
    Of(TenantId),
    /// That something may have been missed.
    Missed,
}

/// The way on which messages go out and come in.
pub(crate) struct Wire {
    connection: Connection,
    subscription: Subscription,
    /// Who we are, so that nobody hears themselves.
    server: String,
    waiting: mpsc::Sender<String>,
    sent: Mutex<mpsc::Receiver<String>>,
    counts: Counts,
}

/// How messages went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewsStats {
    /// Messages that were heard and understood.
    pub heard: u64,
    /// Messages that were not sent: Redis is gone, or too many wait.
    pub unsent: u64,
    /// How often everything was taken to have changed.
    pub missed: u64,
    /// Whether Redis takes messages, and none comes in.
    pub is_deaf: bool,
}

#[derive(Default)]
struct Counts {
    heard: AtomicU64,
    unsent: AtomicU64,
    missed: AtomicU64,
}

impl Wire {
    /// Begins to connect, and waits for nothing. `server` is a word that no other server has.
    pub(crate) fn open(config: &Config, connection: Connection, server: &str) -> Result<Self, Error> {
        let subscription = Subscription::new(config, CHANNEL, server)?;
        let (waiting, sent) = mpsc::channel(MAX_WAITING);
        Ok(Wire { connection, subscription, server: server.to_owned(), waiting, sent: Mutex::new(sent), counts: Counts::default() })
    }

    /// Has the others told, some time.
    pub(crate) fn tell(&self, tenant: &TenantId) {
        if self.waiting.try_send(encode(&self.server, tenant)).is_err() {
            self.counts.unsent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what is to be sent, without end.
    pub(crate) async fn send(&self) {
        let mut sent = self.sent.lock().await;
        while let Some(message) = sent.recv().await {
            let client = self.connection.command();
            // How many have heard it, Redis does not know: it counts those of one node.
            let publish = || client.publish::<Value, _, _>(CHANNEL, message.as_str());
            if self.connection.writes.ask(speaks_against, publish).await.is_err() {
                self.counts.unsent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Hears what others say, without end. Tells first that something may have been missed, and so after each gap.
    pub(crate) async fn hear(&self, told: impl Fn(News) + Send + Sync) {
        let heard = |heard: Heard<'_>| match heard {
            Heard::Message(message) => self.read(message, &told),
            Heard::Missed => self.miss(&told),
        };
        self.subscription.hear(&self.connection, heard).await;
    }

    /// How messages went.
    pub(crate) fn stats(&self) -> NewsStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { heard, unsent, missed } = &self.counts;
        NewsStats { heard: read(heard), unsent: read(unsent), missed: read(missed), is_deaf: self.subscription.is_deaf() }
    }

    /// The last word that came back of what was said to oneself.
    #[cfg(test)]
    pub(crate) fn echoed(&self) -> u64 {
        self.subscription.echoed()
    }

    /// What comes in, beside what is heard.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> tokio::sync::broadcast::Receiver<fred::types::Message> {
        self.subscription.messages()
    }

    fn miss(&self, told: &impl Fn(News)) {
        self.counts.missed.fetch_add(1, Ordering::Relaxed);
        told(News::Missed);
    }

    fn read(&self, message: &Value, told: &impl Fn(News)) {
        let message =
            message.as_bytes().filter(|message| message.len() <= MAX_MESSAGE).and_then(|message| std::str::from_utf8(message).ok());
        match message.and_then(|message| message.split_once(' ')) {
            Some((server, _)) if server == self.server => {}
            other => match other.and_then(|(_, change)| decode(change)) {
                Some(tenant) => {
                    self.counts.heard.fetch_add(1, Ordering::Relaxed);
                    told(News::Of(tenant));
                }
                // What a newer server says and this one does not understand may be about anything.
                None => self.miss(told),
            },
        }
    }
}

/// No part of it has a blank.
fn encode(server: &str, tenant: &TenantId) -> String {
    format!("{server} {UTILITIES} {tenant}")
}

fn decode(change: &str) -> Option<TenantId> {
    let (UTILITIES, tenant) = change.split_once(' ')? else { return None };
    TenantId::parse("tenant", tenant).ok()
}

#[cfg(test)]
mod tests {
    use test_support::sample::tenant;

    use super::*;

    #[test]
    fn every_change_survives_the_wire_and_nothing_else_is_one() {
        let message = encode("server", &tenant("acme"));
        assert_eq!(decode(message.strip_prefix("server ").unwrap()), Some(tenant("acme")));
        for other in ["", "utilities", "utilities ", "utilities ACME!", "utilities acme extract", "newer acme"] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
