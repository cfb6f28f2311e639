//! Values of secrets, sealed by the tenant's key for the row in which they stand.

use domain::identity::Secret;
use domain::name::SecretName;
use keys::Place;
use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::vault::Vault;

pub(super) const TABLE: &str = "secrets";

pub(super) fn seal(connection: &Connection, vault: &Vault, name: &SecretName, value: &Secret) -> Result<Vec<u8>> {
    vault.seal_of_tenant(connection, &name.tenant, place(name), value.expose().as_bytes())
}

pub(super) fn unseal(connection: &Connection, vault: &Vault, name: &SecretName, sealed: &[u8]) -> Result<Secret> {
    let text = vault.open_of_tenant(connection, &name.tenant, TABLE, place(name), sealed)?;
    let value = std::str::from_utf8(&text).map_err(|error| Error::undecodable(TABLE, name.to_string(), error))?;
    Ok(Secret::new(value))
}

fn place(name: &SecretName) -> Place<'_> {
    Place { tenant: name.tenant.as_str(), collection: TABLE, id: name.secret.as_str(), field: "value" }
}
