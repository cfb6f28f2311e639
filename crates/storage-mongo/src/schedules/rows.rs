//! Documents of schedules, and answers to requests about them.

use domain::name::{ScheduleId, ScheduleName, TenantId};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::schedule::{Due, Firing, MAX_SCHEDULES, Schedule, ScheduleChange, ScheduleQuery};
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use storage_documents::ScheduleDocument;
use storage_rules::{PageById, Refusal, Spot};

use crate::collections::SCHEDULES;
use crate::contents::{self, Sealing};
use crate::counts;
use crate::error::{Error, Result};
use crate::request::{self, Remembered};
use crate::row::{Row, binary, integer, key};
use crate::session::{Select, Session};

/// The name of the order of a list.
pub(super) const ORDER: &str = "schedule";

/// A page of the schedules of a tenant, without their parameters. One that cannot be read hides no other.
pub(super) async fn list(session: &mut Session, tenant: &TenantId, query: &ScheduleQuery, page: &PageById) -> Result<Page<Schedule>> {
    let mut filter = doc! { "tenant": tenant.as_str(), "id": { "$gt": &page.after } };
    filter.extend(query.owner.iter().map(|owner| ("owner".to_owned(), Bson::from(owner.as_str()))));
    let select = Select { fields: doc! { "params": 0 }, ..Select::sorted(doc! { "id": 1 }, page.limit()) };
    let mut found = session.find(SCHEDULES.name, filter, select).await?;
    let next = page.cut(&mut found, |found| found.text("id").unwrap_or_default());
    let read = |found: &Row| decode(name_of(found)?, found.key(), found.text("document")?, String::new());
    let items = found.iter().filter_map(|found| session.shared.readable(read(found)).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next })
}

pub(super) async fn find(session: &mut Session, name: &ScheduleName) -> Result<Option<Schedule>> {
    let Some(found) = session.find_one(SCHEDULES.name, of_name(name)).await? else { return Ok(None) };
    // What the parameters are sealed for stands in it.
    let without = decode(name.clone(), found.key(), found.text("document")?, String::new())?;
    let params_json = contents::open_text(session, &name.tenant, &Spot::schedule(&without), found.bytes("params")?).await?;
    decode(name.clone(), found.key(), found.text("document")?, params_json.to_string()).map(Some)
}

/// Those of all tenants whose time has come. One that cannot be read hides no other: fewer than `limit` are all that there are.
pub(super) async fn due(session: &mut Session, now: Timestamp, after: Option<&Due>, limit: u32) -> Result<Vec<Due>> {
    let until = doc! { "next": { "$exists": true, "$lte": integer(now.as_millis()) } };
    let mut filter = match after {
        None => until.clone(),
        Some(Due { next, name }) => behind(&until, (integer(next.as_millis()), name.tenant.as_str(), name.schedule.as_str())),
    };
    let (mut due, wanted) = (Vec::new(), limit as usize);
    loop {
        let sort = doc! { "next": 1, "tenant": 1, "id": 1 };
        let select = Select { sort, limit: wanted, fields: doc! { "next": 1, "tenant": 1, "id": 1 } };
        let found = session.find(SCHEDULES.name, filter, select).await?;
        for row in &found {
            due.extend(session.shared.readable(read_due(row))?);
        }
        // Where its place cannot be read either, nothing behind it can be asked for.
        let last = found.last().filter(|_| found.len() >= wanted && due.len() < wanted);
        match last.and_then(|last| Some((last.integer("next").ok()?, last.text("tenant").ok()?, last.text("id").ok()?))) {
            Some(place) => filter = behind(&until, place),
            None => break,
        }
    }
    due.truncate(wanted);
    Ok(due)
}

fn read_due(row: &Row) -> Result<Due> {
    Ok(Due { next: Timestamp::from_millis(row.number("next")?), name: name_of(row)? })
}

/// What is due and comes after this place.
fn behind(until: &Document, (next, tenant, id): (i64, &str, &str)) -> Document {
    let behind = doc! { "$or": [
        { "next": { "$gt": next } },
        { "next": next, "tenant": { "$gt": tenant } },
        { "next": next, "tenant": tenant, "id": { "$gt": id } },
    ] };
    doc! { "$and": [until.clone(), behind] }
}

pub(super) async fn commit(
    session: &mut Session,
    change: &ScheduleChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<Schedule>> {
    let name = &change.schedule.name;
    if let Some(key) = &change.request {
        let remembered = request::find(session, &name.tenant, key, since).await?;
        if let Some(answered) = answer(session, remembered).await? {
            return Ok(answered);
        }
    }
    let is_stored = match change.expected {
        Expected::Absent => insert(session, &change.schedule).await?,
        Expected::Revision(revision) if change.deletes => delete(session, name, integer(revision.as_u64())).await?,
        Expected::Revision(revision) => update(session, &change.schedule, integer(revision.as_u64())).await?,
    };
    if !is_stored {
        return Ok(Committed::Conflict);
    }
    if let Some(key) = &change.request {
        // Only of what is gone then, an answer has to be kept.
        let last = change.deletes.then(|| storage_documents::encode(&ScheduleDocument::from(&change.schedule)));
        request::remember(session, &name.tenant, key, now, &name.to_string(), last.as_deref()).await?;
    }
    Ok(Committed::Stored)
}

/// Whether a schedule may start something still: it has the revision that was expected.
pub(crate) async fn admits(session: &mut Session, firing: &Firing) -> Result<bool> {
    let mut filter = of_name(&firing.schedule.name);
    filter.insert("revision", integer(firing.expected.as_u64()));
    session.exists(SCHEDULES.name, filter).await
}

/// Has a schedule go on to its next time, within the transaction that stores what it starts. Its parameters stay as they are.
pub(crate) async fn fire(session: &mut Session, firing: &Firing) -> Result<()> {
    let schedule = &firing.schedule;
    let mut filter = of_name(&schedule.name);
    filter.insert("revision", integer(firing.expected.as_u64()));
    match session.update(SCHEDULES.name, filter, changed(schedule, present(schedule))).await? {
        true => Ok(()),
        false => Err(Error::Misused("a schedule that starts something and is not there")),
    }
}

async fn insert(session: &mut Session, schedule: &Schedule) -> Result<bool> {
    let mut row = of_name(&schedule.name);
    row.insert("id", schedule.name.schedule.as_str());
    row.extend(present(schedule));
    row.extend(sealed(session, schedule).await?);
    row.extend(schedule.next.map(|next| ("next".to_owned(), Bson::from(integer(next.as_millis())))));
    if !session.insert(SCHEDULES.name, row).await? {
        return Ok(false);
    }
    let tenant = &schedule.name.tenant;
    if counts::advance(session, tenant, SCHEDULES.name, 1).await? > MAX_SCHEDULES as u64 {
        return Err(Refusal::Schedules { tenant: tenant.clone() }.into());
    }
    Ok(true)
}

async fn update(session: &mut Session, schedule: &Schedule, expected: i64) -> Result<bool> {
    let mut filter = of_name(&schedule.name);
    filter.insert("revision", expected);
    if !session.exists(SCHEDULES.name, filter.clone()).await? {
        return Ok(false);
    }
    let mut set = present(schedule);
    set.extend(sealed(session, schedule).await?);
    session.update(SCHEDULES.name, filter, changed(schedule, set)).await
}

async fn delete(session: &mut Session, name: &ScheduleName, expected: i64) -> Result<bool> {
    let mut filter = of_name(name);
    filter.insert("revision", expected);
    if session.delete(SCHEDULES.name, filter).await? == 0 {
        return Ok(false);
    }
    counts::advance(session, &name.tenant, SCHEDULES.name, -1).await?;
    Ok(true)
}

/// What a request was about, as it is by now; as it was without its parameters where the request has deleted it.
pub(super) async fn answer(session: &mut Session, remembered: Option<Remembered>) -> Result<Option<Committed<Schedule>>> {
    let (resource, last) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let name = ScheduleName::parse("name", &resource).map_err(|error| Error::undecodable("requests", resource.clone(), error))?;
    if let Some(last) = last {
        return Ok(Some(Committed::Answered(Box::new(decode(name, &resource, &last, String::new())?))));
    }
    let held = find(session, &name).await?;
    Ok(Some(held.map_or(Committed::Removed { resource }, |schedule| Committed::Answered(Box::new(schedule)))))
}

/// What is written with every change.
fn present(schedule: &Schedule) -> Document {
    doc! {
        "owner": schedule.owner.as_str(),
        "revision": integer(schedule.revision.as_u64()),
        "document": storage_documents::encode(&ScheduleDocument::from(schedule)),
    }
}

/// The update that sets these fields, and when it is due next: what is not due has no such field.
fn changed(schedule: &Schedule, mut set: Document) -> Document {
    match schedule.next {
        Some(next) => {
            set.insert("next", integer(next.as_millis()));
            doc! { "$set": set }
        }
        None => doc! { "$set": set, "$unset": { "next": "" } },
    }
}

async fn sealed(session: &mut Session, schedule: &Schedule) -> Result<Document> {
    let sealing = Sealing::begin(session, &schedule.name.tenant).await?;
    Ok(doc! { "params": binary(sealing.seal(&Spot::schedule(schedule), schedule.program.params_json.as_bytes())) })
}

/// The key of a schedule, which names its shard.
fn of_name(name: &ScheduleName) -> Document {
    doc! { "_id": key(&[name.tenant.as_str(), name.schedule.as_str()]), "tenant": name.tenant.as_str() }
}

fn name_of(found: &Row) -> Result<ScheduleName> {
    let broken = |error: domain::Error| Error::undecodable(SCHEDULES.name, found.key(), error);
    Ok(ScheduleName {
        tenant: TenantId::parse("tenant", found.text("tenant")?).map_err(broken)?,
        schedule: ScheduleId::parse("id", found.text("id")?).map_err(broken)?,
    })
}

fn decode(name: ScheduleName, place: &str, text: &str, params_json: String) -> Result<Schedule> {
    let document = storage_documents::decode::<ScheduleDocument>(text);
    let schedule = document.and_then(|document| Ok(document.into_schedule(name, params_json)?));
    schedule.map_err(|source| Error::undecodable(SCHEDULES.name, place, source))
}
