//! The port to who sends.

use async_trait::async_trait;

use crate::event::Event;
use crate::identity::Secret;
use crate::time::Timestamp;
use crate::webhook::WebhookSecrets;

/// How an attempt has failed, for people: never what was answered, which is the receiver's choice of words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

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
