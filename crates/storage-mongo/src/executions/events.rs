//! Reads of stored events.

use domain::execution::{Body, Event};
use domain::name::{ExecutionId, TenantId};
use mongodb::bson::doc;
use storage_documents::frame::{self, Stored};
use storage_rules::Spot;

use super::names::OUTPUT;
use super::rows::find;
use crate::contents;
use crate::error::{Error, Result};
use crate::row::integer;
use crate::session::{Select, Session};

/// Batches that one read brings: a batch has 256 KiB at most, so that little more is read than a page takes.
const BATCHES_AT_ONCE: usize = 8;

/// Events after `sequence`, of about `max_bytes`, at least one if there is one. Begins with the batch that holds the next event,
/// or with the first one behind a gap.
pub(super) async fn after(
    session: &mut Session,
    tenant: &TenantId,
    id: &ExecutionId,
    sequence: u64,
    max_bytes: usize,
) -> Result<Vec<Event>> {
    let mut page = Page { after: sequence, max_bytes, bytes: 0, events: Vec::new() };
    let mut next = first_batch(session, tenant, id, sequence).await?;
    loop {
        let filter = doc! { "tenant": tenant.as_str(), "execution": id.as_str(), "first": { "$gte": integer(next) } };
        let found = session.find(OUTPUT, filter, Select::sorted(doc! { "first": 1 }, BATCHES_AT_ONCE)).await?;
        for row in &found {
            let broken = |source| Error::undecodable(OUTPUT, row.key(), source);
            let spot = Spot::events(id.as_str(), row.number("first")?);
            let batch = contents::open_batch(session, tenant, &spot, row.bytes("events")?).await?;
            for stored in frame::read(&batch).map_err(broken)? {
                let event = match stored {
                    Stored::Event(event) => event,
                    Stored::Finished { sequence, time } => match find(session, tenant, id).await? {
                        Some(execution) => Event { sequence, time, body: Body::Finished(Box::new(execution)) },
                        // Retention has removed it between the two reads, and its events with it.
                        None => return Ok(Vec::new()),
                    },
                };
                if !page.take(event) {
                    return Ok(page.events);
                }
            }
            next = row.number("first")?.saturating_add(1);
        }
        if found.len() < BATCHES_AT_ONCE {
            return Ok(page.events);
        }
    }
}

/// Where the batch begins that may hold what follows the event; 0 where there is none.
async fn first_batch(session: &mut Session, tenant: &TenantId, id: &ExecutionId, sequence: u64) -> Result<u64> {
    let behind = integer(sequence.saturating_add(2));
    let filter = doc! { "tenant": tenant.as_str(), "execution": id.as_str(), "first": { "$lt": behind } };
    let select = Select { sort: doc! { "first": -1 }, limit: 1, fields: doc! { "first": 1 } };
    let found = session.find(OUTPUT, filter, select).await?;
    Ok(found.first().map(|row| row.number("first")).transpose()?.unwrap_or_default())
}

struct Page {
    after: u64,
    max_bytes: usize,
    bytes: usize,
    events: Vec<Event>,
}

impl Page {
    /// Takes an event unless it was seen before; `false` when the page is full.
    fn take(&mut self, event: Event) -> bool {
        if event.sequence <= self.after {
            return true;
        }
        let weight = event.weight();
        if !self.events.is_empty() && self.bytes + weight > self.max_bytes {
            return false;
        }
        self.bytes += weight;
        self.events.push(event);
        true
    }
}
