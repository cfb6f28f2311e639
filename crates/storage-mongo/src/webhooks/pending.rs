//! For which webhooks of all tenants there is something to do.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::name::WebhookName;
use domain::time::Timestamp;
use domain::webhook::{Webhook, WebhookState};
use mongodb::bson::{Bson, Document, doc};

use super::deliveries;
use super::rows::{name_of, read};
use crate::collections::{EVENT_LOGS, TENANTS, WEBHOOKS};
use crate::error::Result;
use crate::row::{Row, integer};
use crate::session::{Select, Session};

/// Webhooks of all tenants that are told of at once; the next question begins behind them.
const MAX_PENDING: usize = 1_000;
/// Webhooks that are looked at together: a few pages of the database.
const STEP: usize = 256;

/// From behind one to the last, and then from the first to that one. One that cannot be read keeps no other from what is sent to it.
pub(super) async fn find(session: &mut Session, now: Timestamp, after: Option<&WebhookName>) -> Result<Vec<Webhook>> {
    let mut found = Vec::new();
    let begin = after.map(|after| (after.tenant.as_str().to_owned(), after.webhook.as_str().to_owned()));
    behind(session, now, begin.clone(), None, &mut found).await?;
    if let Some(end) = begin {
        behind(session, now, None, Some(end), &mut found).await?;
    }
    Ok(found)
}

type Place = (String, String);

/// Those behind one place up to another.
async fn behind(
    session: &mut Session,
    now: Timestamp,
    mut from: Option<Place>,
    to: Option<Place>,
    pending: &mut Vec<Webhook>,
) -> Result<()> {
    while pending.len() < MAX_PENDING {
        let active = doc! { "state": WebhookState::Active.as_str() };
        let filter = match &from {
            Some(from) => doc! { "$and": [active, ordered(from, "$gt")] },
            None => active,
        };
        let mut step = session.find(WEBHOOKS.name, filter, Select::sorted(doc! { "tenant": 1, "id": 1 }, STEP)).await?;
        let is_last = step.len() < STEP;
        from = step.last().map(place).transpose()?;
        if let Some(to) = &to {
            step.retain(|found| place(found).is_ok_and(|place| place <= *to));
        }
        let is_past = to.as_ref().is_some_and(|to| from.as_ref().is_none_or(|from| from >= to));
        for found in with_something_to_do(session, now, step).await? {
            if pending.len() < MAX_PENDING {
                pending.extend(session.shared.readable(read(&found))?);
            }
        }
        if is_last || is_past {
            break;
        }
    }
    Ok(())
}

fn ordered((tenant, id): &Place, than: &str) -> Document {
    doc! { "$or": [{ "tenant": { than: tenant } }, { "tenant": tenant, "id": { than: id } }] }
}

fn place(found: &Row) -> Result<Place> {
    Ok((found.text("tenant")?.to_owned(), found.text("id")?.to_owned()))
}

async fn with_something_to_do(session: &mut Session, now: Timestamp, step: Vec<Row>) -> Result<Vec<Row>> {
    let tenants: BTreeSet<&str> = step.iter().filter_map(|found| found.text("tenant").ok()).collect();
    let tenants: Vec<Bson> = tenants.into_iter().map(Bson::from).collect();
    let many = tenants.len();
    let logs =
        session.find(EVENT_LOGS.name, doc! { "tenant": { "$in": tenants.clone() } }, Select { limit: many, ..Select::default() }).await?;
    let mut last = HashMap::new();
    for log in &logs {
        last.insert(log.key().to_owned(), log.number("last")?);
    }
    let resting = doc! { "_id": { "$in": tenants }, "state": { "$ne": "active" } };
    let resting = session.find(TENANTS.name, resting, Select { limit: many, ..Select::default() }).await?;
    let resting: HashSet<&str> = resting.iter().map(Row::key).collect();
    let mut pending = Vec::new();
    for found in step {
        let tenant = found.text("tenant")?;
        if resting.contains(tenant) {
            continue;
        }
        let has_events = last.get(tenant).copied().unwrap_or_default() > found.number("reached")?;
        let is_pending = match name_of(&found) {
            Ok(name) => has_events || deliveries::is_due(session, &name, integer(now.as_millis())).await?,
            // What cannot be read is left out by whoever reads it, and told.
            Err(_unreadable) => true,
        };
        if is_pending {
            pending.push(found);
        }
    }
    Ok(pending)
}
