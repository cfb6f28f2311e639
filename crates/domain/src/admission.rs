//! Who runs now and who waits: one limit over all tenants, one per tenant, and a weighted fair turn between tenants that wait.
//! Executions and compilations take a place alike. It knows nothing of sandboxes.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::EventListener;
use futures_util::future::{Either, select};

use crate::error::Result;
use crate::name::TenantId;
use crate::time::Clock;

mod queue;
mod share;
mod waiter;

use queue::Queue;
pub use share::{Config, Load, MAX_WEIGHT, Share};
pub(crate) use waiter::queue_full;
use waiter::{Waiter, exhausted};

/// The admission of one server.
#[derive(Clone)]
pub struct Admission {
    shared: Arc<Shared>,
}

/// A place among the running or the waiting; dropping it gives it up.
pub struct Ticket {
    shared: Arc<Shared>,
    waiter: Arc<Waiter>,
}

struct Shared {
    config: Config,
    queue: Mutex<Queue>,
}

// === impl Admission ===

impl Admission {
    /// An admission with nobody in it.
    pub fn new(config: Config) -> Self {
        Admission { shared: Arc::new(Shared { config, queue: Mutex::default() }) }
    }

    /// Takes a place: among the running when there is room, else in the queue. From now on at most `most` of the tenant run at once,
    /// and never more than its share.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when the queue, or the tenant's share of it, is full.
    pub fn enter(&self, tenant: &TenantId, most: Option<NonZeroU32>) -> Result<Ticket> {
        let waiter = Arc::new(Waiter::new(tenant.clone()));
        self.shared.lock().enter(&self.shared.config, &waiter, most)?;
        Ok(Ticket { shared: Arc::clone(&self.shared), waiter })
    }

    /// Takes a place among the running; `None` where it would have to wait for one. Otherwise as [`Admission::enter`].
    pub fn enter_at_once(&self, tenant: &TenantId, most: Option<NonZeroU32>) -> Option<Ticket> {
        let waiter = Arc::new(Waiter::new(tenant.clone()));
        let entered = self.shared.lock().enter_at_once(&self.shared.config, &waiter, most);
        entered.then(|| Ticket { shared: Arc::clone(&self.shared), waiter })
    }

    /// What of a tenant may wait, and what in all.
    pub fn queue_limits(&self, tenant: &TenantId) -> (u32, u32) {
        (self.shared.config.share(tenant).max_queued, self.shared.config.max_queued)
    }

    /// Takes a place and waits for its turn, but no longer than `patience`.
    ///
    /// # Errors
    /// [`Error::Exhausted`] as for [`Admission::enter`], and when the turn does not come in time.
    pub async fn turn(&self, tenant: &TenantId, most: Option<NonZeroU32>, clock: &dyn Clock, patience: Duration) -> Result<Ticket> {
        let ticket = self.enter(tenant, most)?;
        if ticket.admitted() {
            return Ok(ticket);
        }
        let mut timeout = clock.sleep(patience);
        loop {
            let turn = ticket.listen();
            if ticket.admitted() {
                return Ok(ticket);
            }
            if let Either::Right(_) = select(turn, timeout.as_mut()).await {
                let description = format!("no turn came within {} s; try again later", patience.as_secs());
                return Err(exhausted(format!("tenants/{tenant}"), description));
            }
        }
    }

    /// How many run and wait.
    pub fn load(&self) -> Load {
        self.shared.lock().load()
    }
}

// === impl Ticket ===

impl Ticket {
    /// How many start before this one, itself included: 0 once it is admitted. Counts the order of turns; a tenant whose own
    /// limit is reached lets others pass.
    pub fn position(&self) -> u32 {
        if self.admitted() { 0 } else { self.shared.lock().position(&self.waiter) }
    }

    /// Whether it runs.
    pub fn admitted(&self) -> bool {
        self.waiter.is_admitted()
    }

    /// Wakes when the ticket is admitted. Listen first, then look.
    pub fn listen(&self) -> EventListener {
        self.waiter.listen()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.leave(&self.waiter);
        queue.admit(self.shared.config.max_running);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
