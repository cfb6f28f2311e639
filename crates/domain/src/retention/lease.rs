//! The lease under which one server of a store removes.

use std::sync::Arc;

use crate::error::Result;
use crate::lease::{Acquisition, Fence, InstanceId, Keeper, LeaseName, LeaseRepository, Renewal, TERM};
use crate::time::{Clock, Timestamp};

/// A lease that is held, or was until another server acquired it.
pub(super) struct Held {
    leases: Arc<dyn LeaseRepository>,
    clock: Arc<dyn Clock>,
    fence: Fence,
    renewed: Timestamp,
    lost: bool,
}

impl Held {
    /// Acquires it; `None` where another server has it.
    pub(super) async fn acquire(leases: Arc<dyn LeaseRepository>, clock: Arc<dyn Clock>, by: &InstanceId) -> Result<Option<Self>> {
        let now = clock.now();
        match leases.acquire(&name(), by, now, TERM).await? {
            Acquisition::Acquired(lease) => Ok(Some(Held { leases, clock, fence: lease.fence, renewed: now, lost: false })),
            Acquisition::Held(_) => Ok(None),
        }
    }

    /// Renews it where that is due. Asked before each step: whoever has lost it does no other.
    pub(super) async fn is_kept(&mut self) -> Result<bool> {
        let now = self.clock.now();
        if !self.lost && now.since(self.renewed) >= Keeper::period() {
            self.lost = matches!(self.leases.renew(&name(), &self.fence, now, TERM).await?, Renewal::Lost);
            self.renewed = now;
        }
        Ok(!self.lost)
    }

    /// Gives it up.
    pub(super) async fn release(self) -> Result<()> {
        self.leases.release(&name(), &self.fence).await.map(drop)
    }
}

fn name() -> LeaseName {
    LeaseName::of_job("retention")
}
