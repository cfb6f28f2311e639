//! Secrets of webhooks, sealed by the tenant's key. Those before are sealed together, one a line: until when it holds, and the secret.

use domain::identity::Secret;
use domain::name::WebhookName;
use domain::time::Timestamp;
use domain::webhook::WebhookSecrets;
use keys::Place;
use mongodb::bson::{Document, doc};
use zeroize::Zeroizing;

use super::names::of_name;
use crate::collections::WEBHOOKS;
use crate::error::{Error, Result};
use crate::row::{binary, integer};
use crate::session::Session;
use crate::told::Trouble;
use crate::vault::Vault;

const CURRENT: &str = "secret";
const PREVIOUS: &str = "previous";

/// Secrets as the fields that are stored; where there are none before, those of before are to be removed.
pub(super) async fn seal(session: &mut Session, vault: &Vault, name: &WebhookName, secrets: &WebhookSecrets) -> Result<Document> {
    let current = vault.seal_of_tenant(session, &name.tenant, place(name, CURRENT), secrets.current.expose().as_bytes()).await?;
    let Some(until) = secrets.previous.iter().map(|(_, until)| integer(until.as_millis())).max() else {
        return Ok(doc! { "secret": binary(current), "previous": null, "previous_until": null });
    };
    let lines: Vec<String> = secrets.previous.iter().map(|(secret, until)| format!("{} {}", until.as_millis(), secret.expose())).collect();
    let lines = Zeroizing::new(lines.join("\n"));
    let previous = vault.seal_of_tenant(session, &name.tenant, place(name, PREVIOUS), lines.as_bytes()).await?;
    Ok(doc! { "secret": binary(current), "previous": binary(previous), "previous_until": until })
}

/// Those before are opened while one of them holds, and nothing waits for what of them does not open.
pub(super) async fn find(session: &mut Session, vault: &Vault, name: &WebhookName, now: Timestamp) -> Result<Option<WebhookSecrets>> {
    let Some(found) = session.find_one(WEBHOOKS.name, of_name(name)).await? else { return Ok(None) };
    let current = open(session, vault, name, CURRENT, found.bytes(CURRENT)?).await?;
    let current = Secret::new(current.as_str());
    let is_held = found.find_number("previous_until")?.is_some_and(|until| now.as_millis() < until);
    let Some(sealed) = found.find_bytes(PREVIOUS)?.filter(|_| is_held) else {
        return Ok(Some(WebhookSecrets { current, previous: Vec::new() }));
    };
    let previous = match open(session, vault, name, PREVIOUS, sealed).await {
        Ok(lines) => lines.lines().filter_map(read_line).collect(),
        Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => {
            if session.shared.told.is_news(Trouble::Unopened, &error) {
                tracing::error!(error = &error as &dyn std::error::Error, "secrets of a webhook that were replaced cannot be read");
            }
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    Ok(Some(WebhookSecrets { current, previous }))
}

async fn open(session: &mut Session, vault: &Vault, name: &WebhookName, field: &str, sealed: &[u8]) -> Result<Zeroizing<String>> {
    let text = vault.open_of_tenant(session, &name.tenant, WEBHOOKS.name, place(name, field), sealed).await?;
    let broken = |error| Error::undecodable(WEBHOOKS.name, format!("{name}/{field}"), error);
    std::str::from_utf8(&text).map(|text| Zeroizing::new(text.to_owned())).map_err(broken)
}

fn read_line(line: &str) -> Option<(Secret, Timestamp)> {
    let (until, secret) = line.split_once(' ')?;
    Some((Secret::new(secret), Timestamp::from_millis(until.parse().ok()?)))
}

fn place<'a>(name: &'a WebhookName, field: &'a str) -> Place<'a> {
    Place { tenant: name.tenant.as_str(), collection: WEBHOOKS.name, id: name.webhook.as_str(), field }
}
