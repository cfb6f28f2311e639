//! Documents of revisions of the platform, and answers to requests that made them.

use domain::event::Happened;
use domain::name::TenantId;
use domain::process::{KEPT_REVISIONS, Outcome, PlatformRevision, Standing};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};
use storage_documents::PlatformDocument;
use storage_rules::Spot;
use zeroize::Zeroizing;

use crate::collections::PLATFORM_REVISIONS;
use crate::contents::{self, Sealing};
use crate::error::{Error, Result};
use crate::events;
use crate::request::{self, Remembered};
use crate::row::{Row, binary, integer, ordered};
use crate::session::{Select, Session};

pub(super) async fn newest(session: &mut Session) -> Result<Option<PlatformRevision>> {
    last(session, doc! {}).await
}

pub(super) async fn reached(session: &mut Session) -> Result<Option<PlatformRevision>> {
    last(session, doc! { "is_reached": true }).await
}

/// The number of the newest; 0 before the first.
pub(super) async fn last_number(session: &mut Session) -> Result<u64> {
    let select = Select { fields: doc! { "number": 1 }, ..Select::sorted(doc! { "_id": -1 }, 1) };
    let last = session.find(PLATFORM_REVISIONS.name, doc! {}, select).await?;
    last.first().map_or(Ok(0), |row| row.number("number"))
}

pub(super) async fn add(
    session: &mut Session,
    revision: &PlatformRevision,
    request: Option<&RequestKey>,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<PlatformRevision>> {
    let system = TenantId::system();
    if let Some(key) = request {
        let remembered = request::find(session, &system, key, since).await?;
        if let Some(answered) = answer(session, remembered).await? {
            return Ok(answered);
        }
    }
    let number = revision.desired.revision;
    if last_number(session).await? + 1 != number {
        return Ok(Committed::Conflict);
    }
    let sealing = Sealing::begin(session, &system).await?;
    let row = doc! {
        "_id": ordered(number),
        "number": integer(number),
        "is_reached": matches!(revision.standing, Standing::Ended(Outcome::Reached, _)),
        "document": binary(sealed(&sealing, number, &PlatformDocument::from(revision))),
        "manifest": binary(sealing.seal(&Spot::manifest(number), revision.desired.manifest.as_bytes())),
    };
    if !session.insert(PLATFORM_REVISIONS.name, row).await? {
        return Ok(Committed::Conflict);
    }
    prune(session, number).await?;
    events::note(session, now, &[Happened::of_platform(number)]).await?;
    if let Some(key) = request {
        request::remember(session, &system, key, now, &number.to_string(), None).await?;
    }
    Ok(Committed::Stored)
}

pub(super) async fn settle(session: &mut Session, number: u64, outcome: &Outcome, at: Timestamp) -> Result<bool> {
    let Some(found) = session.find_one(PLATFORM_REVISIONS.name, of_number(number)).await? else { return Ok(false) };
    let mut document = opened(session, number, &found).await?;
    let broken = |error: storage_documents::InvalidField| Error::undecodable(PLATFORM_REVISIONS.name, found.key(), error);
    let before = document.standing().map_err(broken)?;
    if !document.settle(outcome, at).map_err(broken)? {
        return Ok(false);
    }
    let system = TenantId::system();
    let stored = sealed(&Sealing::begin(session, &system).await?, number, &document);
    let set = doc! { "is_reached": *outcome == Outcome::Reached, "document": binary(stored) };
    session.update(PLATFORM_REVISIONS.name, of_number(number), doc! { "$set": set }).await?;
    events::note(session, at, Happened::of_outcome(number, &before, outcome).as_slice()).await?;
    Ok(true)
}

pub(super) async fn answer(session: &mut Session, remembered: Option<Remembered>) -> Result<Option<Committed<PlatformRevision>>> {
    let resource = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, .. }) => resource,
    };
    let number: u64 =
        resource.parse().map_err(|error: std::num::ParseIntError| Error::undecodable("requests", resource.clone(), error.to_string()))?;
    let Some(found) = session.find_one(PLATFORM_REVISIONS.name, of_number(number)).await? else {
        return Ok(Some(Committed::Removed { resource: format!("platform revision {number}") }));
    };
    Ok(Some(Committed::Answered(Box::new(read(session, &found).await?))))
}

async fn last(session: &mut Session, filter: Document) -> Result<Option<PlatformRevision>> {
    let found = session.find(PLATFORM_REVISIONS.name, filter, Select::sorted(doc! { "_id": -1 }, 1)).await?;
    match found.first() {
        Some(row) => read(session, row).await.map(Some),
        None => Ok(None),
    }
}

async fn read(session: &mut Session, found: &Row) -> Result<PlatformRevision> {
    let number = found.number("number")?;
    let document = opened(session, number, found).await?;
    let manifest = contents::open_text(session, &TenantId::system(), &Spot::manifest(number), found.bytes("manifest")?).await?;
    document.into_revision(number, &manifest).map_err(|error| Error::undecodable(PLATFORM_REVISIONS.name, found.key(), error))
}

/// The whole document is sealed: parameters of integrations may be secrets, and so may be what a service has put out.
fn sealed(sealing: &Sealing<'_>, number: u64, document: &PlatformDocument) -> Vec<u8> {
    sealing.seal(&Spot::platform(number), Zeroizing::new(storage_documents::encode(document)).as_bytes())
}

async fn opened(session: &mut Session, number: u64, found: &Row) -> Result<PlatformDocument> {
    let text = contents::open_text(session, &TenantId::system(), &Spot::platform(number), found.bytes("document")?).await?;
    storage_documents::decode(&text).map_err(|source| Error::undecodable(PLATFORM_REVISIONS.name, found.key(), source))
}

/// Removes what is older than is kept, but for the newest that was reached: everything is taken back to that.
async fn prune(session: &mut Session, newest: u64) -> Result<()> {
    let select = Select { fields: doc! { "number": 1 }, ..Select::sorted(doc! { "_id": -1 }, 1) };
    let reached = session.find(PLATFORM_REVISIONS.name, doc! { "is_reached": true }, select).await?;
    let reached = reached.first().map_or("", Row::key);
    let old = doc! { "_id": { "$lte": ordered(newest.saturating_sub(KEPT_REVISIONS)), "$ne": reached } };
    session.delete(PLATFORM_REVISIONS.name, old).await.map(drop)
}

fn of_number(number: u64) -> Document {
    doc! { "_id": ordered(number) }
}
