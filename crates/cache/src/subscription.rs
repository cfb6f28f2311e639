//! Hearing what servers tell each other on a channel of Redis. Whoever hears is told where something may have been missed: behind each new
//! connection, and where messages came faster than they were read.

use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _};
use fred::types::Value;
use tokio::sync::broadcast::error::RecvError;

use crate::redis::{Config, Error, quit};

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

    /// Where it fails, the connection has ended again, and what is told is known later, in another way. The client does not say where Redis
    /// forbids it: it takes what it has written for done.
    async fn subscribe(&self) {
        if let Err(error) = self.client.subscribe(self.channel).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, channel = self.channel, "what other servers tell is not heard through Redis, and known later");
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        quit(self.client.clone());
    }
}
