//! What the vault holds. What it does with that, its parent says.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use keys::KeyProvider;

use super::kept::Kept;

/// Keys of tenants and persons.
pub(crate) struct Vault {
    /// Where the files of wrapping keys lie.
    pub(super) directory: PathBuf,
    /// Read again where another server has made a key since.
    pub(super) provider: RwLock<Arc<dyn KeyProvider>>,
    pub(super) kept: Kept,
}
