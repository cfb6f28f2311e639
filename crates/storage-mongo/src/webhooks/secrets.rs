//! Secrets of webhooks, sealed by the tenant's key. Those before are sealed together, one a line: until when it holds, and the secret.

use domain::identity::Secret;
use domain::name::WebhookName;
use domain::time::Timestamp;
use domain::webhook::WebhookSecrets;
use mongodb::bson::{Document, doc};
use storage_rules::{Spot, Trouble, previous_secrets, read_previous_secrets};
use zeroize::Zeroizing;

use super::names::of_name;
use crate::collections::WEBHOOKS;
use crate::contents::{self, Sealing};
use crate::error::{Error, Result};
use crate::row::{binary, integer};
use crate::session::Session;

const CURRENT: &str = "secret";
const PREVIOUS: &str = "previous";

/// Secrets as the fields that are stored; where there are none before, those of before are to be removed.
pub(super) async fn seal(session: &mut Session, name: &WebhookName, secrets: &WebhookSecrets) -> Result<Document> {
    let sealing = Sealing::begin(session, &name.tenant).await?;
    let current = sealing.seal(&Spot::webhook(name.webhook.as_str(), CURRENT), secrets.current.expose().as_bytes());
    let Some(until) = secrets.previous.iter().map(|(_, until)| integer(until.as_millis())).max() else {
        return Ok(doc! { "secret": binary(current), "previous": null, "previous_until": null });
    };
    let lines = previous_secrets(&secrets.previous);
    let previous = sealing.seal(&Spot::webhook(name.webhook.as_str(), PREVIOUS), lines.as_bytes());
    Ok(doc! { "secret": binary(current), "previous": binary(previous), "previous_until": until })
}

/// Those before are opened while one of them holds, and nothing waits for what of them does not open.
pub(super) async fn find(session: &mut Session, name: &WebhookName, now: Timestamp) -> Result<Option<WebhookSecrets>> {
    let Some(found) = session.find_one(WEBHOOKS.name, of_name(name)).await? else { return Ok(None) };
    let current = open(session, name, CURRENT, found.bytes(CURRENT)?).await?;
    let current = Secret::new(current.as_str());
    let is_held = found.find_number("previous_until")?.is_some_and(|until| now.as_millis() < until);
    let Some(sealed) = found.find_bytes(PREVIOUS)?.filter(|_| is_held) else {
        return Ok(Some(WebhookSecrets { current, previous: Vec::new() }));
    };
    let previous = match open(session, name, PREVIOUS, sealed).await {
        Ok(lines) => read_previous_secrets(&lines),
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

async fn open(session: &mut Session, name: &WebhookName, field: &str, sealed: &[u8]) -> Result<Zeroizing<String>> {
    contents::open_text(session, &name.tenant, &Spot::webhook(name.webhook.as_str(), field), sealed).await
}
