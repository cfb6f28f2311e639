//! Keeps the lease of one instance: acquires it, renews it in time, and says when it is lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::lease::fence::{Fence, InstanceId};
use crate::lease::repository::LeaseRepository;
use crate::lease::rules::{Acquisition, LeaseName, Renewal, TERM};
use crate::time::Clock;

/// Renewals in one term: one may fail.
const RENEWALS: u32 = 3;

/// The lease of one instance.
pub struct Keeper {
    leases: Arc<dyn LeaseRepository>,
    clock: Arc<dyn Clock>,
    instance: InstanceId,
    name: LeaseName,
    held: Mutex<Option<Fence>>,
}

impl Keeper {
    /// Keeps the lease of `instance`; holds nothing yet.
    pub fn new(leases: Arc<dyn LeaseRepository>, clock: Arc<dyn Clock>, instance: InstanceId) -> Self {
        Keeper { leases, clock, name: LeaseName::of_instance(&instance), instance, held: Mutex::default() }
    }

    /// The time between two renewals: what another instance wants of this one, it hears at the latest then.
    pub const fn period() -> Duration {
        Duration::from_millis((TERM.as_millis() / RENEWALS as u128) as u64)
    }

    /// Whose lease it is.
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// What is held, as far as is known.
    pub fn fence(&self) -> Option<Fence> {
        self.held().clone()
    }

    /// Acquires the lease; after it was lost, under a new token.
    ///
    /// # Errors
    /// Those of the store; [`Error::Unavailable`] while somebody who took this instance for dead settles what it left.
    pub async fn acquire(&self) -> Result<Fence> {
        match self.leases.acquire(&self.name, &self.instance, self.clock.now(), TERM).await? {
            Acquisition::Acquired(lease) => {
                *self.held() = Some(lease.fence.clone());
                Ok(lease.fence)
            }
            Acquisition::Held(_) => Err(Error::Unavailable { dependency: "lease", retry_after: Self::period(), source: None }),
        }
    }

    /// Renews what is held; says whether it is held still.
    ///
    /// # Errors
    /// Those of the store: then it is not known.
    pub async fn renew(&self) -> Result<bool> {
        let Some(fence) = self.fence() else { return Ok(false) };
        match self.leases.renew(&self.name, &fence, self.clock.now(), TERM).await? {
            Renewal::Renewed(_) => Ok(true),
            Renewal::Lost => {
                self.held().take_if(|held| *held == fence);
                Ok(false)
            }
        }
    }

    /// Gives up what is held, so that what is left of this instance is settled at once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn release(&self) -> Result<()> {
        let held = self.held().take();
        match held {
            Some(fence) => self.leases.release(&self.name, &fence).await,
            None => Ok(()),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Fence>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
