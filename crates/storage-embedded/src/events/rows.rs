//! Rows of events, read.

use domain::error::Source;
use domain::event::{Details, Event, EventKind, EventSpan, MAX_EVENTS_AT_ONCE};
use domain::name::TenantId;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use storage_documents::EventDocument;
use storage_rules::Trouble;

use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

const TABLE: &str = "events";

pub(super) fn span(connection: &Connection, tenant: &TenantId) -> Result<EventSpan> {
    const QUERY: &str =
        "SELECT last, coalesce((SELECT min(sequence) FROM events WHERE tenant = ?1), last + 1) FROM event_logs WHERE tenant = ?1";
    let span = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()));
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], span);
    let found = run().optional().map_err(during("looking which events there are"))?;
    let (newest, oldest) = found.unwrap_or((0, 1));
    Ok(EventSpan { oldest, newest })
}

pub(super) fn behind(connection: &Connection, vault: &Vault, tenant: &TenantId, sequence: u64) -> Result<Vec<Event>> {
    const QUERY: &str = "SELECT sequence, id, time, kind, subject, details FROM events WHERE tenant = ?1 AND sequence > ?2 \
         ORDER BY sequence LIMIT ?3";
    let doing = "reading events";
    let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
    let mut rows = statement.query(params![tenant.as_str(), integer(sequence), MAX_EVENTS_AT_ONCE]).map_err(during(doing))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(during(doing))? {
        found.push(Stored::read(row).map_err(during(doing))?.decode(vault, tenant));
    }
    Ok(found)
}

/// The tenants of which there ever was an event.
pub(super) fn tenants(connection: &Connection) -> Result<Vec<TenantId>> {
    const QUERY: &str = "SELECT tenant FROM event_logs ORDER BY tenant";
    let run = || connection.prepare_cached(QUERY)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>();
    let found = run().map_err(during("looking whose events there are"))?;
    found.into_iter().map(|code| TenantId::parse("tenant", &code).map_err(|error| Error::undecodable(TABLE, code, error))).collect()
}

/// An event as it is stored.
struct Stored {
    sequence: u64,
    id: String,
    time: Timestamp,
    kind: String,
    subject: String,
    details: String,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Stored {
            sequence: row.get::<_, i64>(0)?.unsigned_abs(),
            id: row.get(1)?,
            time: Timestamp::from_millis(row.get::<_, i64>(2)?.unsigned_abs()),
            kind: row.get(3)?,
            subject: row.get(4)?,
            details: row.get(5)?,
        })
    }

    fn decode(self, vault: &Vault, tenant: &TenantId) -> Event {
        let Stored { sequence, id, time, kind, subject, details } = self;
        let (kind, details) = told(vault, (TABLE, format!("{tenant}/{sequence}")), &kind, &details);
        Event { tenant: tenant.clone(), sequence, id, time, kind, subject, details }
    }
}

/// What happened and what is said of it, from a row of a table with a key. One that cannot be read hides none behind it: that it is there
/// is told, and operators hear which.
pub(crate) fn told(vault: &Vault, (table, key): (&'static str, String), kind: &str, details: &str) -> (EventKind, Details) {
    let read = || -> std::result::Result<(EventKind, Details), Source> {
        let known = EventKind::parse(kind).ok_or_else(|| format!("{kind:?} is no type of events"))?;
        Ok((known, storage_documents::decode::<EventDocument>(details)?.into()))
    };
    read().unwrap_or_else(|source| {
        let error = Error::undecodable(table, key, source);
        if vault.is_news(Trouble::Unopened, &error) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an event cannot be read and is told as one of which nothing is known"
            );
        }
        (EventKind::Unreadable, Details::new())
    })
}
