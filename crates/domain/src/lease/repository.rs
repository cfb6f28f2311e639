//! The port to stored leases.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::lease::fence::{Fence, InstanceId};
use crate::lease::rules::{Acquisition, Lease, LeaseName, Renewal};
use crate::time::Timestamp;

/// Port: leases. They lie in the same store as the executions that name their fences. Each method applies a rule of
/// [`crate::lease`] in one commit that compares and sets; `now` is the caller's time.
#[async_trait]
pub trait LeaseRepository: Send + Sync {
    /// Takes a lease that is free, has expired, or is the holder's already. The token is greater than that of any acquisition
    /// before, of whichever lease.
    async fn acquire(&self, name: &LeaseName, holder: &InstanceId, now: Timestamp, term: Duration) -> Result<Acquisition>;
    /// Makes a lease last until `term` from now, and never shorter than it did.
    async fn renew(&self, name: &LeaseName, fence: &Fence, now: Timestamp, term: Duration) -> Result<Renewal>;
    /// Gives a lease up; does nothing where the fence is not the lease's.
    async fn release(&self, name: &LeaseName, fence: &Fence) -> Result<()>;
    /// The lease, in force or not.
    async fn find(&self, name: &LeaseName) -> Result<Option<Lease>>;
    /// At most `limit` leases that are not in force, those that expired first first.
    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<Lease>>;
}
