//! The leases of a store in memory.

use std::collections::BTreeMap;

use domain::lease::{Fence, Lease, LeaseName};
use domain::time::Timestamp;

/// All leases, and the last token.
#[derive(Default)]
pub(super) struct Leases {
    pub(super) held: BTreeMap<LeaseName, Lease>,
    pub(super) token: u64,
}

impl Leases {
    /// Whether a lease in force has this fence.
    pub(super) fn protect(&self, fence: &Fence, now: Timestamp) -> bool {
        let lease = self.held.get(&LeaseName::of_instance(&fence.holder));
        lease.is_some_and(|lease| lease.fence == *fence && lease.in_force(now))
    }
}
