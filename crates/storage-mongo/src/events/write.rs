//! Adding events: each gets the next place of its tenant's log, in the write of what it tells.

use domain::event::Happened;
use domain::time::Timestamp;
use mongodb::bson::doc;
use storage_documents::EventDocument;

use crate::error::Result;
use crate::events::names::{EVENTS, LOGS};
use crate::news::Log;
use crate::row::{integer, key, ordered};
use crate::session::Session;

/// Adds what one change means. What stands in the logs of two tenants is one event, and has one id.
pub(crate) async fn note(session: &mut Session, now: Timestamp, happened: &[Happened]) -> Result<()> {
    let mut before: Option<(&Happened, String)> = None;
    for one in happened {
        let is_same = |other: &Happened| other.kind == one.kind && other.subject == one.subject;
        let id = match before.take() {
            Some((other, id)) if is_same(other) => id,
            _ => keys::random_id(),
        };
        add(session, now, one, &id).await?;
        before = Some((one, id));
    }
    Ok(())
}

async fn add(session: &mut Session, now: Timestamp, happened: &Happened, id: &str) -> Result<()> {
    let tenant = happened.tenant.as_str();
    let place = session.advance(LOGS, doc! { "_id": tenant, "tenant": tenant }, "last", 1).await?.unsigned_abs();
    let row = doc! {
        "_id": key(&[tenant, &ordered(place)]),
        "tenant": tenant,
        "sequence": integer(place),
        "id": id,
        "time": integer(now.as_millis()),
        "kind": happened.kind.as_str(),
        "subject": &happened.subject,
        "details": storage_documents::encode(&EventDocument::from(&happened.details)),
    };
    session.add(EVENTS, row).await?;
    session.tell_added(Log::Events, &happened.tenant);
    Ok(())
}
