//! Values of secrets, sealed by the tenant's key for the document in which they stand, and as which value of it.

use domain::identity::Secret;
use domain::secret::NamedSecret;
use keys::Place;

use crate::collections::SECRETS;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::vault::Vault;

pub(super) async fn seal(session: &mut Session, vault: &Vault, secret: &NamedSecret, value: &Secret) -> Result<Vec<u8>> {
    let field = field(secret);
    vault.seal_of_tenant(session, &secret.name.tenant, place(secret, &field), value.expose().as_bytes()).await
}

pub(super) async fn unseal(session: &mut Session, vault: &Vault, secret: &NamedSecret, sealed: &[u8]) -> Result<Secret> {
    let (name, field) = (&secret.name, field(secret));
    let text = vault.open_of_tenant(session, &name.tenant, SECRETS.name, place(secret, &field), sealed).await?;
    let value = std::str::from_utf8(&text).map_err(|error| Error::undecodable(SECRETS.name, name.to_string(), error))?;
    Ok(Secret::new(value))
}

/// Which of the values that ever stood under this name: one of before does not open as the one of now.
fn field(secret: &NamedSecret) -> String {
    format!("value/{}/{}", secret.created.as_millis(), secret.version)
}

fn place<'a>(secret: &'a NamedSecret, field: &'a str) -> Place<'a> {
    Place { tenant: secret.name.tenant.as_str(), collection: SECRETS.name, id: secret.name.secret.as_str(), field }
}
