//! Who runs now and who waits: one limit over all tenants, one per tenant, and a fair turn between tenants that wait.
//! It knows nothing of sandboxes.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::{Event, EventListener};

use crate::error::{Error, Result};
use crate::name::TenantId;

/// Limits of admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Executions that run at once, over all tenants.
    pub max_running: u32,
    /// Executions of one tenant that run at once.
    pub max_running_per_tenant: u32,
    /// Executions that wait, over all tenants.
    pub max_queued: u32,
    /// Executions of one tenant that wait.
    pub max_queued_per_tenant: u32,
}

impl Default for Config {
    /// As many at once as the default pools hold children (16 sandboxes of 4); a tenant gets half; a queue that drains
    /// within a minute when executions take about four seconds.
    fn default() -> Self {
        Config { max_running: 64, max_running_per_tenant: 32, max_queued: 1_024, max_queued_per_tenant: 512 }
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
    /// Running executions.
    pub running: u32,
    /// Waiting executions.
    pub queued: u32,
}

struct Shared {
    config: Config,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    running: u32,
    queued: u32,
    tenants: HashMap<TenantId, Tenant>,
    /// Tenants with waiters, in the order of their turns.
    turns: VecDeque<TenantId>,
}

#[derive(Default)]
struct Tenant {
    running: u32,
    waiting: VecDeque<Arc<Waiter>>,
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
        Admission { shared: Arc::new(Shared { config, inner: Mutex::default() }) }
    }

    /// Takes a place: among the running when there is room, else in the queue.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when the queue, or the tenant's share of it, is full.
    pub fn enter(&self, tenant: &TenantId) -> Result<Ticket> {
        let config = self.shared.config;
        let mut inner = self.shared.lock();
        let has_room = inner.running < config.max_running;
        let own = inner.tenants.entry(tenant.clone()).or_default();
        let waiter = Arc::new(Waiter { tenant: tenant.clone(), admitted: AtomicBool::new(false), changed: Event::new() });
        if has_room && own.waiting.is_empty() && own.running < config.max_running_per_tenant {
            own.running += 1;
            inner.running += 1;
            waiter.admitted.store(true, Ordering::Release);
        } else {
            let own_waiting = own.waiting.len() as u32;
            if own_waiting >= config.max_queued_per_tenant {
                return Err(full(format!("tenants/{tenant}"), config.max_queued_per_tenant));
            }
            if inner.queued >= config.max_queued {
                return Err(full("executions".to_owned(), config.max_queued));
            }
            inner.queue(&waiter);
        }
        Ok(Ticket { shared: Arc::clone(&self.shared), waiter })
    }

    /// How many run and wait.
    pub fn load(&self) -> Load {
        let inner = self.shared.lock();
        Load { running: inner.running, queued: inner.queued }
    }
}

// === impl Ticket ===

impl Ticket {
    /// How many executions start before this one: 0 once it is admitted. Tenants take turns, so each waiter of the same
    /// tenant ahead counts once per waiting tenant, at most.
    pub fn position(&self) -> u32 {
        if self.admitted() {
            return 0;
        }
        let inner = self.shared.lock();
        let ahead_in = |tenant: &Tenant, limit: usize| tenant.waiting.len().min(limit);
        let Some(own) = inner.tenants.get(&self.waiter.tenant) else { return 0 };
        let Some(index) = own.waiting.iter().position(|waiter| Arc::ptr_eq(waiter, &self.waiter)) else { return 0 };
        let others: usize = inner
            .turns
            .iter()
            .filter(|tenant| **tenant != self.waiter.tenant)
            .filter_map(|tenant| inner.tenants.get(tenant))
            .map(|tenant| ahead_in(tenant, index + 1))
            .sum();
        (index + others + 1) as u32
    }

    /// Whether it runs.
    pub fn admitted(&self) -> bool {
        self.waiter.admitted.load(Ordering::Acquire)
    }

    /// Wakes when the ticket is admitted or the queue ahead got shorter. Listen first, then look.
    pub fn listen(&self) -> EventListener {
        self.waiter.changed.listen()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        if self.admitted() {
            inner.running -= 1;
            if let Some(own) = inner.tenants.get_mut(&self.waiter.tenant) {
                own.running -= 1;
            }
        } else {
            inner.leave_queue(&self.waiter);
        }
        inner.forget_if_idle(&self.waiter.tenant);
        inner.admit(&self.shared.config);
    }
}

// === impl Inner ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn queue(&mut self, waiter: &Arc<Waiter>) {
        let own = self.tenants.entry(waiter.tenant.clone()).or_default();
        own.waiting.push_back(Arc::clone(waiter));
        if own.waiting.len() == 1 {
            self.turns.push_back(waiter.tenant.clone());
        }
        self.queued += 1;
    }

    fn leave_queue(&mut self, waiter: &Arc<Waiter>) {
        let Some(own) = self.tenants.get_mut(&waiter.tenant) else { return };
        let before = own.waiting.len();
        own.waiting.retain(|other| !Arc::ptr_eq(other, waiter));
        self.queued -= (before - own.waiting.len()) as u32;
        if own.waiting.is_empty() {
            self.turns.retain(|tenant| *tenant != waiter.tenant);
        }
    }

    /// Gives free places to waiters, one tenant after the other.
    fn admit(&mut self, config: &Config) {
        let mut passed_over = 0;
        while self.running < config.max_running && passed_over < self.turns.len() {
            let Some(tenant) = self.turns.pop_front() else { break };
            let Some(own) = self.tenants.get_mut(&tenant) else { continue };
            if own.running >= config.max_running_per_tenant {
                self.turns.push_back(tenant);
                passed_over += 1;
                continue;
            }
            let Some(waiter) = own.waiting.pop_front() else { continue };
            own.running += 1;
            self.running += 1;
            self.queued -= 1;
            passed_over = 0;
            waiter.admitted.store(true, Ordering::Release);
            waiter.changed.notify(usize::MAX);
            for other in &own.waiting {
                other.changed.notify(usize::MAX);
            }
            if !own.waiting.is_empty() {
                self.turns.push_back(tenant);
            }
        }
    }

    fn forget_if_idle(&mut self, tenant: &TenantId) {
        if self.tenants.get(tenant).is_some_and(|own| own.running == 0 && own.waiting.is_empty()) {
            self.tenants.remove(tenant);
        }
    }
}

fn full(subject: String, limit: u32) -> Error {
    Error::Exhausted {
        reason: "QUEUE_FULL",
        subject,
        description: format!("{limit} executions wait already; try again later"),
        retry_after: Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests;
