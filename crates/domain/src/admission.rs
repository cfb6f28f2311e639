//! Who runs now and who waits: one limit over all tenants, one per tenant, and a weighted fair turn between tenants that wait.
//! Executions and compilations take a place alike. It knows nothing of sandboxes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::{Event, EventListener};
use futures_util::future::{Either, select};

use crate::error::{Error, Result};
use crate::name::TenantId;
use crate::time::Clock;

mod queue;

use queue::Queue;

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

/// How many run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Running ones.
    pub running: u32,
    /// Waiting ones.
    pub queued: u32,
}

struct Shared {
    config: Config,
    queue: Mutex<Queue>,
}

struct Waiter {
    tenant: TenantId,
    admitted: AtomicBool,
    changed: Event,
}

// === impl Admission ===

impl Admission {
    /// An admission with nobody in it.
    pub fn new(config: Config) -> Self {
        Admission { shared: Arc::new(Shared { config, queue: Mutex::default() }) }
    }

    /// Takes a place: among the running when there is room, else in the queue.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when the queue, or the tenant's share of it, is full.
    pub fn enter(&self, tenant: &TenantId) -> Result<Ticket> {
        let waiter = Arc::new(Waiter { tenant: tenant.clone(), admitted: AtomicBool::new(false), changed: Event::new() });
        self.shared.lock().enter(&self.shared.config, &waiter)?;
        Ok(Ticket { shared: Arc::clone(&self.shared), waiter })
    }

    /// Takes a place and waits for its turn, but no longer than `patience`.
    ///
    /// # Errors
    /// [`Error::Exhausted`] as for [`Admission::enter`], and when the turn does not come in time.
    pub async fn turn(&self, tenant: &TenantId, clock: &dyn Clock, patience: Duration) -> Result<Ticket> {
        let ticket = self.enter(tenant)?;
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
        self.waiter.admitted.load(Ordering::Acquire)
    }

    /// Wakes when the ticket is admitted. Listen first, then look.
    pub fn listen(&self) -> EventListener {
        self.waiter.changed.listen()
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

impl Waiter {
    fn admit(&self) {
        self.admitted.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }
}

fn exhausted(subject: String, description: String) -> Error {
    Error::Exhausted { reason: "QUEUE_FULL", subject, description, retry_after: Duration::from_secs(1) }
}

#[cfg(test)]
mod tests;
