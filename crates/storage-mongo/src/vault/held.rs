//! What the vault holds. What it does with that, its parent says.

use std::sync::Arc;

use keys::KeyProvider;

use super::kept::Kept;

/// Keys of tenants and persons.
pub(crate) struct Vault {
    pub(super) provider: Arc<dyn KeyProvider>,
    pub(super) kept: Kept,
}
