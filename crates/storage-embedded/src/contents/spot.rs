//! What is sealed for a row, and opened in no other.

use domain::name::TenantId;
use keys::Place;
use rusqlite::Connection;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::vault::Vault;

/// A row, and what of it is sealed.
pub(crate) struct Spot {
    pub(crate) table: &'static str,
    pub(crate) id: String,
    pub(crate) field: &'static str,
}

/// The code of a version.
pub(crate) fn code(utility: &str, number: u32) -> Spot {
    Spot { table: "version_code", id: format!("{utility}/{number}"), field: "code" }
}

/// What an execution takes and gives.
pub(crate) fn execution(id: &str) -> Spot {
    Spot { table: "executions", id: id.to_owned(), field: "contents" }
}

/// A batch of events, by the number of its first.
pub(crate) fn events(execution: &str, first: i64) -> Spot {
    Spot { table: "output", id: format!("{execution}/{first}"), field: "events" }
}

impl Spot {
    fn place<'a>(&'a self, tenant: &'a TenantId) -> Place<'a> {
        Place { tenant: tenant.as_str(), collection: self.table, id: &self.id, field: self.field }
    }
}

/// Seals it by the tenant's key, made where there is none. For the connection that writes.
pub(crate) fn seal(connection: &Connection, vault: &Vault, tenant: &TenantId, spot: &Spot, bytes: &[u8]) -> Result<Vec<u8>> {
    vault.seal_of_tenant(connection, tenant, spot.place(tenant), bytes)
}

/// Opens what was sealed for this very row.
pub(crate) fn open(connection: &Connection, vault: &Vault, tenant: &TenantId, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    vault.open_of_tenant(connection, tenant, spot.table, spot.place(tenant), sealed)
}

/// That something may stand there in plain text, as it does until all is sealed: later it is nobody's own work.
///
/// # Errors
/// [`Error::Undecodable`].
pub(crate) fn may_be_plain(vault: &Vault, tenant: &TenantId, spot: &Spot) -> Result<()> {
    if vault.takes_plain_text() {
        return Ok(());
    }
    Err(Error::undecodable(spot.table, format!("{tenant}/{}", spot.id), "it stands in plain text where everything is sealed"))
}

/// As [`open`], a text.
pub(crate) fn open_text(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    spot: &Spot,
    sealed: &[u8],
) -> Result<Zeroizing<String>> {
    let mut bytes = open(connection, vault, tenant, spot, sealed)?;
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new);
    text.map_err(|error| Error::undecodable(spot.table, format!("{tenant}/{}", spot.id), error))
}
