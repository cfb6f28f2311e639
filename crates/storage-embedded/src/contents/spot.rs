//! What is sealed for a row (see [`Spot`]), and opened in no other.

use domain::name::TenantId;
use rusqlite::Connection;
use storage_rules::Spot;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::vault::Vault;

/// Seals it by the tenant's key, made where there is none. For the connection that writes.
pub(crate) fn seal(connection: &Connection, vault: &Vault, tenant: &TenantId, spot: &Spot, bytes: &[u8]) -> Result<Vec<u8>> {
    vault.seal_of_tenant(connection, tenant, spot.place(tenant), bytes)
}

/// Opens what was sealed for this very row.
pub(crate) fn open(connection: &Connection, vault: &Vault, tenant: &TenantId, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    vault.open_of_tenant(connection, tenant, spot.collection, spot.place(tenant), sealed)
}

/// That something may stand there in plain text, as it does until all is sealed: later it is nobody's own work.
///
/// # Errors
/// It may not.
pub(crate) fn may_be_plain(vault: &Vault, tenant: &TenantId, spot: &Spot) -> Result<()> {
    if vault.takes_plain_text() {
        return Ok(());
    }
    Err(spot.broken(tenant, "it stands in plain text where everything is sealed"))
}

/// As [`open`], a text.
pub(crate) fn open_text(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    spot: &Spot,
    sealed: &[u8],
) -> Result<Zeroizing<String>> {
    let opened = open(connection, vault, tenant, spot, sealed)?;
    spot.text(tenant, opened)
}
