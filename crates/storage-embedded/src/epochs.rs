//! How often what is known of a tenant's principals, or of its own state, has changed, for whoever keeps copies of it in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::name::TenantId;

/// Epochs of tenants, as the ports of identity know them. In memory: one process has the directory, and what it has read goes
/// with it.
#[derive(Clone, Default)]
pub(crate) struct Epochs(Arc<Mutex<HashMap<TenantId, u64>>>);

impl Epochs {
    pub(crate) fn find(&self, tenant: &TenantId) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).copied().unwrap_or_default()
    }

    /// Called by the write, so that what is judged at an epoch finds every write before it; and again once the write is on disk, so
    /// that what was read beside it is not kept for long.
    pub(crate) fn advance(&self, tenant: &TenantId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant.clone()).or_default() += 1;
    }
}
