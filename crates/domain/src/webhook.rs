//! Webhooks: what happens in a tenant, sent to an address of somebody else's, signed, at least once, and kept where nobody takes it.

pub mod actions;
mod config;
mod deliveries;
mod delivery;
mod entity;
mod repository;
mod sender;
mod use_cases;

pub use config::WebhookConfig;
pub use deliveries::{Deliveries, DeliveryPorts};
pub use delivery::{DeadLetter, Delivery, Failed, Verdict};
pub use entity::{MAX_WEBHOOKS, Webhook, WebhookState, too_many};
pub use repository::{Queued, WebhookChange, WebhookProgress, WebhookRepository, WebhookSecrets};
pub use sender::{Refusal, WebhookSender};
pub use use_cases::{WebhookAsked, WebhookDraft, WebhookPatch, WebhookPorts, Webhooks};
