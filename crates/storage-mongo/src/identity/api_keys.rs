//! Documents of API keys, and answers to their requests. A key is kept under its own id, by which it is looked for before it is known
//! who calls.

use domain::identity::{ApiKey, ApiKeyChange};
use domain::name::{ApiKeyId, ApiKeyName, PrincipalName, TenantId};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};
use storage_documents::ApiKeyDocument;
use storage_rules::PageById;

use crate::collections::API_KEYS;
use crate::error::{Error, Result};
use crate::request::{self, Remembered};
use crate::row::{Row, integer};
use crate::session::{Select, Session};

/// The name of the order of a list.
pub(super) const ORDER: &str = "api_key";

/// A page of the keys of an account. One that cannot be read hides no other.
pub(super) async fn list(session: &mut Session, tenant: &TenantId, account: &PrincipalName, page: &PageById) -> Result<Page<ApiKey>> {
    let filter = doc! { "tenant": tenant.as_str(), "account": account.as_str(), "_id": { "$gt": &page.after } };
    let mut found = session.find(API_KEYS.name, filter, Select::sorted(doc! { "_id": 1 }, page.limit())).await?;
    let next = page.cut(&mut found, Row::key);
    let items = found.iter().filter_map(|found| session.shared.readable(read(found)).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next })
}

pub(super) async fn find_shown(session: &mut Session, id: &ApiKeyId) -> Result<Option<ApiKey>> {
    let found = session.find_one(API_KEYS.name, doc! { "_id": id.as_str() }).await?;
    found.map(|found| read(&found)).transpose()
}

pub(super) async fn find(session: &mut Session, tenant: &TenantId, account: &PrincipalName, id: &ApiKeyId) -> Result<Option<ApiKey>> {
    let found = session.find_one(API_KEYS.name, key(tenant, account, id)).await?;
    found.map(|found| read(&found)).transpose()
}

pub(super) async fn commit(
    session: &mut Session,
    tenant: &TenantId,
    change: &ApiKeyChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<ApiKey>> {
    if let Some(key) = &change.request
        && let Some(answered) = answer(request::find(session, tenant, key, since).await?)?
    {
        return Ok(answered);
    }
    let document = storage_documents::encode(&ApiKeyDocument::from(&change.key));
    let is_stored = match change.expected {
        Expected::Absent => insert(session, tenant, &change.key, &document).await?,
        Expected::Revision(revision) => update(session, tenant, &change.key, &document, integer(revision.as_u64())).await?,
    };
    if !is_stored {
        return Ok(Committed::Conflict);
    }
    if let Some(key) = &change.request {
        request::remember(session, tenant, key, now, &change.key.name().to_string(), Some(&document)).await?;
    }
    Ok(Committed::Stored)
}

pub(super) async fn note_use(session: &mut Session, tenant: &TenantId, id: &ApiKeyId, at: Timestamp) -> Result<()> {
    let filter = doc! { "_id": id.as_str(), "tenant": tenant.as_str() };
    let update = doc! { "$max": { "last_used": integer(at.as_millis()) } };
    session.update(API_KEYS.name, filter, update).await.map(drop)
}

/// Deletes the keys of an account.
pub(super) async fn delete_of(session: &mut Session, tenant: &TenantId, account: &PrincipalName) -> Result<()> {
    let filter = doc! { "tenant": tenant.as_str(), "account": account.as_str() };
    session.delete(API_KEYS.name, filter).await.map(drop)
}

async fn insert(session: &mut Session, tenant: &TenantId, key: &ApiKey, document: &str) -> Result<bool> {
    let row = doc! {
        "_id": key.id.as_str(),
        "tenant": tenant.as_str(),
        "account": key.account.as_str(),
        "revision": integer(key.revision.as_u64()),
        "document": document,
    };
    session.insert(API_KEYS.name, row).await
}

async fn update(session: &mut Session, tenant: &TenantId, api_key: &ApiKey, document: &str, expected: i64) -> Result<bool> {
    let mut filter = key(tenant, &api_key.account, &api_key.id);
    filter.insert("revision", expected);
    let update = doc! { "$set": { "revision": integer(api_key.revision.as_u64()), "document": document } };
    session.update(API_KEYS.name, filter, update).await
}

pub(super) fn answer(remembered: Option<Remembered>) -> Result<Option<Committed<ApiKey>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let name = ApiKeyName::parse("name", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    Ok(Some(Committed::Answered(Box::new(decode(&name, None, &text)?))))
}

fn key(tenant: &TenantId, account: &PrincipalName, id: &ApiKeyId) -> Document {
    doc! { "_id": id.as_str(), "tenant": tenant.as_str(), "account": account.as_str() }
}

fn read(found: &Row) -> Result<ApiKey> {
    let (account, id) = (found.text("account")?, found.key());
    let last_used = found.find_number("last_used")?.map(Timestamp::from_millis);
    let name = format!("{account}/apiKeys/{id}");
    let name = ApiKeyName::parse("name", &name).map_err(|error| Error::undecodable(API_KEYS.name, name, error))?;
    decode(&name, last_used, found.text("document")?)
}

fn decode(name: &ApiKeyName, last_used: Option<Timestamp>, text: &str) -> Result<ApiKey> {
    let document = storage_documents::decode::<ApiKeyDocument>(text);
    let key = document.and_then(|document| Ok(document.into_api_key(name.account.clone(), name.key.clone(), last_used)?));
    key.map_err(|source| Error::undecodable(API_KEYS.name, name.to_string(), source))
}
