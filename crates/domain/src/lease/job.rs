//! The lease under which one server of a store does something for all of them.

use std::sync::Arc;

use crate::error::Result;
use crate::lease::fence::{Fence, InstanceId};
use crate::lease::keeper::Keeper;
use crate::lease::repository::LeaseRepository;
use crate::lease::rules::{Acquisition, LeaseName, Renewal, TERM};
use crate::time::{Clock, Timestamp};

/// A lease that is held, or was until another server acquired it.
pub(crate) struct JobLease {
    leases: Arc<dyn LeaseRepository>,
    clock: Arc<dyn Clock>,
    name: LeaseName,
    fence: Fence,
    renewed: Timestamp,
    lost: bool,
}

impl JobLease {
    /// Acquires that of a job; `None` where another server has it.
    pub(crate) async fn acquire(
        job: &str,
        leases: Arc<dyn LeaseRepository>,
        clock: Arc<dyn Clock>,
        by: &InstanceId,
    ) -> Result<Option<Self>> {
        let (name, now) = (LeaseName::of_job(job), clock.now());
        match leases.acquire(&name, by, now, TERM).await? {
            Acquisition::Acquired(lease) => Ok(Some(JobLease { leases, clock, name, fence: lease.fence, renewed: now, lost: false })),
            Acquisition::Held(_) => Ok(None),
        }
    }

    /// Renews it where that is due. Asked before each step: whoever has lost it does no other.
    pub(crate) async fn is_kept(&mut self) -> Result<bool> {
        let now = self.clock.now();
        if !self.lost && now.since(self.renewed) >= Keeper::period() {
            self.lost = matches!(self.leases.renew(&self.name, &self.fence, now, TERM).await?, Renewal::Lost);
            self.renewed = now;
        }
        Ok(!self.lost)
    }

    /// Gives it up.
    pub(crate) async fn release(self) -> Result<()> {
        self.leases.release(&self.name, &self.fence).await.map(drop)
    }
}
