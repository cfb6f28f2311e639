//! The tenant that a query is about.

use crate::name::TenantId;

/// The tenant that a query is about. Made from a permit; see [`crate::access::Permit::scope`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantScope(TenantId);

impl TenantScope {
    /// A scope for work that the server does for itself (recovery, retention) and for adapters' tests.
    pub fn for_system(tenant: TenantId) -> Self {
        TenantScope(tenant)
    }

    pub(crate) fn new(tenant: TenantId) -> Self {
        TenantScope(tenant)
    }

    /// The tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.0
    }
}
