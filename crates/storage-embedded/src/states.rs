//! The states of tenants that were read, kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::name::TenantId;
use domain::tenant::TenantState;

/// States that were read, each with the epoch from before it was. One process has the directory, so nobody else changes them.
#[derive(Clone, Default)]
pub(crate) struct States(Arc<Mutex<HashMap<TenantId, (u64, TenantState)>>>);

impl States {
    pub(crate) fn find(&self, tenant: &TenantId, epoch: u64) -> Option<TenantState> {
        self.kept().get(tenant).filter(|(at, _)| *at == epoch).map(|(_, state)| *state)
    }

    pub(crate) fn keep(&self, tenant: &TenantId, epoch: u64, state: TenantState) {
        self.kept().insert(tenant.clone(), (epoch, state));
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<TenantId, (u64, TenantState)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
