//! Documents of webhooks, and answers to requests about them.

use domain::name::{TenantId, WebhookId, WebhookName};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::time::Timestamp;
use domain::webhook::{MAX_WEBHOOKS, Webhook, WebhookChange, WebhookState};
use mongodb::bson::{Document, doc};
use storage_documents::WebhookDocument;
use storage_rules::{PageById, Refusal};

use super::names::of_name;
use super::{deliveries, secrets};
use crate::collections::{EVENT_LOGS, WEBHOOKS};
use crate::counts;
use crate::error::{Error, Result};
use crate::request::{self, Remembered};
use crate::row::{Row, integer};
use crate::session::{Select, Session};

/// The name of the order of a list.
pub(super) const ORDER: &str = "webhook";

/// A page of the webhooks of a tenant. One that cannot be read hides no other.
pub(super) async fn list(session: &mut Session, tenant: &TenantId, page: &PageById) -> Result<Page<Webhook>> {
    let filter = doc! { "tenant": tenant.as_str(), "id": { "$gt": &page.after } };
    let mut found = session.find(WEBHOOKS.name, filter, Select::sorted(doc! { "id": 1 }, page.limit())).await?;
    let next = page.cut(&mut found, |found| found.text("id").unwrap_or_default());
    let items = found.iter().filter_map(|found| session.shared.readable(read(found)).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next })
}

pub(super) async fn find(session: &mut Session, name: &WebhookName) -> Result<Option<Webhook>> {
    session.find_one(WEBHOOKS.name, of_name(name)).await?.as_ref().map(read).transpose()
}

pub(super) async fn commit(
    session: &mut Session,
    change: &WebhookChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<Webhook>> {
    let name = &change.webhook.name;
    if let Some(key) = &change.request
        && let Some(answered) = answer(request::find(session, &name.tenant, key, since).await?)?
    {
        return Ok(answered);
    }
    let document = storage_documents::encode(&WebhookDocument::from(&change.webhook));
    let sealed = match &change.secrets {
        Some(secrets) => Some(secrets::seal(session, name, secrets).await?),
        None => None,
    };
    let is_stored = match (change.expected, sealed) {
        (Expected::Absent, Some(sealed)) => insert(session, &change.webhook, &document, sealed).await?,
        (Expected::Absent, None) => return Err(Error::Misused("a new webhook without a secret")),
        (Expected::Revision(revision), _) if change.deletes => delete(session, name, revision).await?,
        (Expected::Revision(revision), sealed) => update(session, &change.webhook, &document, sealed, revision).await?,
    };
    if !is_stored {
        return Ok(Committed::Conflict);
    }
    if let Some((places, due)) = &change.replays {
        deliveries::replay(session, name, places, *due).await?;
    }
    if let Some(key) = &change.request {
        request::remember(session, &name.tenant, key, now, &name.to_string(), Some(&document)).await?;
    }
    Ok(Committed::Stored)
}

/// A new one begins behind what has happened.
async fn insert(session: &mut Session, webhook: &Webhook, document: &str, sealed: Document) -> Result<bool> {
    let tenant = &webhook.name.tenant;
    let log = session.find_one(EVENT_LOGS.name, doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() }).await?;
    let last = log.map(|log| log.integer("last")).transpose()?.unwrap_or_default();
    let mut row = of_name(&webhook.name);
    row.extend(doc! {
        "id": webhook.name.webhook.as_str(),
        "state": webhook.state.as_str(),
        "revision": integer(webhook.revision.as_u64()),
        "document": document,
        "reached": last,
        "given_up": 0_i64,
        "missed": 0_i64,
    });
    row.extend(sealed);
    if !session.insert(WEBHOOKS.name, row).await? {
        return Ok(false);
    }
    if counts::advance(session, tenant, WEBHOOKS.name, 1).await? > MAX_WEBHOOKS as u64 {
        return Err(Refusal::Webhooks { tenant: tenant.clone() }.into());
    }
    Ok(true)
}

/// One that becomes active again begins to count anew.
async fn update(session: &mut Session, webhook: &Webhook, document: &str, sealed: Option<Document>, expected: Revision) -> Result<bool> {
    let of_revision = at_revision(&webhook.name, expected);
    let Some(before) = session.find_one(WEBHOOKS.name, of_revision.clone()).await? else { return Ok(false) };
    let active = WebhookState::Active.as_str();
    let mut set = doc! { "state": webhook.state.as_str(), "revision": integer(webhook.revision.as_u64()), "document": document };
    if webhook.state == WebhookState::Active && before.text("state")? != active {
        set.insert("given_up", 0_i64);
    }
    set.extend(sealed.unwrap_or_default());
    session.update(WEBHOOKS.name, of_revision, doc! { "$set": set }).await
}

async fn delete(session: &mut Session, name: &WebhookName, expected: Revision) -> Result<bool> {
    if session.delete(WEBHOOKS.name, at_revision(name, expected)).await? == 0 {
        return Ok(false);
    }
    deliveries::delete_of(session, name).await?;
    counts::advance(session, &name.tenant, WEBHOOKS.name, -1).await?;
    Ok(true)
}

pub(super) fn answer(remembered: Option<Remembered>) -> Result<Option<Committed<Webhook>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let name = WebhookName::parse("name", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    Ok(Some(Committed::Answered(Box::new(decode(name, &text)?))))
}

fn at_revision(name: &WebhookName, revision: Revision) -> Document {
    let mut filter = of_name(name);
    filter.insert("revision", integer(revision.as_u64()));
    filter
}

/// The name of a stored webhook.
pub(super) fn name_of(found: &Row) -> Result<WebhookName> {
    let broken = |error| Error::undecodable(WEBHOOKS.name, found.key(), error);
    let tenant = TenantId::parse("tenant", found.text("tenant")?).map_err(broken)?;
    let webhook = WebhookId::parse("id", found.text("id")?).map_err(broken)?;
    Ok(WebhookName { tenant, webhook })
}

pub(super) fn read(found: &Row) -> Result<Webhook> {
    decode(name_of(found)?, found.text("document")?)
}

fn decode(name: WebhookName, text: &str) -> Result<Webhook> {
    let place = name.to_string();
    let document = storage_documents::decode::<WebhookDocument>(text);
    let webhook = document.and_then(|document| Ok(document.into_webhook(name)?));
    webhook.map_err(|source| Error::undecodable(WEBHOOKS.name, place, source))
}
