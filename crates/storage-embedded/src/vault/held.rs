//! What the vault holds. What it does with that, its parent says.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keys::KeyProvider;
use storage_rules::Told;

use super::kept::Kept;

/// Keys of tenants and persons.
pub(crate) struct Vault {
    pub(super) provider: Arc<dyn KeyProvider>,
    pub(super) kept: Kept,
    pub(super) told: Told,
    /// Nothing that is to be sealed stands in plain text.
    pub(super) is_all_sealed: AtomicBool,
}
