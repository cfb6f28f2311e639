//! What this server process knows of itself, behind the domain's port.

use domain::server::{Facts, ServerFacts, TierFacts};
use domain::time::Timestamp;
use domain::utility::Isolation;
use sandbox::Sandboxes;

/// The facts about this process.
pub(super) struct ProcessFacts {
    pub(super) instance: String,
    pub(super) started: Timestamp,
    pub(super) backend: &'static str,
    pub(super) sandboxes: Sandboxes,
}

impl ServerFacts for ProcessFacts {
    fn facts(&self) -> Facts {
        let tier = |tier| TierFacts { tier, accepted: self.sandboxes.supports(tier).is_ok(), battery: None };
        Facts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.instance.clone(),
            started: self.started,
            backend: self.backend.to_owned(),
            tiers: [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot].map(tier).to_vec(),
        }
    }
}
