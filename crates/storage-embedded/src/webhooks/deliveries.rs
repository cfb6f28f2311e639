//! Rows of what is on its way to webhooks, and of what was given up.

use domain::event::Event;
use domain::name::{TenantId, WebhookId, WebhookName};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::revision::Revision;
use domain::time::Timestamp;
use domain::webhook::{DeadLetter, Delivery, Failed, Queued, Verdict, WebhookProgress};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use storage_documents::EventDocument;
use storage_rules::{Cursor, malformed};

use crate::connection::integer;
use crate::error::{Result, during};
use crate::events::told;
use crate::tenants::is_held;
use crate::vault::Vault;

const TABLE: &str = "webhook_deliveries";
const ORDER: &str = "dead_letter";
/// Dead letters of one webhook that are kept; beyond it the oldest go, unless the tenant is on legal hold.
const MAX_DEAD_LETTERS: u32 = 10_000;
const COLUMNS: &str = "sequence, id, time, kind, subject, details, attempts, given_up, failure";

/// The dead letters of a webhook and which page of them.
pub(super) struct DeadLetters {
    name: WebhookName,
    size: usize,
    after: i64,
}

impl DeadLetters {
    pub(super) fn new(tenant: TenantId, webhook: WebhookId, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        let after = after.map(|cursor| cursor.id.parse().map_err(|_no_number| malformed())).transpose()?.unwrap_or(0);
        Ok(DeadLetters { name: WebhookName { tenant, webhook }, after, size: page.size.clamp(1, MAX_PAGE) as usize })
    }

    pub(super) fn page(&self, connection: &Connection, vault: &Vault) -> Result<Page<DeadLetter>> {
        let query = format!(
            "SELECT {COLUMNS} FROM webhook_deliveries WHERE tenant = ?1 AND webhook = ?2 AND given_up IS NOT NULL AND sequence > ?3 \
             ORDER BY sequence LIMIT ?4"
        );
        let limit = i64::try_from(self.size + 1).expect("a page is small");
        let values = params![self.name.tenant.as_str(), self.name.webhook.as_str(), self.after, limit];
        let mut rows = many(connection, vault, &self.name, &query, values)?;
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        let next = rows.last().filter(|_| more).map(|(last, _)| Cursor { millis: 0, id: last.to_string() }.encode(ORDER));
        Ok(Page { items: rows.into_iter().filter_map(|(_, letter)| letter).collect(), next })
    }
}

pub(super) fn progress(connection: &Connection, tenant: &TenantId, id: &WebhookId) -> Result<Option<WebhookProgress>> {
    const QUERY: &str = "SELECT reached, given_up, missed, \
         (SELECT count(*) FROM webhook_deliveries d INDEXED BY webhook_deliveries_waiting \
         WHERE d.tenant = ?1 AND d.webhook = ?2 AND d.given_up IS NULL), \
         (SELECT count(*) FROM webhook_deliveries d INDEXED BY webhook_deliveries_given_up \
         WHERE d.tenant = ?1 AND d.webhook = ?2 AND d.given_up IS NOT NULL) \
         FROM webhooks WHERE tenant = ?1 AND id = ?2";
    let number = |row: &Row<'_>, column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let progress = |row: &Row<'_>| {
        Ok(WebhookProgress {
            reached: number(row, 0)?,
            given_up: number(row, 1)?,
            missed: number(row, 2)?,
            waiting: number(row, 3)?,
            dead_letters: number(row, 4)?,
        })
    };
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str()], progress);
    run().optional().map_err(during("looking how far deliveries have come"))
}

/// Counts no further than it must: it is asked in each round.
pub(super) fn reached(connection: &Connection, tenant: &TenantId, id: &WebhookId, most: u64) -> Result<Option<u64>> {
    const QUERY: &str = "SELECT reached FROM webhooks WHERE tenant = ?1 AND id = ?2 AND ?3 > \
         (SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries d INDEXED BY webhook_deliveries_waiting \
         WHERE d.tenant = ?1 AND d.webhook = ?2 AND d.given_up IS NULL LIMIT ?3))";
    let values = params![tenant.as_str(), id.as_str(), integer(most)];
    let run = || connection.prepare_cached(QUERY)?.query_row(values, |row| row.get::<_, i64>(0).map(i64::unsigned_abs));
    run().optional().map_err(during("looking how far events were looked at"))
}

/// Queues events unless others were looked at since, or the webhook was changed.
pub(super) fn queue(connection: &Connection, tenant: &TenantId, id: &WebhookId, queued: &Queued) -> Result<bool> {
    const REACH: &str = "UPDATE webhooks SET reached = ?3, missed = missed + ?4 WHERE tenant = ?1 AND id = ?2 AND reached = ?5 \
         AND revision = ?6";
    const ADD: &str = "INSERT OR IGNORE INTO webhook_deliveries (tenant, webhook, sequence, id, time, kind, subject, details, due) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let run = || {
        let (to, missed, from) = (integer(queued.to), integer(queued.missed), integer(queued.from));
        let reach = params![tenant.as_str(), id.as_str(), to, missed, from, integer(queued.revision.as_u64())];
        if connection.prepare_cached(REACH)?.execute(reach)? == 0 {
            return Ok(false);
        }
        let mut add = connection.prepare_cached(ADD)?;
        for event in &queued.events {
            add.execute(params![
                tenant.as_str(),
                id.as_str(),
                integer(event.sequence),
                event.id,
                integer(event.time.as_millis()),
                event.kind.as_str(),
                event.subject,
                storage_documents::encode(&EventDocument::from(&event.details)),
                integer(queued.due.as_millis()),
            ])?;
        }
        Ok(true)
    };
    run().map_err(during("queueing deliveries"))
}

pub(super) fn due(
    connection: &Connection,
    vault: &Vault,
    (name, revision): (&WebhookName, Revision),
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let query = format!(
        "SELECT {COLUMNS} FROM webhook_deliveries WHERE tenant = ?1 AND webhook = ?2 AND given_up IS NULL AND due <= ?3 \
         AND EXISTS (SELECT 1 FROM webhooks w WHERE w.tenant = ?1 AND w.id = ?2 AND w.revision = ?5 AND w.state = 'active') \
         ORDER BY due, sequence LIMIT ?4"
    );
    let (now, revision) = (integer(now.as_millis()), integer(revision.as_u64()));
    let values = params![name.tenant.as_str(), name.webhook.as_str(), now, limit, revision];
    let found = many(connection, vault, name, &query, values)?;
    Ok(found.into_iter().filter_map(|(_, letter)| Some(letter?.delivery)).collect())
}

pub(super) fn awaits(connection: &Connection, (tenant, id): (&TenantId, &WebhookId), sequence: u64, attempts: u32) -> Result<bool> {
    const AWAITS: &str = "SELECT EXISTS (SELECT 1 FROM webhook_deliveries \
         WHERE tenant = ?1 AND webhook = ?2 AND sequence = ?3 AND attempts = ?4 AND given_up IS NULL)";
    let values = params![tenant.as_str(), id.as_str(), integer(sequence), attempts];
    let ask = || connection.prepare_cached(AWAITS)?.query_row(values, |row| row.get(0));
    ask().map_err(during("looking for a delivery"))
}

pub(super) fn taken(connection: &Connection, tenant: &TenantId, id: &WebhookId, sequence: u64) -> Result<()> {
    const TAKEN: &str = "DELETE FROM webhook_deliveries WHERE tenant = ?1 AND webhook = ?2 AND sequence = ?3";
    const AGAIN: &str = "UPDATE webhooks SET given_up = 0 WHERE tenant = ?1 AND id = ?2 AND given_up > 0";
    let run = || {
        connection.prepare_cached(TAKEN)?.execute(params![tenant.as_str(), id.as_str(), integer(sequence)])?;
        connection.prepare_cached(AGAIN)?.execute(params![tenant.as_str(), id.as_str()])
    };
    run().map(drop).map_err(during("removing a delivery"))
}

/// A result that comes late decides nothing any more.
pub(super) fn failed(connection: &Connection, tenant: &TenantId, id: &WebhookId, failed: &Failed) -> Result<bool> {
    const FAILED: &str = "UPDATE webhook_deliveries SET attempts = ?4, failure = ?5, due = coalesce(?6, due), given_up = ?7 \
         WHERE tenant = ?1 AND webhook = ?2 AND sequence = ?3 AND given_up IS NULL AND attempts = ?4 - 1";
    const COUNT: &str = "UPDATE webhooks SET given_up = given_up + 1 WHERE tenant = ?1 AND id = ?2";
    const OLDEST: &str = "DELETE FROM webhook_deliveries WHERE tenant = ?1 AND webhook = ?2 AND sequence IN \
         (SELECT sequence FROM webhook_deliveries INDEXED BY webhook_deliveries_given_up \
         WHERE tenant = ?1 AND webhook = ?2 AND given_up IS NOT NULL ORDER BY sequence DESC LIMIT -1 OFFSET ?3)";
    let (due, given_up) = match failed.verdict {
        Verdict::Again(due) => (Some(integer(due.as_millis())), None),
        Verdict::GivenUp(at) => (None, Some(integer(at.as_millis()))),
    };
    let run = || {
        let (sequence, attempts) = (integer(failed.sequence), failed.attempts);
        let row = params![tenant.as_str(), id.as_str(), sequence, attempts, failed.failure, due, given_up];
        let found = connection.prepare_cached(FAILED)?.execute(row)?;
        if given_up.is_some() && found > 0 {
            connection.prepare_cached(COUNT)?.execute(params![tenant.as_str(), id.as_str()])?;
        }
        Ok(found > 0)
    };
    let noted = run().map_err(during("noting a failed delivery"))?;
    if noted && given_up.is_some() && !is_held(connection, tenant)? {
        let oldest = params![tenant.as_str(), id.as_str(), MAX_DEAD_LETTERS];
        let trim = || connection.prepare_cached(OLDEST)?.execute(oldest);
        trim().map_err(during("removing the oldest dead letters"))?;
    }
    Ok(noted)
}

/// Makes dead letters deliveries again, as if nobody had tried.
pub(super) fn replay(connection: &Connection, name: &WebhookName, places: &[u64], due: Timestamp) -> Result<()> {
    const ALL: &str = "UPDATE webhook_deliveries SET attempts = 0, given_up = NULL, due = ?3 \
         WHERE tenant = ?1 AND webhook = ?2 AND given_up IS NOT NULL";
    const ONE: &str = "UPDATE webhook_deliveries SET attempts = 0, given_up = NULL, due = ?3 \
         WHERE tenant = ?1 AND webhook = ?2 AND given_up IS NOT NULL AND sequence = ?4";
    let (tenant, id, due) = (name.tenant.as_str(), name.webhook.as_str(), integer(due.as_millis()));
    let run = || {
        if places.is_empty() {
            connection.prepare_cached(ALL)?.execute(params![tenant, id, due])?;
        }
        for place in places {
            connection.prepare_cached(ONE)?.execute(params![tenant, id, due, integer(*place)])?;
        }
        Ok(())
    };
    run().map_err(during("replaying dead letters"))
}

/// What a query finds, by place; nothing in the place of what cannot be read.
fn many(
    connection: &Connection,
    vault: &Vault,
    name: &WebhookName,
    query: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<(u64, Option<DeadLetter>)>> {
    let doing = "reading deliveries";
    let mut statement = connection.prepare_cached(query).map_err(during(doing))?;
    let mut rows = statement.query(values).map_err(during(doing))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(during(doing))? {
        let sequence = row.get::<_, i64>(0).map_err(during(doing))?.unsigned_abs();
        let letter = Stored::read(row).map_err(during(doing)).map(|stored| stored.decode(vault, name));
        found.push((sequence, vault.readable(TABLE, format_args!("{name}/{sequence}"), letter)?));
    }
    Ok(found)
}

/// A delivery as it is stored.
struct Stored {
    sequence: u64,
    id: String,
    time: i64,
    kind: String,
    subject: String,
    details: String,
    attempts: u32,
    given_up: Option<i64>,
    failure: String,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Stored {
            sequence: row.get::<_, i64>(0)?.unsigned_abs(),
            id: row.get(1)?,
            time: row.get(2)?,
            kind: row.get(3)?,
            subject: row.get(4)?,
            details: row.get(5)?,
            attempts: row.get(6)?,
            given_up: row.get(7)?,
            failure: row.get(8)?,
        })
    }

    fn decode(self, vault: &Vault, name: &WebhookName) -> DeadLetter {
        let (kind, details) = told(vault, (TABLE, format!("{name}/{}", self.sequence)), &self.kind, &self.details);
        let time = |millis: i64| Timestamp::from_millis(millis.unsigned_abs());
        let event = Event {
            tenant: name.tenant.clone(),
            sequence: self.sequence,
            id: self.id,
            time: time(self.time),
            kind,
            subject: self.subject,
            details,
        };
        let delivery = Delivery { webhook: name.clone(), event, attempts: self.attempts };
        DeadLetter { delivery, given_up: time(self.given_up.unwrap_or_default()), failure: self.failure }
    }
}
