//! What may run and wait: in all, and of one tenant.

use std::collections::HashMap;

use crate::name::TenantId;

/// Highest weight of a tenant; the lowest is 1.
pub const MAX_WEIGHT: u32 = 1_000;

/// Limits of admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What runs at once, over all tenants.
    pub max_running: u32,
    /// What of one tenant runs at once.
    pub max_running_per_tenant: u32,
    /// What waits, over all tenants.
    pub max_queued: u32,
    /// What of one tenant waits.
    pub max_queued_per_tenant: u32,
    /// Tenants with a share of their own, instead of the limits per tenant above and weight 1.
    pub tenants: HashMap<TenantId, Share>,
}

/// What one tenant may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// 1 to [`MAX_WEIGHT`]: while several tenants wait, each gets turns in proportion to its weight.
    pub weight: u32,
    /// What runs at once.
    pub max_running: u32,
    /// What waits.
    pub max_queued: u32,
}

impl Default for Config {
    /// As many at once as the default pools hold children (16 sandboxes of 4); a tenant gets half; a queue that drains
    /// within a minute when executions take about four seconds.
    fn default() -> Self {
        Config { max_running: 64, max_running_per_tenant: 32, max_queued: 1_024, max_queued_per_tenant: 512, tenants: HashMap::new() }
    }
}

impl Config {
    /// What this tenant may take.
    pub fn share(&self, tenant: &TenantId) -> Share {
        let usual = Share { weight: 1, max_running: self.max_running_per_tenant, max_queued: self.max_queued_per_tenant };
        self.tenants.get(tenant).copied().unwrap_or(usual)
    }
}

/// How many run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Running ones.
    pub running: u32,
    /// Waiting ones.
    pub queued: u32,
}
