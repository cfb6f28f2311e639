//! For which tenants somebody claims on this server, what of it is not settled, and what is left alone meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_listener::{Event as Signal, EventListener};

use crate::execution::orphans::Orphans;
use crate::execution::resting::Resting;
use crate::name::{ExecutionName, TenantId};

/// Who claims on this server.
#[derive(Default)]
pub(super) struct Claims {
    /// For which tenants somebody claims, and whether something was added since they looked.
    claimants: Mutex<HashMap<TenantId, bool>>,
    /// What may have been claimed by an attempt that was not answered.
    pub(super) unsettled: Orphans,
    /// What is being claimed, or put back, right now: one attempt at a time, or one would undo the other.
    held: Mutex<HashSet<ExecutionName>>,
    /// What could not begin here.
    pub(super) resting: Resting,
    stopping: AtomicBool,
    stopped: Signal,
}

impl Claims {
    /// Nothing is claimed from now on.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stopped.notify(usize::MAX);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn listen_stop(&self) -> EventListener {
        self.stopped.listen()
    }

    /// Says whether a claimant has to be begun for the tenant; one that there is looks once more.
    pub(super) fn begin(&self, tenant: &TenantId) -> bool {
        !self.is_stopping() && self.lock().insert(tenant.clone(), true).is_none()
    }

    /// Notes that the claimant is about to look.
    pub(super) fn look(&self, tenant: &TenantId) {
        self.lock().insert(tenant.clone(), false);
    }

    /// Ends the claimant, unless something was added since it looked; says whether it has ended.
    pub(super) fn end_unless_more(&self, tenant: &TenantId) -> bool {
        let mut claimants = self.lock();
        let has_more = claimants.get(tenant).is_some_and(|more| *more) && !self.is_stopping();
        if !has_more {
            claimants.remove(tenant);
        }
        !has_more
    }

    /// Ends the claimant whatever there is.
    pub(super) fn end(&self, tenant: &TenantId) {
        self.lock().remove(tenant);
    }

    /// Begins an attempt to claim one or to put it back; says whether there is no other.
    pub(super) fn hold(&self, name: &ExecutionName) -> bool {
        self.held().insert(name.clone())
    }

    /// Ends the attempt.
    pub(super) fn release(&self, name: &ExecutionName) {
        self.held().remove(name);
    }

    fn held(&self) -> MutexGuard<'_, HashSet<ExecutionName>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, bool>> {
        self.claimants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
