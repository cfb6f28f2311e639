//! One event on its way to one webhook.

use crate::access::{Resource, Target};
use crate::event::Event;
use crate::name::{PrincipalName, WebhookName};
use crate::time::Timestamp;

/// An event that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where to.
    pub webhook: WebhookName,
    /// What.
    pub event: Event,
    /// Attempts that have failed.
    pub attempts: u32,
}

/// A delivery that is tried no more, until somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What was to be delivered.
    pub delivery: Delivery,
    /// When it was given up.
    pub given_up: Timestamp,
    /// How the last attempt failed.
    pub failure: String,
}

/// An attempt that has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The event's place.
    pub sequence: u64,
    /// Attempts that have failed, this one included.
    pub attempts: u32,
    /// How.
    pub failure: String,
    /// What becomes of the delivery.
    pub verdict: Verdict,
}

/// What becomes of a delivery that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again, not before this time.
    Again(Timestamp),
    /// It was given up, at this time.
    GivenUp(Timestamp),
}

impl Resource for DeadLetter {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => *tenant == self.delivery.webhook.tenant,
            Target::Webhook(name) => *name == self.delivery.webhook,
            _ => false,
        }
    }
}
