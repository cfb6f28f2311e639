//! Documents of data keys and subjects.
//!
//! A subject is kept under the digest of its name, so that of two servers that make one at the same time only one does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::name::TenantId;
use domain::tenant::TenantState;
use domain::time::Timestamp;
use keys::Wrapped;
use mongodb::bson::{Document, doc};
use mongodb::{Collection, Database};
use storage_rules::vault::StoredSubject;

use crate::collections::{DATA_KEYS, SUBJECTS, TENANTS};
use crate::error::{Error, Result, during};
use crate::row::{Row, binary, integer, key};
use crate::session::{Select, Session};

/// Data keys that are wrapped anew in one transaction: a few milliseconds of the database.
const REWRAPPED_AT_ONCE: usize = 256;

/// Where a pass over all data keys has come to: the last one that was looked at, in the order of what wraps them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RewrapPlace {
    /// The wrapping key.
    pub(super) kek: String,
    /// The key of the document.
    pub(super) after: String,
}

/// A data key that another key wraps than the newest.
pub(super) struct Outdated {
    pub(super) at: RewrapPlace,
    pub(super) tenant: String,
    pub(super) subject: String,
    pub(super) wrapped: Wrapped,
}

pub(super) async fn by_digest(session: &mut Session, tenant: &TenantId, digest: &[u8]) -> Result<Option<StoredSubject>> {
    let filter = doc! { "tenant": tenant.as_str(), "_id": subject_key(tenant, digest) };
    session.find_one(SUBJECTS.name, filter).await?.as_ref().map(subject).transpose()
}

pub(super) async fn by_id(session: &mut Session, tenant: &TenantId, id: &str) -> Result<Option<StoredSubject>> {
    session.find_one(SUBJECTS.name, doc! { "tenant": tenant.as_str(), "id": id }).await?.as_ref().map(subject).transpose()
}

pub(super) async fn insert(session: &mut Session, tenant: &TenantId, id: &str, digest: &[u8], name: Vec<u8>) -> Result<()> {
    let subject = doc! { "_id": subject_key(tenant, digest), "tenant": tenant.as_str(), "id": id, "name": binary(name) };
    session.add(SUBJECTS.name, subject).await
}

pub(super) async fn find_key(session: &mut Session, tenant: &TenantId, subject: &str) -> Result<Option<Wrapped>> {
    session.find_one(DATA_KEYS.name, of_key(tenant.as_str(), subject)).await?.as_ref().map(wrapped).transpose()
}

/// Whether a tenant is deleted. Asked here, as whatever stores tenants stands on the vault.
pub(super) async fn is_deleted(session: &mut Session, tenant: &TenantId) -> Result<bool> {
    session.exists(TENANTS.name, doc! { "_id": tenant.as_str(), "state": TenantState::Deleted.as_str() }).await
}

pub(super) async fn insert_key(session: &mut Session, tenant: &TenantId, subject: &str, wrapped: Wrapped) -> Result<()> {
    let mut document = of_key(tenant.as_str(), subject);
    document.extend(doc! { "subject": subject, "kek": wrapped.by, "wrapped": binary(wrapped.bytes) });
    session.add(DATA_KEYS.name, document).await
}

/// Whether a key wraps any data key.
pub(super) async fn wraps(session: &mut Session, kek: &str) -> Result<bool> {
    session.exists(DATA_KEYS.name, doc! { "kek": kek }).await
}

/// How many data keys a wrapping key wraps: counted over the index, as only operators ask.
pub(super) async fn count_wrapped(session: &mut Session, kek: &str) -> Result<u64> {
    session.count_all(DATA_KEYS.name, doc! { "kek": kek }).await
}

/// Some data keys behind a place that its key wraps, in order.
pub(super) async fn wrapped_behind(session: &mut Session, from: &RewrapPlace) -> Result<Vec<Outdated>> {
    let filter = doc! { "kek": &from.kek, "_id": { "$gt": &from.after } };
    let found = session.find(DATA_KEYS.name, filter, Select::sorted(doc! { "_id": 1 }, REWRAPPED_AT_ONCE)).await?;
    found.iter().map(outdated).collect()
}

pub(super) async fn update_key(session: &mut Session, tenant: &str, subject: &str, wrapped: Wrapped) -> Result<()> {
    let update = doc! { "$set": { "kek": wrapped.by, "wrapped": binary(wrapped.bytes) } };
    session.update(DATA_KEYS.name, of_key(tenant, subject), update).await.map(drop)
}

/// Removes a person's key and name.
pub(super) async fn erase(session: &mut Session, tenant: &TenantId, id: &str, erasing: Vec<u8>, now: Timestamp) -> Result<()> {
    session.delete(DATA_KEYS.name, of_key(tenant.as_str(), id)).await?;
    let name = doc! {
        "$unset": { "name": "" },
        "$set": { "erased": integer(now.as_millis()), "erasing": binary(erasing), "is_erasing": true },
    };
    // By the index of ids: the document's key is known to whoever has the name only.
    session.update_all(SUBJECTS.name, doc! { "tenant": tenant.as_str(), "id": id }, name).await.map(drop)
}

/// Removes the keys of some persons of a tenant, with their names, and then some names of those whose erasure is not over; how many.
pub(super) async fn erase_some(session: &mut Session, tenant: &TenantId, now: Timestamp, most: usize) -> Result<u64> {
    // The key of the tenant itself stands before those of its persons.
    let behind = doc! { "tenant": tenant.as_str(), "_id": { "$gt": key(&[tenant.as_str(), ""]) }, "subject": { "$gt": "" } };
    let select = Select { sort: doc! { "tenant": 1, "_id": 1 }, limit: most, fields: doc! { "subject": 1 } };
    let found = session.find(DATA_KEYS.name, behind, select).await?;
    let subjects = found.iter().map(|row| row.text("subject")).collect::<Result<Vec<_>>>()?;
    if !subjects.is_empty() {
        let keys: Vec<&str> = found.iter().map(Row::key).collect();
        let named = doc! { "tenant": tenant.as_str(), "id": { "$in": subjects } };
        let erased = doc! { "$unset": { "name": "" }, "$set": { "erased": integer(now.as_millis()) } };
        session.update_all(SUBJECTS.name, named, erased).await?;
        return session.delete(DATA_KEYS.name, doc! { "tenant": tenant.as_str(), "_id": { "$in": keys } }).await;
    }
    let erasing = doc! { "is_erasing": true, "tenant": tenant.as_str() };
    let select = Select { limit: most, fields: doc! { "_id": 1 }, ..Select::default() };
    let found = session.find(SUBJECTS.name, erasing, select).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let keys: Vec<&str> = found.iter().map(Row::key).collect();
    let names = doc! { "$unset": { "erasing": "", "is_erasing": "" } };
    session.update_all(SUBJECTS.name, doc! { "tenant": tenant.as_str(), "_id": { "$in": keys } }, names).await
}

/// Removes the key of a tenant, and what keys and names of its persons were made since the last of them went.
pub(super) async fn erase_all(session: &mut Session, tenant: &TenantId, now: Timestamp) -> Result<()> {
    session.delete(DATA_KEYS.name, doc! { "tenant": tenant.as_str() }).await?;
    let named = doc! { "tenant": tenant.as_str(), "name": { "$exists": true } };
    let erased = doc! { "$unset": { "name": "" }, "$set": { "erased": integer(now.as_millis()) } };
    session.update_all(SUBJECTS.name, named, erased).await?;
    let erasing = doc! { "tenant": tenant.as_str(), "erasing": { "$exists": true } };
    session.update_all(SUBJECTS.name, erasing, doc! { "$unset": { "erasing": "", "is_erasing": "" } }).await.map(drop)
}

/// The keys that wrap data keys: each is found behind the one before, so that no data key is looked at but the first of each.
pub(super) async fn used_keys(database: &Database) -> Result<Vec<String>> {
    let data_keys: Collection<Document> = database.collection(DATA_KEYS.name);
    let mut used: Vec<String> = Vec::new();
    loop {
        let behind = doc! { "kek": { "$gt": used.last().map_or("", String::as_str) } };
        let found = data_keys.find_one(behind).sort(doc! { "kek": 1 }).await.map_err(during("looking which keys wrap others"))?;
        let Some(found) = found else { return Ok(used) };
        used.push(Row::new(DATA_KEYS.name, found).text("kek")?.to_owned());
    }
}

fn subject_key(tenant: &TenantId, digest: &[u8]) -> String {
    key(&[tenant.as_str(), &URL_SAFE_NO_PAD.encode(digest)])
}

fn of_key(tenant: &str, subject: &str) -> Document {
    doc! { "_id": key(&[tenant, subject]), "tenant": tenant }
}

fn subject(found: &Row) -> Result<StoredSubject> {
    Ok(StoredSubject { id: found.text("id")?.to_owned(), name: found.find_bytes("name")?.map(<[u8]>::to_vec) })
}

fn wrapped(found: &Row) -> Result<Wrapped> {
    Ok(Wrapped { by: found.text("kek")?.to_owned(), bytes: found.bytes("wrapped")?.to_vec() })
}

fn outdated(found: &Row) -> Result<Outdated, Error> {
    let wrapped = wrapped(found)?;
    Ok(Outdated {
        at: RewrapPlace { kek: wrapped.by.clone(), after: found.key().to_owned() },
        tenant: found.text("tenant")?.to_owned(),
        subject: found.text("subject")?.to_owned(),
        wrapped,
    })
}
