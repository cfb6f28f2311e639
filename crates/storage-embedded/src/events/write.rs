//! Adding events: each gets the next place of its tenant's log, in the write of what it tells.

use domain::event::Happened;
use domain::time::Timestamp;
use rusqlite::{Connection, params};
use storage_documents::EventDocument;

use crate::connection::integer;
use crate::error::{Result, during};

/// Adds what one change means. What stands in the logs of two tenants is one event, and has one id.
pub(crate) fn note(connection: &Connection, now: Timestamp, happened: &[Happened]) -> Result<()> {
    let mut before: Option<(&Happened, String)> = None;
    for one in happened {
        let is_same = |other: &Happened| other.kind == one.kind && other.subject == one.subject;
        let id = match before.take() {
            Some((other, id)) if is_same(other) => id,
            _ => keys::random_id(),
        };
        add(connection, now, one, &id).map_err(during("adding an event"))?;
        before = Some((one, id));
    }
    Ok(())
}

fn add(connection: &Connection, now: Timestamp, happened: &Happened, id: &str) -> rusqlite::Result<()> {
    const PLACE: &str = "INSERT INTO event_logs (tenant, last) VALUES (?1, 1) \
         ON CONFLICT (tenant) DO UPDATE SET last = last + 1 RETURNING last + noted('events', ?1)";
    const ADD: &str = "INSERT INTO events (tenant, sequence, id, time, kind, subject, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let tenant = happened.tenant.as_str();
    let place: i64 = connection.prepare_cached(PLACE)?.query_row([tenant], |row| row.get(0))?;
    let details = storage_documents::encode(&EventDocument::from(&happened.details));
    let row = params![tenant, place, id, integer(now.as_millis()), happened.kind.as_str(), happened.subject, details];
    connection.prepare_cached(ADD)?.execute(row).map(drop)
}
