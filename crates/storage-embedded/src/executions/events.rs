//! Reads of stored events.

use domain::execution::{Body, Event, Execution};
use domain::name::{ExecutionId, TenantId};
use rusqlite::{Connection, params};
use storage_documents::frame::{self, Stored};
use storage_rules::Spot;

use super::rows::{self, find};
use crate::connection::integer;
use crate::contents;
use crate::error::{Error, Result, during};
use crate::readers::snapshot;
use crate::vault::Vault;

/// Events after `sequence`, of about `max_bytes`, at least one if there is one. Begins with the row that holds the next event,
/// or with the first one behind a gap.
pub(super) fn after(
    connection: &Connection,
    vault: &Vault,
    (tenant, id): (&TenantId, &ExecutionId),
    sequence: u64,
    max_bytes: usize,
) -> Result<Vec<Event>> {
    const QUERY: &str = "SELECT first_sequence, events FROM output WHERE tenant = ?1 AND execution = ?2 AND first_sequence >= coalesce(\
         (SELECT max(first_sequence) FROM output WHERE tenant = ?1 AND execution = ?2 AND first_sequence <= ?3), 0) \
         ORDER BY first_sequence";
    let doing = "reading events";
    snapshot(connection, |connection| {
        let mut page = Page { after: sequence, max_bytes, bytes: 0, events: Vec::new() };
        let next = integer(sequence.saturating_add(1));
        let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
        let mut rows = statement.query(params![tenant.as_str(), id.as_str(), next]).map_err(during(doing))?;
        while let Some(row) = rows.next().map_err(during(doing))? {
            let first: i64 = row.get(0).map_err(during(doing))?;
            let batch = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(during(doing))?;
            let batch = contents::open_batch(connection, vault, tenant, &Spot::events(id.as_str(), first.unsigned_abs()), batch)?;
            let batch = frame::read(&batch).map_err(|source| Error::undecodable("output", format!("{tenant}/{id}/{first}"), source))?;
            for stored in batch {
                if !page.take(stored, || finished(connection, vault, tenant, id))? {
                    return Ok(page.events);
                }
            }
        }
        Ok(page.events)
    })
}

struct Page {
    after: u64,
    max_bytes: usize,
    bytes: usize,
    events: Vec<Event>,
}

impl Page {
    /// Takes an event unless it was seen before; `false` when the page is full.
    fn take(&mut self, stored: Stored, finished: impl FnOnce() -> Result<Execution>) -> Result<bool> {
        let event = match stored {
            Stored::Event(event) => event,
            Stored::Finished { sequence, time } => Event { sequence, time, body: Body::Finished(Box::new(finished()?)) },
        };
        if event.sequence <= self.after {
            return Ok(true);
        }
        let weight = event.weight();
        if !self.events.is_empty() && self.bytes + weight > self.max_bytes {
            return Ok(false);
        }
        self.bytes += weight;
        self.events.push(event);
        Ok(true)
    }
}

fn finished(connection: &Connection, vault: &Vault, tenant: &TenantId, id: &ExecutionId) -> Result<Execution> {
    let missing = || Error::undecodable(rows::TABLE, format!("{tenant}/{id}"), "its events are stored without it");
    find(connection, vault, tenant, id)?.ok_or_else(missing)
}
