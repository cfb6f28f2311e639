//! Hearing what servers tell each other on a channel of Redis. Whoever hears is told where something may have been missed: behind each new
//! connection, and where messages came faster than they were read.
//!
//! Neither the client nor Redis says whether a channel is heard: the client takes a subscription that Redis forbids for done, and a connection
//! that was cut without a word for one on which nothing is said. So a server says a word to itself now and then, and makes a new connection
//! where that does not come back.

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
const ECHO_WITHIN: Duration = Duration::from_secs(3);

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
    /// The last word that came back.
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
            echoed: watch::Sender::new(0),
            subscribed: AtomicU64::new(0),
            is_deaf: AtomicBool::new(false),
        })
    }

    /// Hears, without end. Says first that something may have been missed. `tell` is a way to Redis on which words can be said.
    pub(crate) async fn hear(&self, tell: &Connection, heard: impl Fn(Heard<'_>) + Send) {
        tokio::select! {
            () = self.listen(heard) => {}
            () = self.check(tell) => {}
        }
    }

    /// Whether what is told there was not heard when that was tried last.
    pub(crate) fn is_deaf(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed)
    }

    async fn listen(&self, heard: impl Fn(Heard<'_>) + Send) {
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
                    Err(RecvError::Lagged(_)) => heard(Heard::Missed),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// What comes in, beside what is heard.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> tokio::sync::broadcast::Receiver<Message> {
        self.client.message_rx()
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
    async fn check(&self, tell: &Connection) {
        let mut echoed = self.echoed.subscribe();
        for word in 1_u64.. {
            sleep(ECHO_EVERY).await;
            let subscribed = self.subscribed.load(Ordering::Relaxed);
            let said = tell.command().publish::<Value, _, _>(self.echo.as_str(), word.to_string()).await;
            let is_heard = match said {
                // Whoever may not speak there may not hear there either.
                Err(error) if error.details().starts_with("NOPERM") => false,
                // Redis is away: nothing is known of how well this one hears.
                Err(_) => continue,
                Ok(_) => timeout(ECHO_WITHIN, echoed.wait_for(|echoed| *echoed == word)).await.is_ok(),
            };
            // Nor is it where it was not subscribed in time.
            if subscribed > 0 && self.subscribed.load(Ordering::Relaxed) == subscribed {
                self.judge(is_heard).await;
            }
        }
    }

    async fn judge(&self, is_heard: bool) {
        let was_deaf = self.is_deaf.swap(!is_heard, Ordering::Relaxed);
        if is_heard {
            if was_deaf {
                tracing::info!(channel = self.channel, "what other servers tell is heard through Redis again");
            }
            return;
        }
        if !was_deaf {
            tracing::warn!(
                channel = self.channel,
                "what other servers tell is not heard through Redis, and known later: its connection is broken, or the user lacks the channels &zona:*"
            );
        }
        if let Err(error) = self.client.force_reconnection().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "no new connection is made to hear by");
        }
    }

    fn note(&self, message: &Message) {
        let text = message.value.as_bytes().and_then(|text| std::str::from_utf8(text).ok());
        // Whoever else speaks there says nothing of how well this one hears.
        if let Some(word) = text.and_then(|text| text.parse().ok()) {
            self.echoed.send_replace(word);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        quit(self.client.clone());
    }
}
