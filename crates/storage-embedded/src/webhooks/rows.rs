//! Rows of webhooks, and answers to requests about them.

use domain::name::{TenantId, WebhookId, WebhookName};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::time::Timestamp;
use domain::webhook::{MAX_WEBHOOKS, Webhook, WebhookChange, WebhookState};
use rusqlite::{Connection, params};
use storage_documents::WebhookDocument;
use storage_rules::{PageById, Refusal};

use super::secrets::{self, Sealed};
use crate::connection::integer;
use crate::cursor::limit;
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::vault::Vault;

const TABLE: &str = "webhooks";
/// The name of the order of a list.
pub(super) const ORDER: &str = "webhook";
/// Webhooks of all tenants that are told of at once; the next question begins behind them.
const MAX_PENDING: usize = 1_000;

/// A page of the webhooks of a tenant.
pub(super) fn list(connection: &Connection, vault: &Vault, tenant: &TenantId, page: &PageById) -> Result<Page<Webhook>> {
    const QUERY: &str = "SELECT tenant, id, document FROM webhooks WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let mut rows = each(connection, QUERY, params![tenant.as_str(), page.after, limit(page)])?;
    let next = page.cut(&mut rows, |row| &row.id);
    Ok(Page { items: readable(vault, rows)?, next })
}

/// From behind one to the last, and then from the first to that one. One that cannot be read keeps no other from what is sent to it.
pub(super) fn pending(connection: &Connection, vault: &Vault, now: Timestamp, after: Option<&WebhookName>) -> Result<Vec<Webhook>> {
    let query = |where_it_lies: &str| {
        format!(
            "SELECT tenant, id, document FROM webhooks w INDEXED BY webhooks_active WHERE state = 'active' AND {where_it_lies} AND \
             (reached < (SELECT last FROM event_logs WHERE tenant = w.tenant) OR EXISTS (SELECT 1 FROM webhook_deliveries d \
             WHERE d.tenant = w.tenant AND d.webhook = w.id AND d.given_up IS NULL AND d.due <= ?1)) AND \
             NOT EXISTS (SELECT 1 FROM tenants t WHERE t.code = w.tenant AND t.state <> 'active') ORDER BY tenant, id LIMIT ?2"
        )
    };
    let place = after.map_or(("", ""), |after| (after.tenant.as_str(), after.webhook.as_str()));
    let mut found = Vec::new();
    for where_it_lies in ["(tenant, id) > (?3, ?4)", "(tenant, id) <= (?3, ?4)"] {
        let room = MAX_PENDING - found.len();
        let values = params![integer(now.as_millis()), integer(room as u64), place.0, place.1];
        found.extend(each(connection, &query(where_it_lies), values)?);
    }
    readable(vault, found)
}

pub(super) fn find(connection: &Connection, tenant: &TenantId, id: &WebhookId) -> Result<Option<Webhook>> {
    const QUERY: &str = "SELECT tenant, id, document FROM webhooks WHERE tenant = ?1 AND id = ?2";
    each(connection, QUERY, params![tenant.as_str(), id.as_str()])?.pop().map(Stored::webhook).transpose()
}

pub(super) fn commit(
    connection: &Connection,
    vault: &Vault,
    change: &WebhookChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<Webhook>> {
    let name = &change.webhook.name;
    if let Some(key) = &change.request
        && let Some(answered) = answer(request::find(connection, &name.tenant, key, since)?)?
    {
        return Ok(answered);
    }
    let document = storage_documents::encode(&WebhookDocument::from(&change.webhook));
    let sealed = change.secrets.as_ref().map(|secrets| secrets::seal(connection, vault, name, secrets)).transpose()?;
    let stored = match (change.expected, sealed) {
        (Expected::Absent, Some(sealed)) => insert(connection, &change.webhook, &document, &sealed),
        (Expected::Absent, None) => return Err(Error::Misused("a new webhook without a secret")),
        (Expected::Revision(revision), _) if change.deletes => delete(connection, name, integer(revision.as_u64())),
        (Expected::Revision(revision), sealed) => {
            update(connection, &change.webhook, &document, sealed.as_ref(), integer(revision.as_u64()))
        }
    };
    if stored.map_err(during("storing a webhook"))? == 0 {
        return Ok(Committed::Conflict);
    }
    if change.expected == Expected::Absent {
        check_room(connection, &name.tenant)?;
    }
    if let Some((places, due)) = &change.replays {
        super::deliveries::replay(connection, name, places, *due)?;
    }
    if let Some(key) = &change.request {
        request::remember(connection, &name.tenant, key, now, &name.to_string(), Some(&document))?;
    }
    Ok(Committed::Stored)
}

/// That the tenant may have one more, which is there already: the write is taken back where it may not.
fn check_room(connection: &Connection, tenant: &TenantId) -> Result<()> {
    const QUERY: &str = "SELECT count(*) FROM webhooks WHERE tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, u32>(0));
    let count = run().map_err(during("looking how many webhooks a tenant has"))?;
    if count as usize > MAX_WEBHOOKS { Err(Refusal::Webhooks { tenant: tenant.clone() }.into()) } else { Ok(()) }
}

/// A new one begins behind what has happened.
fn insert(connection: &Connection, webhook: &Webhook, document: &str, sealed: &Sealed) -> rusqlite::Result<usize> {
    const QUERY: &str = "INSERT INTO webhooks (tenant, id, state, revision, document, secret, previous, previous_until, reached) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce((SELECT last FROM event_logs WHERE tenant = ?1), 0)) ON CONFLICT DO NOTHING";
    let (tenant, id, revision) = (webhook.name.tenant.as_str(), webhook.name.webhook.as_str(), integer(webhook.revision.as_u64()));
    let row = params![tenant, id, webhook.state.as_str(), revision, document, sealed.current, sealed.previous, sealed.until];
    connection.prepare_cached(QUERY)?.execute(row)
}

fn update(connection: &Connection, webhook: &Webhook, document: &str, sealed: Option<&Sealed>, expected: i64) -> rusqlite::Result<usize> {
    const QUERY: &str = "UPDATE webhooks SET state = ?3, revision = ?4, document = ?5, \
         given_up = CASE WHEN ?3 = ?6 AND state <> ?6 THEN 0 ELSE given_up END WHERE tenant = ?1 AND id = ?2 AND revision = ?7";
    const SECRETS: &str = "UPDATE webhooks SET secret = ?3, previous = ?4, previous_until = ?5 WHERE tenant = ?1 AND id = ?2";
    let (tenant, id, revision) = (webhook.name.tenant.as_str(), webhook.name.webhook.as_str(), integer(webhook.revision.as_u64()));
    let row = params![tenant, id, webhook.state.as_str(), revision, document, WebhookState::Active.as_str(), expected];
    let changed = connection.prepare_cached(QUERY)?.execute(row)?;
    if let Some(sealed) = sealed.filter(|_| changed > 0) {
        connection.prepare_cached(SECRETS)?.execute(params![tenant, id, sealed.current, sealed.previous, sealed.until])?;
    }
    Ok(changed)
}

fn delete(connection: &Connection, name: &WebhookName, expected: i64) -> rusqlite::Result<usize> {
    const WEBHOOK: &str = "DELETE FROM webhooks WHERE tenant = ?1 AND id = ?2 AND revision = ?3";
    const DELIVERIES: &str = "DELETE FROM webhook_deliveries WHERE tenant = ?1 AND webhook = ?2";
    let (tenant, id) = (name.tenant.as_str(), name.webhook.as_str());
    let deleted = connection.prepare_cached(WEBHOOK)?.execute(params![tenant, id, expected])?;
    if deleted > 0 {
        connection.prepare_cached(DELIVERIES)?.execute(params![tenant, id])?;
    }
    Ok(deleted)
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

/// A webhook as it is stored.
struct Stored {
    tenant: String,
    id: String,
    /// A text that is none hides no other.
    document: rusqlite::Result<String>,
}

impl Stored {
    fn webhook(self) -> Result<Webhook> {
        let name = format!("tenants/{}/webhooks/{}", self.tenant, self.id);
        let name = WebhookName::parse("name", &name).map_err(|error| Error::undecodable(TABLE, name, error))?;
        decode(name, &self.document.map_err(during("reading a webhook"))?)
    }
}

/// Those that can be read: one that cannot hides no other.
fn readable(vault: &Vault, rows: Vec<Stored>) -> Result<Vec<Webhook>> {
    let read = |row: Stored| {
        let place = format!("{}/{}", row.tenant, row.id);
        vault.readable(TABLE, place, row.webhook()).transpose()
    };
    rows.into_iter().filter_map(read).collect()
}

fn each(connection: &Connection, query: &str, values: impl rusqlite::Params) -> Result<Vec<Stored>> {
    let row = |row: &rusqlite::Row<'_>| Ok(Stored { tenant: row.get(0)?, id: row.get(1)?, document: row.get(2) });
    let run = || connection.prepare_cached(query)?.query_map(values, row)?.collect::<rusqlite::Result<Vec<_>>>();
    run().map_err(during("reading webhooks"))
}

fn decode(name: WebhookName, text: &str) -> Result<Webhook> {
    let place = name.to_string();
    let document = storage_documents::decode::<WebhookDocument>(text);
    let webhook = document.and_then(|document| Ok(document.into_webhook(name)?));
    webhook.map_err(|source| Error::undecodable(TABLE, place, source))
}
