//! `[executions]`: how many run and wait, and how long ended ones are kept.

use std::collections::HashMap;
use std::time::Duration;

use domain::admission::{self, Share};
use domain::name::TenantId;
use settings::{Place, section, value};

use super::tenants::{MAX_COUNT, Tenant};

/// The longest drain: what follows takes five seconds, and whoever stops servers mostly waits for thirty.
const LONGEST_DRAIN: Duration = Duration::from_secs(25);

section! {
    /// How many executions run and wait, and how long ended ones are kept.
    pub struct Executions in Place::table("executions");

    /// executions and compilations that run at once
    max_running: u32 = 64 => value::number(1..=MAX_COUNT);
    /// of one tenant
    max_running_per_tenant: u32 = 32 => value::number(1..=MAX_COUNT);
    /// executions and compilations that wait
    max_queued: u32 = 1024 => value::number(1..=MAX_COUNT);
    /// of one tenant
    max_queued_per_tenant: u32 = 512 => value::number(1..=MAX_COUNT);
    /// how long `zona server` lets what runs come to its end when it stops; at most 25s, so that it exits within 30
    drain: Duration = "20s" => value::duration_within(Duration::ZERO..=LONGEST_DRAIN);
    /// ended executions older than this are removed, hourly
    keep: Duration = "7d" => value::duration(Duration::from_secs(60));
    /// and the oldest beyond this much stored output
    max_output_bytes: u64 = 1073741824 => value::number(1 << 20..=u64::MAX);
}

impl Executions {
    /// The configuration of admission; what a tenant's table leaves out is as for everybody.
    pub(super) fn admission(&self, tenants: Vec<(TenantId, Tenant)>) -> admission::Config {
        let share = |tenant: Tenant| Share {
            weight: tenant.weight.unwrap_or(1),
            max_running: tenant.max_running.unwrap_or(self.max_running_per_tenant),
            max_queued: tenant.max_queued.unwrap_or(self.max_queued_per_tenant),
        };
        admission::Config {
            max_running: self.max_running,
            max_running_per_tenant: self.max_running_per_tenant,
            max_queued: self.max_queued,
            max_queued_per_tenant: self.max_queued_per_tenant,
            tenants: tenants.into_iter().map(|(id, tenant)| (id, share(tenant))).collect::<HashMap<_, _>>(),
        }
    }
}
