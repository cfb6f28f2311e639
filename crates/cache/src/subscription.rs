//! Hearing what servers tell each other on a channel of Redis. Whoever hears is told where something may have been missed: behind each new
//! connection, and where messages came faster than they were read.
//!
//! Neither the client nor Redis says whether a channel is heard: the client takes a subscription that Redis forbids for done, and a connection
//! that was cut without a word for one on which nothing is said. So a server says a word to itself now and then, and subscribes anew where that
//! does not come back, and over a new connection where it still does not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _};
use fred::types::{Message, Value};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::redis::{Config, Connection, Error, quit};

/// How often a server says a word to itself, and how long that may take to come back.
const ECHO_EVERY: Duration = Duration::from_secs(5);
const ECHO_WITHIN: Duration = Duration::from_secs(5);

/// What is heard on a channel.
pub(crate) enum Heard<'a> {
    /// A message.
    Message(&'a Value),
    /// That something may have been missed.
    Missed,
}

/// A connection that hears one channel.
pub(crate) struct Subscription {
    client: SubscriberClient,
    channel: &'static str,
    /// The channel of what a server says to itself. It is subscribed to by the same command: Redis permits both, or neither.
    echo: String,
    /// The last word that was said, and the last one that came back.
    said: AtomicU64,
    echoed: watch::Sender<u64>,
    /// How often it was subscribed.
    subscribed: AtomicU64,
    is_deaf: AtomicBool,
}

// === impl Subscription ===

impl Subscription {
    /// One that is not connected yet. `server` is a word that no other server has.
    pub(crate) fn new(config: &Config, channel: &'static str, server: &str) -> Result<Self, Error> {
        Ok(Subscription {
            client: config.subscriber()?,
            channel,
            echo: format!("{channel}:echo:{server}"),
            said: AtomicU64::new(0),
            echoed: watch::Sender::new(0),
            subscribed: AtomicU64::new(0),
            is_deaf: AtomicBool::new(false),
        })
    }

    /// Hears, without end. Says first that something may have been missed. `tell` is a way to Redis on which words can be said.
    pub(crate) async fn hear(&self, tell: &Connection, heard: impl Fn(Heard<'_>) + Send + Sync) {
        tokio::select! {
            () = self.listen(&heard) => {}
            () = self.check(tell, &heard) => {}
        }
    }

    /// Whether what is told there was not heard when that was tried last.
    pub(crate) fn is_deaf(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed)
    }

    /// What comes in, beside what is heard.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> tokio::sync::broadcast::Receiver<Message> {
        self.client.message_rx()
    }

    /// The last word that came back.
    #[cfg(test)]
    pub(crate) fn echoed(&self) -> u64 {
        *self.echoed.borrow()
    }

    async fn listen(&self, heard: &(impl Fn(Heard<'_>) + Send + Sync)) {
        let (mut messages, mut connected) = (self.client.message_rx(), self.client.reconnect_rx());
        heard(Heard::Missed);
        if !self.client.is_connected() {
            // Its tasks are the client's own: they end with it.
            drop(self.client.connect());
        }
        loop {
            // Biased: behind a new connection, what was heard before it is of no use any more.
            tokio::select! {
                biased;
                server = connected.recv() => {
                    if let Err(RecvError::Closed) = server { return }
                    self.subscribe().await;
                    heard(Heard::Missed);
                }
                message = messages.recv() => match message {
                    Ok(message) if message.channel == self.echo => self.note(&message),
                    Ok(message) => heard(Heard::Message(&message.value)),
                    Err(RecvError::Lagged(_)) => {
                        // The word may be among what was lost, and whoever hears too much is not deaf.
                        self.echoed.send_replace(self.said.load(Ordering::Relaxed));
                        heard(Heard::Missed);
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Where it fails, the connection has ended again, and what is told is known later, in another way.
    async fn subscribe(&self) {
        if let Err(error) = self.client.subscribe(vec![self.channel, self.echo.as_str()]).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, channel = self.channel, "what other servers tell is not heard through Redis, and known later");
        }
        self.subscribed.fetch_add(1, Ordering::Relaxed);
    }

    /// Says words to itself, without end, and sees whether they come back.
    async fn check(&self, tell: &Connection, heard: &(impl Fn(Heard<'_>) + Send + Sync)) {
        let mut echoed = self.echoed.subscribe();
        // How often in a row none came back.
        let mut silent = 0_u32;
        loop {
            sleep(ECHO_EVERY).await;
            let subscribed = self.subscribed.load(Ordering::Relaxed);
            let word = self.said.fetch_add(1, Ordering::Relaxed) + 1;
            let said = tell.command().publish::<Value, _, _>(self.echo.as_str(), word.to_string()).await;
            let is_heard = match said {
                Ok(_) => timeout(ECHO_WITHIN, echoed.wait_for(|echoed| *echoed == word)).await.is_ok(),
                // Whoever may not speak on a channel may not hear it either.
                Err(error) if error.details().starts_with("NOPERM") && error.details().contains("channel") => false,
                // Redis is away, or refuses words of any kind: nothing is known of how well this one hears.
                Err(_) => continue,
            };
            // Nor is it where a new connection came meanwhile.
            if self.subscribed.load(Ordering::Relaxed) != subscribed {
                continue;
            }
            silent = if is_heard { 0 } else { silent.saturating_add(1) };
            let was_deaf = self.is_deaf.swap(!is_heard, Ordering::Relaxed);
            if was_deaf == is_heard {
                self.tell_turn(is_heard, heard);
            }
            if !is_heard {
                self.mend(silent).await;
            }
        }
    }

    /// Tells that it hears no more, or hears again and has missed something.
    fn tell_turn(&self, is_heard: bool, heard: &(impl Fn(Heard<'_>) + Send + Sync)) {
        if is_heard {
            tracing::info!(channel = self.channel, "what other servers tell is heard through Redis again");
            heard(Heard::Missed);
        } else {
            tracing::warn!(
                channel = self.channel,
                "what other servers tell is not heard through Redis, and known later: its connection is broken, or the user lacks the channels &zona:*"
            );
        }
    }

    /// Subscribes anew, which is enough where Redis has refused it; and the second, fourth and eighth time, and so on, over a new connection.
    async fn mend(&self, silent: u32) {
        if silent < 2 || !silent.is_power_of_two() {
            return self.subscribe().await;
        }
        // Where it takes longer, it goes on behind this.
        if let Ok(Err(error)) = timeout(ECHO_WITHIN, self.client.force_reconnection()).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "no new connection is made to hear by");
        }
    }

    fn note(&self, message: &Message) {
        let text = message.value.as_bytes().and_then(|text| std::str::from_utf8(text).ok());
        let word = text.and_then(|text| text.parse().ok());
        // Whoever else speaks there says nothing of how well this one hears.
        if let Some(word) = word.filter(|word| *word == self.said.load(Ordering::Relaxed)) {
            self.echoed.send_replace(word);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        quit(self.client.clone());
    }
}
