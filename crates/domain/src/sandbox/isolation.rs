//! The tiers of isolation.

/// How strongly the executions of a utility are isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Isolation {
    /// T1: a sealed process in a sandbox of the tenant, which is new or was put back to where it was when it was.
    #[default]
    TenantWarm,
    /// T2: a started sandbox of its own, destroyed afterwards.
    SingleUse,
    /// T3: a sandbox of its own, made on demand.
    OneShot,
}

impl Isolation {
    /// `T1`, `T2` or `T3`.
    pub const fn tier(self) -> &'static str {
        match self {
            Isolation::TenantWarm => "T1",
            Isolation::SingleUse => "T2",
            Isolation::OneShot => "T3",
        }
    }

    /// Reads `T1`, `T2` or `T3`.
    pub fn from_tier(tier: &str) -> Option<Self> {
        [Isolation::TenantWarm, Isolation::SingleUse, Isolation::OneShot].into_iter().find(|isolation| isolation.tier() == tier)
    }
}
