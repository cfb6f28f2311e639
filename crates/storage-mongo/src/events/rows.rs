//! Documents of events, read.

use domain::error::Source;
use domain::event::{Details, Event, EventKind, EventSpan, MAX_EVENTS_AT_ONCE};
use domain::name::TenantId;
use domain::time::Timestamp;
use mongodb::bson::doc;
use storage_documents::EventDocument;
use storage_rules::Trouble;

use crate::error::{Error, Result};
use crate::events::names::{EVENTS, LOGS};
use crate::row::{Row, integer};
use crate::session::{Select, Session};
use crate::shared::Shared;

/// Logs that one read of all of them brings.
const LOGS_AT_ONCE: usize = 1_000;

/// Which events there are. The beginning is read after the end, so that a log is never said to begin behind its end by more than one.
pub(super) async fn span(session: &mut Session, tenant: &TenantId) -> Result<EventSpan> {
    let log = session.find_one(LOGS, doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() }).await?;
    let newest = log.map(|row| row.number("last")).transpose()?.unwrap_or_default();
    let select = Select { sort: doc! { "sequence": 1 }, limit: 1, fields: doc! { "sequence": 1 } };
    let first = session.find(EVENTS, doc! { "tenant": tenant.as_str() }, select).await?;
    let oldest = first.first().map(|row| row.number("sequence")).transpose()?;
    Ok(EventSpan { oldest: oldest.unwrap_or(newest + 1).min(newest + 1), newest })
}

pub(super) async fn behind(session: &mut Session, tenant: &TenantId, sequence: u64) -> Result<Vec<Event>> {
    let filter = doc! { "tenant": tenant.as_str(), "sequence": { "$gt": integer(sequence) } };
    let found = session.find(EVENTS, filter, Select::sorted(doc! { "sequence": 1 }, MAX_EVENTS_AT_ONCE as usize)).await?;
    found.iter().map(|row| read(&session.shared, tenant, row)).collect()
}

/// The tenants of which there ever was an event.
pub(super) async fn tenants(session: &mut Session) -> Result<Vec<TenantId>> {
    let (mut tenants, mut after) = (Vec::new(), String::new());
    loop {
        let select = Select { sort: doc! { "_id": 1 }, limit: LOGS_AT_ONCE, fields: doc! { "_id": 1 } };
        let found = session.find(LOGS, doc! { "_id": { "$gt": &after } }, select).await?;
        for row in &found {
            let tenant = TenantId::parse("tenant", row.key());
            tenants.push(tenant.map_err(|error| Error::undecodable(LOGS, row.key(), error))?);
        }
        match found.last() {
            Some(last) if found.len() == LOGS_AT_ONCE => last.key().clone_into(&mut after),
            _ => return Ok(tenants),
        }
    }
}

fn read(shared: &Shared, tenant: &TenantId, row: &Row) -> Result<Event> {
    let (kind, details) = told(shared, (EVENTS, row.key().to_owned()), row.text("kind")?, row.text("details")?);
    Ok(Event {
        tenant: tenant.clone(),
        sequence: row.number("sequence")?,
        id: row.text("id")?.to_owned(),
        time: Timestamp::from_millis(row.number("time")?),
        kind,
        subject: row.text("subject")?.to_owned(),
        details,
    })
}

/// What happened and what is said of it, from a document of a collection with a key. One that cannot be read hides none behind it: that it
/// is there is told, and operators hear which.
pub(crate) fn told(shared: &Shared, (table, key): (&'static str, String), kind: &str, details: &str) -> (EventKind, Details) {
    let read = || -> std::result::Result<(EventKind, Details), Source> {
        let known = EventKind::parse(kind).ok_or_else(|| format!("{kind:?} is no type of events"))?;
        Ok((known, storage_documents::decode::<EventDocument>(details)?.into()))
    };
    read().unwrap_or_else(|source| {
        let error = Error::undecodable(table, key, source);
        if shared.told.is_news(Trouble::Unopened, &error) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an event cannot be read and is told as one of which nothing is known"
            );
        }
        (EventKind::Unreadable, Details::new())
    })
}
