//! The states of tenants that were read, and what was settled for them, kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::name::TenantId;
use domain::tenant::{Settings, TenantState};

/// What was read, each with the epoch from before it was: whoever changes a tenant advances it, on whichever server.
#[derive(Clone, Default)]
pub struct States(Arc<Mutex<HashMap<TenantId, (u64, Known)>>>);

/// What is asked of a tenant on every call.
#[derive(Clone)]
pub struct Known {
    /// Whether it is open.
    pub state: TenantState,
    /// What was settled for it.
    pub settings: Arc<Settings>,
}

impl States {
    /// What is known of a tenant, where it was read at this epoch.
    pub fn find(&self, tenant: &TenantId, epoch: u64) -> Option<Known> {
        self.kept().get(tenant).filter(|(at, _)| *at == epoch).map(|(_, known)| known.clone())
    }

    /// Keeps what was read at an epoch or later.
    pub fn keep(&self, tenant: &TenantId, epoch: u64, known: Known) {
        self.kept().insert(tenant.clone(), (epoch, known));
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<TenantId, (u64, Known)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
