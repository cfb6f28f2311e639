//! The port to who sends.

use async_trait::async_trait;

use crate::event::Event;
use crate::identity::Secret;
use crate::time::Timestamp;
use crate::webhook::WebhookSecrets;

/// How an attempt has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody there has taken it. For people of the tenant: never what was answered, which is the receiver's choice of words.
    #[error("{0}")]
    Theirs(String),
    /// This server could not even try, whoever the receiver is. For operators only; it is no attempt.
    #[error("{0}")]
    Ours(String),
}

/// Port: sends events.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Whether anything may be sent to an address at all; otherwise says what is wrong with it.
    fn check(&self, url: &str) -> Result<(), String>;
    /// A new secret.
    fn new_secret(&self) -> Secret;
    /// Sends an event, signed with each of the secrets that holds now. Bounds its own time.
    async fn send(&self, url: &str, secrets: &WebhookSecrets, event: &Event, now: Timestamp) -> Result<(), Refusal>;
}
