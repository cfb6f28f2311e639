//! Whether anything of a tenant may happen, and the port that says so on every call.

use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;
use crate::name::TenantId;
use crate::tenant::Settings;

/// Whether anything of a tenant may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TenantState {
    /// It may.
    #[default]
    Active,
    /// Nothing starts, and nobody of it may do anything.
    Suspended,
    /// Like suspended; its data is removed later.
    Deleted,
}

/// Port: the states of tenants. Asked on every call, so it answers from memory; what another server of the store has changed, it says
/// within a second.
#[async_trait]
pub trait TenantStates: Send + Sync {
    /// The state of a tenant; `None` where there is no such tenant.
    async fn state(&self, tenant: &TenantId) -> Result<Option<TenantState>>;
    /// What was settled for a tenant, as the state is answered; what holds for everybody where there is no such tenant.
    async fn settings(&self, tenant: &TenantId) -> Result<Arc<Settings>>;
    /// Whether a legal hold keeps everything of a tenant. Asked only where something is to be erased or removed.
    async fn is_held(&self, tenant: &TenantId) -> Result<bool>;
}

impl TenantState {
    /// Every state.
    pub const ALL: [TenantState; 3] = [TenantState::Active, TenantState::Suspended, TenantState::Deleted];

    /// The stable name, as documents and callers have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            TenantState::Active => "active",
            TenantState::Suspended => "suspended",
            TenantState::Deleted => "deleted",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}
