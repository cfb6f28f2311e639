//! Secrets of webhooks, sealed by the tenant's key.

use domain::identity::Secret;
use domain::name::{TenantId, WebhookId, WebhookName};
use domain::time::Timestamp;
use domain::webhook::WebhookSecrets;
use keys::Place;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

const TABLE: &str = "webhooks";
const CURRENT: &str = "secret";
const PREVIOUS: &str = "previous";

/// Secrets as they are stored.
pub(super) struct Sealed {
    pub(super) current: Vec<u8>,
    pub(super) previous: Option<Vec<u8>>,
    pub(super) until: Option<i64>,
}

pub(super) fn seal(connection: &Connection, vault: &Vault, name: &WebhookName, secrets: &WebhookSecrets) -> Result<Sealed> {
    let sealed = |field: &'static str, secret: &Secret| {
        vault.seal_of_tenant(connection, &name.tenant, place(name, field), secret.expose().as_bytes())
    };
    Ok(Sealed {
        current: sealed(CURRENT, &secrets.current)?,
        previous: secrets.previous.as_ref().map(|(secret, _)| sealed(PREVIOUS, secret)).transpose()?,
        until: secrets.previous.as_ref().map(|(_, until)| integer(until.as_millis())),
    })
}

pub(super) fn find(connection: &Connection, vault: &Vault, tenant: &TenantId, id: &WebhookId) -> Result<Option<WebhookSecrets>> {
    const QUERY: &str = "SELECT secret, previous, previous_until FROM webhooks WHERE tenant = ?1 AND id = ?2";
    let row = |row: &rusqlite::Row<'_>| Ok(Sealed { current: row.get(0)?, previous: row.get(1)?, until: row.get(2)? });
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str()], row);
    let Some(sealed) = run().optional().map_err(during("reading the secret of a webhook"))? else { return Ok(None) };
    let name = WebhookName { tenant: tenant.clone(), webhook: id.clone() };
    let open = |field: &'static str, bytes: &[u8]| -> Result<Secret> {
        let text = vault.open_of_tenant(connection, tenant, TABLE, place(&name, field), bytes)?;
        let text = std::str::from_utf8(&text).map_err(|error| Error::undecodable(TABLE, name.to_string(), error))?;
        Ok(Secret::new(text))
    };
    let previous = match (&sealed.previous, sealed.until) {
        (Some(bytes), Some(until)) => Some((open(PREVIOUS, bytes)?, Timestamp::from_millis(until.unsigned_abs()))),
        _ => None,
    };
    Ok(Some(WebhookSecrets { current: open(CURRENT, &sealed.current)?, previous }))
}

fn place<'a>(name: &'a WebhookName, field: &'a str) -> Place<'a> {
    Place { tenant: name.tenant.as_str(), collection: TABLE, id: name.webhook.as_str(), field }
}
