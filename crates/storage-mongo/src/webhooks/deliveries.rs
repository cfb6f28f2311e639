//! Documents of what is on its way to webhooks, and of what was given up.

use domain::event::Event;
use domain::name::WebhookName;
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::time::Timestamp;
use domain::webhook::{DeadLetter, Delivery, Failed, Queued, Verdict, Webhook, WebhookProgress, WebhookState};
use mongodb::bson::{Bson, Document, doc};
use storage_documents::EventDocument;
use storage_rules::{Cursor, malformed};

use super::names::of_name;
use crate::collections::{WEBHOOK_DELIVERIES as DELIVERIES, WEBHOOKS};
use crate::epochs;
use crate::error::Result;
use crate::events::told;
use crate::row::{Row, integer, key, ordered};
use crate::session::{Select, Session};
use crate::shared::Shared;
use crate::tenants::is_held;

const ORDER: &str = "dead_letter";
/// Dead letters of one webhook that are kept; beyond it the oldest go, unless the tenant is on legal hold.
const MAX_DEAD_LETTERS: u64 = 10_000;
/// The oldest dead letters that go with one that is added: more than one, so that what a legal hold has kept goes by and by.
const REMOVED_AT_ONCE: usize = 64;
/// What a delivery waits for.
const WAITING: &str = "waiting";
const GIVEN_UP: &str = "given_up";

/// The dead letters of a webhook and which page of them.
pub(super) struct DeadLetters {
    name: WebhookName,
    size: usize,
    after: i64,
}

impl DeadLetters {
    pub(super) fn new(name: WebhookName, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        let after = after.map(|cursor| cursor.id.parse().map_err(|_no_number| malformed())).transpose()?.unwrap_or(0);
        Ok(DeadLetters { name, after, size: page.size.clamp(1, MAX_PAGE) as usize })
    }

    pub(super) async fn page(&self, session: &mut Session) -> Result<Page<DeadLetter>> {
        let mut filter = of_state(&self.name, GIVEN_UP);
        filter.insert("sequence", doc! { "$gt": self.after });
        let mut found = session.find(DELIVERIES.name, filter, Select::sorted(doc! { "sequence": 1 }, self.size + 1)).await?;
        let more = found.len() > self.size;
        found.truncate(self.size);
        let last = found.last().filter(|_| more).map(|last| last.number("sequence")).transpose()?;
        let next = last.map(|last| Cursor { millis: 0, id: last.to_string() }.encode(ORDER));
        let items = found.iter().filter_map(|found| session.shared.readable(read(&session.shared, &self.name, found)).transpose());
        Ok(Page { items: items.collect::<Result<_>>()?, next })
    }
}

/// Counted over indexes: both kinds are bounded.
pub(super) async fn progress(session: &mut Session, name: &WebhookName) -> Result<Option<WebhookProgress>> {
    let Some(found) = session.find_one(WEBHOOKS.name, of_name(name)).await? else { return Ok(None) };
    Ok(Some(WebhookProgress {
        reached: found.number("reached")?,
        given_up: found.number("given_up")?,
        missed: found.number("missed")?,
        waiting: session.count_all(DELIVERIES.name, of_state(name, WAITING)).await?,
        dead_letters: session.count_all(DELIVERIES.name, of_state(name, GIVEN_UP)).await?,
    }))
}

/// Counts no further than it must: it is asked in each round.
pub(super) async fn reached(session: &mut Session, name: &WebhookName, most: u64) -> Result<Option<u64>> {
    let Some(found) = session.find_one(WEBHOOKS.name, of_name(name)).await? else { return Ok(None) };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let waiting = session.count(DELIVERIES.name, of_state(name, WAITING), most).await?;
    if waiting < most { found.number("reached").map(Some) } else { Ok(None) }
}

/// Queues events unless others were looked at since, or the webhook was changed.
pub(super) async fn queue(session: &mut Session, name: &WebhookName, queued: &Queued) -> Result<bool> {
    let mut filter = of_name(name);
    filter.extend(doc! { "reached": integer(queued.from), "revision": integer(queued.revision.as_u64()) });
    let reach = doc! { "$set": { "reached": integer(queued.to) }, "$inc": { "missed": integer(queued.missed) } };
    if !session.update(WEBHOOKS.name, filter, reach).await? {
        return Ok(false);
    }
    for event in &queued.events {
        let mut row = of_place(name, event.sequence);
        row.extend(doc! {
            "webhook": name.webhook.as_str(),
            "sequence": integer(event.sequence),
            "id": &event.id,
            "time": integer(event.time.as_millis()),
            "kind": event.kind.as_str(),
            "subject": &event.subject,
            "details": storage_documents::encode(&EventDocument::from(&event.details)),
            "state": WAITING,
            "attempts": 0_i64,
            "due": integer(queued.due.as_millis()),
            "failure": "",
        });
        // One that is there already stays as it is.
        session.upsert(DELIVERIES.name, of_place(name, event.sequence), doc! { "$setOnInsert": without_key(row) }).await?;
    }
    Ok(true)
}

/// What an upsert takes from its filter.
fn without_key(mut row: Document) -> Document {
    row.remove("_id");
    row.remove("tenant");
    row
}

pub(super) async fn due(session: &mut Session, webhook: &Webhook, now: Timestamp, limit: u32) -> Result<Vec<Delivery>> {
    let name = &webhook.name;
    let mut filter = of_state(name, WAITING);
    filter.insert("due", doc! { "$lt": integer(now.as_millis()) + 1 });
    let select = Select::sorted(doc! { "due": 1, "sequence": 1 }, limit as usize);
    let found = session.find(DELIVERIES.name, filter, select).await?;
    let mut as_given = of_name(name);
    as_given.extend(doc! { "revision": integer(webhook.revision.as_u64()), "state": WebhookState::Active.as_str() });
    // Looked at last: what was found is due to it as it is now.
    if found.is_empty() || !session.exists(WEBHOOKS.name, as_given).await? {
        return Ok(Vec::new());
    }
    let mut due = Vec::new();
    for found in &found {
        due.extend(session.shared.readable(read(&session.shared, name, found))?.map(|letter| letter.delivery));
    }
    Ok(due)
}

/// Whether any waits that is due.
pub(super) async fn is_due(session: &mut Session, name: &WebhookName, now: i64) -> Result<bool> {
    let mut filter = of_state(name, WAITING);
    filter.insert("due", doc! { "$lt": now + 1 });
    session.exists(DELIVERIES.name, filter).await
}

pub(super) async fn awaits(session: &mut Session, name: &WebhookName, sequence: u64, attempts: u32) -> Result<bool> {
    let mut filter = of_place(name, sequence);
    filter.extend(doc! { "state": WAITING, "attempts": i64::from(attempts) });
    session.exists(DELIVERIES.name, filter).await
}

pub(super) async fn taken(session: &mut Session, name: &WebhookName, sequence: u64) -> Result<()> {
    session.delete(DELIVERIES.name, of_place(name, sequence)).await?;
    let mut counting = of_name(name);
    counting.insert("given_up", doc! { "$gt": 0_i64 });
    session.update(WEBHOOKS.name, counting, doc! { "$set": { "given_up": 0_i64 } }).await.map(drop)
}

/// A result that comes late decides nothing any more.
pub(super) async fn failed(session: &mut Session, name: &WebhookName, failed: &Failed) -> Result<bool> {
    let mut set = doc! { "attempts": i64::from(failed.attempts), "failure": &failed.failure };
    match failed.verdict {
        Verdict::Again(due) => set.insert("due", integer(due.as_millis())),
        Verdict::GivenUp(at) => {
            set.insert("state", GIVEN_UP);
            set.insert("given_up", integer(at.as_millis()))
        }
    };
    let mut awaited = of_place(name, failed.sequence);
    awaited.extend(doc! { "state": WAITING, "attempts": i64::from(failed.attempts) - 1 });
    if !session.update(DELIVERIES.name, awaited, doc! { "$set": set }).await? {
        return Ok(false);
    }
    if matches!(failed.verdict, Verdict::GivenUp(_)) {
        session.update(WEBHOOKS.name, of_name(name), doc! { "$inc": { "given_up": 1_i64 } }).await?;
        if !is_held(session, &name.tenant).await? {
            remove_oldest(session, name).await?;
        }
    }
    Ok(true)
}

/// Removes dead letters beyond what is kept.
async fn remove_oldest(session: &mut Session, name: &WebhookName) -> Result<()> {
    let there_are = session.count_all(DELIVERIES.name, of_state(name, GIVEN_UP)).await?;
    let beyond = usize::try_from(there_are.saturating_sub(MAX_DEAD_LETTERS)).unwrap_or(usize::MAX).min(REMOVED_AT_ONCE);
    let oldest = session.find(DELIVERIES.name, of_state(name, GIVEN_UP), Select::sorted(doc! { "sequence": 1 }, beyond)).await?;
    if oldest.is_empty() {
        return Ok(());
    }
    // A legal hold that is set meanwhile is seen, or sees that these are gone.
    epochs::guard(session, &name.tenant).await?;
    delete(session, name.tenant.as_str(), &oldest).await.map(drop)
}

/// Removes deliveries of a tenant.
pub(super) async fn delete(session: &mut Session, tenant: &str, found: &[Row]) -> Result<u64> {
    let keys: Vec<Bson> = found.iter().map(|found| Bson::from(found.key())).collect();
    if keys.is_empty() {
        return Ok(0);
    }
    session.delete(DELIVERIES.name, doc! { "tenant": tenant, "_id": { "$in": keys } }).await
}

/// Removes everything that is on its way to a webhook, and what was given up.
pub(super) async fn delete_of(session: &mut Session, name: &WebhookName) -> Result<()> {
    let all = doc! { "tenant": name.tenant.as_str(), "webhook": name.webhook.as_str() };
    session.delete(DELIVERIES.name, all).await.map(drop)
}

/// Makes dead letters deliveries again, as if nobody had tried.
pub(super) async fn replay(session: &mut Session, name: &WebhookName, places: &[u64], due: Timestamp) -> Result<()> {
    let again = doc! {
        "$set": { "state": WAITING, "attempts": 0_i64, "due": integer(due.as_millis()) },
        "$unset": { "given_up": "" },
    };
    let mut letters = of_state(name, GIVEN_UP);
    if !places.is_empty() {
        let keys: Vec<Bson> = places.iter().map(|place| Bson::from(key_of(name, *place))).collect();
        letters.insert("_id", doc! { "$in": keys });
    }
    session.update_all(DELIVERIES.name, letters, again).await.map(drop)
}

/// The deliveries of a webhook in a state, as indexes begin.
fn of_state(name: &WebhookName, state: &str) -> Document {
    doc! { "tenant": name.tenant.as_str(), "webhook": name.webhook.as_str(), "state": state }
}

/// The key of a delivery, which names its shard.
fn of_place(name: &WebhookName, sequence: u64) -> Document {
    doc! { "_id": key_of(name, sequence), "tenant": name.tenant.as_str() }
}

fn key_of(name: &WebhookName, sequence: u64) -> String {
    key(&[name.tenant.as_str(), name.webhook.as_str(), &ordered(sequence)])
}

fn read(shared: &Shared, name: &WebhookName, found: &Row) -> Result<DeadLetter> {
    let sequence = found.number("sequence")?;
    let (kind, details) = told(shared, (DELIVERIES.name, format!("{name}/{sequence}")), found.text("kind")?, found.text("details")?);
    let event = Event {
        tenant: name.tenant.clone(),
        sequence,
        id: found.text("id")?.to_owned(),
        time: Timestamp::from_millis(found.number("time")?),
        kind,
        subject: found.text("subject")?.to_owned(),
        details,
    };
    let attempts = u32::try_from(found.number("attempts")?).map_err(|_too_many| found.broken("attempts"))?;
    let given_up = Timestamp::from_millis(found.find_number("given_up")?.unwrap_or_default());
    let delivery = Delivery { webhook: name.clone(), event, attempts };
    Ok(DeadLetter { delivery, given_up, failure: found.text("failure")?.to_owned() })
}
