//! What the vault holds. What it does with that, its parent says.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use keys::{KeyGuard, KeyProvider};
use tokio::sync::Mutex;

use super::kept::Kept;

/// Keys of tenants and persons.
pub(crate) struct Vault {
    /// Where the files of wrapping keys lie.
    pub(super) directory: PathBuf,
    /// What protects these files.
    pub(super) guard: Option<Arc<dyn KeyGuard>>,
    /// Held by whoever reads them again, or adds one.
    pub(super) reading: Mutex<()>,
    /// Read again where another server has made a key since.
    pub(super) provider: RwLock<Arc<dyn KeyProvider>>,
    pub(super) kept: Kept,
}
