//! The port to what seals what leaves the process.

use domain::name::TenantId;
use zeroize::Zeroizing;

/// Port: seals what is kept in Redis, each for its place: sealed for one, it opens in no other. All servers that share a Redis open what any of
/// them has sealed.
pub trait Sealing: Send + Sync {
    /// Seals a text for a place of a tenant.
    fn seal(&self, tenant: &TenantId, place: &str, text: &[u8]) -> Vec<u8>;

    /// Opens what was sealed for this place; `None` where it was not, or cannot be opened here.
    fn open(&self, tenant: &TenantId, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}
