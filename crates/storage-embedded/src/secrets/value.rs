//! Values of secrets, sealed by the tenant's key for the row in which they stand, and as which value of it.

use domain::identity::Secret;
use domain::secret::NamedSecret;
use keys::Place;
use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::vault::Vault;

pub(super) const TABLE: &str = "secrets";

pub(super) fn seal(connection: &Connection, vault: &Vault, secret: &NamedSecret, value: &Secret) -> Result<Vec<u8>> {
    let (tenant, field) = (&secret.name.tenant, field(secret));
    vault.seal_of_tenant(connection, tenant, place(secret, &field), value.expose().as_bytes())
}

pub(super) fn unseal(connection: &Connection, vault: &Vault, secret: &NamedSecret, sealed: &[u8]) -> Result<Secret> {
    let (name, field) = (&secret.name, field(secret));
    let text = vault.open_of_tenant(connection, &name.tenant, TABLE, place(secret, &field), sealed)?;
    let value = std::str::from_utf8(&text).map_err(|error| Error::undecodable(TABLE, name.to_string(), error))?;
    Ok(Secret::new(value))
}

/// Which of the values that ever stood under this name: one of before does not open as the one of now.
fn field(secret: &NamedSecret) -> String {
    format!("value/{}/{}", secret.created.as_millis(), secret.version)
}

fn place<'a>(secret: &'a NamedSecret, field: &'a str) -> Place<'a> {
    Place { tenant: secret.name.tenant.as_str(), collection: TABLE, id: secret.name.secret.as_str(), field }
}
