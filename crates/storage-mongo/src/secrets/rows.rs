//! Documents of secrets, and answers to requests about them.

use domain::identity::Secret;
use domain::name::{SecretId, SecretName, TenantId};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::secret::{MAX_SECRETS, NamedSecret, SecretChange};
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use storage_documents::SecretDocument;
use storage_rules::{PageById, Refusal, Spot};

use crate::collections::SECRETS;
use crate::contents::{self, Sealing};
use crate::counts;
use crate::error::{Error, Result};
use crate::request::{self, Remembered};
use crate::row::{Row, binary, integer, key};
use crate::session::{Select, Session};

/// The name of the order of a list.
pub(super) const ORDER: &str = "secret";
/// What was used within it is not noted again.
const MINUTE: u64 = 60_000;

/// A page of the secrets of a tenant, without their values. One that cannot be read hides no other.
pub(super) async fn list(session: &mut Session, tenant: &TenantId, page: &PageById) -> Result<Page<NamedSecret>> {
    let filter = doc! { "tenant": tenant.as_str(), "id": { "$gt": &page.after } };
    let select = Select { fields: doc! { "value": 0 }, ..Select::sorted(doc! { "id": 1 }, page.limit()) };
    let mut found = session.find(SECRETS.name, filter, select).await?;
    let next = page.cut(&mut found, |found| found.text("id").unwrap_or_default());
    let items = found.iter().filter_map(|found| session.shared.readable(read(tenant, found)).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next })
}

pub(super) async fn find(session: &mut Session, name: &SecretName) -> Result<Option<NamedSecret>> {
    session.find_one(SECRETS.name, of_name(name)).await?.map(|found| read(&name.tenant, &found)).transpose()
}

/// The revision of one that cannot be read.
pub(super) async fn find_unreadable(session: &mut Session, name: &SecretName) -> Result<Option<Revision>> {
    let Some(found) = session.find_one(SECRETS.name, of_name(name)).await? else { return Ok(None) };
    if session.shared.readable(read(&name.tenant, &found))?.is_some() {
        return Ok(None);
    }
    Ok(found.number("revision").ok().map(Revision::from_stored))
}

/// A secret with its value: one document, so both are of one moment.
pub(super) async fn open(session: &mut Session, name: &SecretName) -> Result<Option<(NamedSecret, Secret)>> {
    let Some(found) = session.find_one(SECRETS.name, of_name(name)).await? else { return Ok(None) };
    let secret = read(&name.tenant, &found)?;
    let spot = Spot::secret(&secret);
    let opened = contents::open(session, &name.tenant, &spot, found.bytes("value")?).await?;
    let value = spot.value::<Error>(&name.tenant, &opened)?;
    Ok(Some((secret, value)))
}

pub(super) async fn commit(
    session: &mut Session,
    change: &SecretChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<NamedSecret>> {
    let name = &change.secret.name;
    if let Some(key) = &change.request
        && let Some(answered) = answer(request::find(session, &name.tenant, key, since).await?)?
    {
        return Ok(answered);
    }
    let document = storage_documents::encode(&SecretDocument::from(&change.secret));
    let sealed = match &change.value {
        Some(value) => Some(Sealing::begin(session, &name.tenant).await?.seal(&Spot::secret(&change.secret), value.expose().as_bytes())),
        None => None,
    };
    let is_stored = match (change.expected, sealed) {
        (Expected::Absent, Some(sealed)) => insert(session, &change.secret, &document, sealed).await?,
        (Expected::Absent, None) => return Err(Error::Misused("a new secret without a value")),
        (Expected::Revision(revision), _) if change.deletes => delete(session, name, integer(revision.as_u64())).await?,
        (Expected::Revision(revision), sealed) => update(session, &change.secret, &document, sealed, integer(revision.as_u64())).await?,
    };
    if !is_stored {
        return Ok(Committed::Conflict);
    }
    if let Some(key) = &change.request {
        request::remember(session, &name.tenant, key, now, &name.to_string(), Some(&document)).await?;
    }
    Ok(Committed::Stored)
}

/// Notes when secrets were used, but for those of which a use within the minute is noted. Not a change; of two, the later one stays.
pub(super) async fn note_uses(session: &mut Session, tenant: &TenantId, ids: &[SecretId], now: Timestamp) -> Result<()> {
    let before = integer(now.as_millis().saturating_sub(MINUTE)) + 1;
    let keys: Vec<Bson> = ids.iter().map(|id| Bson::from(key(&[tenant.as_str(), id.as_str()]))).collect();
    let filter = doc! {
        "tenant": tenant.as_str(),
        "_id": { "$in": keys },
        "$or": [{ "used": { "$exists": false } }, { "used": { "$lt": before } }],
    };
    session.update_all(SECRETS.name, filter, doc! { "$set": { "used": integer(now.as_millis()) } }).await.map(drop)
}

async fn insert(session: &mut Session, secret: &NamedSecret, document: &str, sealed: Vec<u8>) -> Result<bool> {
    let mut row = of_name(&secret.name);
    row.extend(doc! {
        "id": secret.name.secret.as_str(),
        "revision": integer(secret.revision.as_u64()),
        "document": document,
        "value": binary(sealed),
    });
    if !session.insert(SECRETS.name, row).await? {
        return Ok(false);
    }
    let tenant = &secret.name.tenant;
    if counts::advance(session, tenant, SECRETS.name, 1).await? > MAX_SECRETS as u64 {
        return Err(Refusal::Secrets { tenant: tenant.clone() }.into());
    }
    Ok(true)
}

async fn update(session: &mut Session, secret: &NamedSecret, document: &str, sealed: Option<Vec<u8>>, expected: i64) -> Result<bool> {
    let mut filter = of_name(&secret.name);
    filter.insert("revision", expected);
    let mut set = doc! { "revision": integer(secret.revision.as_u64()), "document": document };
    set.extend(sealed.map(|sealed| ("value".to_owned(), binary(sealed))));
    session.update(SECRETS.name, filter, doc! { "$set": set }).await
}

async fn delete(session: &mut Session, name: &SecretName, expected: i64) -> Result<bool> {
    let mut filter = of_name(name);
    filter.insert("revision", expected);
    if session.delete(SECRETS.name, filter).await? == 0 {
        return Ok(false);
    }
    counts::advance(session, &name.tenant, SECRETS.name, -1).await?;
    Ok(true)
}

pub(super) fn answer(remembered: Option<Remembered>) -> Result<Option<Committed<NamedSecret>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let name = SecretName::parse("name", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    let document = storage_documents::decode::<SecretDocument>(&text);
    let secret = document.and_then(|document| Ok(document.into_secret(name)?)).map_err(broken)?;
    Ok(Some(Committed::Answered(Box::new(secret))))
}

/// The key of a secret, which names its shard.
fn of_name(name: &SecretName) -> Document {
    doc! { "_id": key(&[name.tenant.as_str(), name.secret.as_str()]), "tenant": name.tenant.as_str() }
}

/// A secret from its document, which knows when it was used last.
fn read(tenant: &TenantId, found: &Row) -> Result<NamedSecret> {
    let broken = |source| Error::undecodable(SECRETS.name, found.key(), source);
    let id = SecretId::parse("id", found.text("id")?).map_err(|error| broken(error.into()))?;
    let document = storage_documents::decode::<SecretDocument>(found.text("document")?);
    let name = SecretName { tenant: tenant.clone(), secret: id };
    let secret = document.and_then(|document| Ok(document.into_secret(name)?)).map_err(broken)?;
    Ok(NamedSecret { last_used: found.find_number("used")?.map(Timestamp::from_millis), ..secret })
}
