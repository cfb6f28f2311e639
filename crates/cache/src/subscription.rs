//! Hearing what servers tell each other on a channel of Redis. Whoever hears is told where something may have been missed: behind each new
//! connection, where messages came faster than they were read, and once a subscription that was refused is there. What Redis refuses is asked
//! for again, behind pauses that double.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _};
use fred::types::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::redis::{Config, Error, quit};

/// The first pause before a refused subscription is asked for again, and the longest: somebody has to give the right first, and once it is
/// there, a server hears as soon as after a break.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

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
}

// === impl Subscription ===

impl Subscription {
    /// One that is not connected yet.
    pub(crate) fn new(config: &Config, channel: &'static str) -> Result<Self, Error> {
        Ok(Subscription { client: config.subscriber()?, channel })
    }

    /// Hears, without end. Says first that something may have been missed.
    pub(crate) async fn hear(&self, heard: impl Fn(Heard<'_>) + Send) {
        let (mut messages, mut connected) = (self.client.message_rx(), self.client.reconnect_rx());
        heard(Heard::Missed);
        if !self.client.is_connected() {
            // Its tasks are the client's own: they end with it.
            drop(self.client.connect());
        }
        let mut refused: Option<Refused> = None;
        loop {
            let again = refused.as_ref().map(|refused| refused.again);
            // Biased: behind a new connection, what was heard before it is of no use any more.
            tokio::select! {
                biased;
                server = connected.recv() => {
                    if let Err(RecvError::Closed) = server { return }
                    refused = self.subscribe(None).await;
                    heard(Heard::Missed);
                }
                () = wait(again), if again.is_some() => {
                    refused = self.subscribe(refused).await;
                    if refused.is_none() {
                        heard(Heard::Missed);
                    }
                }
                message = messages.recv() => match message {
                    Ok(message) => heard(Heard::Message(&message.value)),
                    Err(RecvError::Lagged(_)) => heard(Heard::Missed),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// What comes in, beside what is heard.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> tokio::sync::broadcast::Receiver<fred::types::Message> {
        self.client.message_rx()
    }

    /// Asks for it, for the first time over this connection or again; says when next where it is refused.
    async fn subscribe(&self, before: Option<Refused>) -> Option<Refused> {
        match (self.client.subscribe(self.channel).await, before) {
            (Ok(()), None) => None,
            (Ok(()), Some(_)) => {
                tracing::info!(channel = self.channel, "what other servers tell is heard through Redis again");
                None
            }
            (Err(_), Some(before)) => Some(before.later()),
            // Once for each connection: it is known later, in another way.
            (Err(error), None) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, channel = self.channel, "what other servers tell is not heard through Redis, and known later");
                Some(Refused::now())
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        quit(self.client.clone());
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// A subscription that was refused.
struct Refused {
    /// When it is asked for again.
    again: Instant,
    pauses: ExponentialBackoff,
}

impl Refused {
    fn now() -> Self {
        let pauses =
            ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE).without_max_times().with_jitter();
        Refused { again: Instant::now(), pauses: pauses.build() }.later()
    }

    fn later(mut self) -> Self {
        self.again = Instant::now() + self.pauses.next().unwrap_or(LONGEST_PAUSE);
        self
    }
}
