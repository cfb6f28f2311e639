//! Secrets of webhooks, sealed by the tenant's key. Those before are sealed together, one a line: until when it holds, and the secret.

use domain::identity::Secret;
use domain::name::WebhookName;
use domain::time::Timestamp;
use domain::webhook::WebhookSecrets;
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_rules::{Spot, Trouble, previous_secrets, read_previous_secrets};
use zeroize::Zeroizing;

use crate::connection::integer;
use crate::contents;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

const CURRENT: &str = "secret";
const PREVIOUS: &str = "previous";

/// Secrets as they are stored.
pub(super) struct Sealed {
    pub(super) current: Vec<u8>,
    pub(super) previous: Option<Vec<u8>>,
    pub(super) until: Option<i64>,
}

pub(super) fn seal(connection: &Connection, vault: &Vault, name: &WebhookName, secrets: &WebhookSecrets) -> Result<Sealed> {
    let sealed = |field: &'static str, text: &str| {
        contents::seal(connection, vault, &name.tenant, &Spot::webhook(name.webhook.as_str(), field), text.as_bytes())
    };
    let until = secrets.previous.iter().map(|(_, until)| integer(until.as_millis())).max();
    let lines = previous_secrets(&secrets.previous);
    let previous = until.map(|_| sealed(PREVIOUS, &lines)).transpose()?;
    Ok(Sealed { current: sealed(CURRENT, secrets.current.expose())?, previous, until })
}

/// Those before are opened while one of them holds, and nothing waits for what of them does not open.
pub(super) fn find(connection: &Connection, vault: &Vault, name: &WebhookName, now: Timestamp) -> Result<Option<WebhookSecrets>> {
    const QUERY: &str = "SELECT secret, previous, previous_until FROM webhooks WHERE tenant = ?1 AND id = ?2";
    let row = |row: &rusqlite::Row<'_>| Ok(Sealed { current: row.get(0)?, previous: row.get(1)?, until: row.get(2)? });
    let run = || connection.prepare_cached(QUERY)?.query_row(params![name.tenant.as_str(), name.webhook.as_str()], row);
    let Some(sealed) = run().optional().map_err(during("reading the secret of a webhook"))? else { return Ok(None) };
    let open = |field: &'static str, bytes: &[u8]| -> Result<Zeroizing<String>> {
        contents::open_text(connection, vault, &name.tenant, &Spot::webhook(name.webhook.as_str(), field), bytes)
    };
    let current = Secret::new(open(CURRENT, &sealed.current)?.as_str());
    let held = sealed.previous.as_ref().filter(|_| sealed.until.is_some_and(|until| integer(now.as_millis()) < until));
    let previous = match held.map(|bytes| open(PREVIOUS, bytes)) {
        None => Vec::new(),
        Some(Ok(lines)) => read_previous_secrets(&lines),
        Some(Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. }))) => {
            if vault.is_news(Trouble::Unopened, &error) {
                tracing::error!(error = &error as &dyn std::error::Error, "secrets of a webhook that were replaced cannot be read");
            }
            Vec::new()
        }
        Some(Err(error)) => return Err(error),
    };
    Ok(Some(WebhookSecrets { current, previous }))
}
