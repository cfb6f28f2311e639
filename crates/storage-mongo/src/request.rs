//! Answered requests: the same request of the same caller gets the first answer, and the same id with another body is refused.
//! What is stored of a body is a digest by a key of the installation.

use std::collections::BTreeSet;

use domain::name::TenantId;
use domain::request::RequestKey;
use domain::time::Timestamp;
use mongodb::bson::doc;
use storage_rules::body_digest;

use crate::collections::REQUESTS;
use crate::error::Result;
use crate::row::{Row, integer, key};
use crate::session::{Select, Session};

/// What is remembered of a request.
pub(crate) enum Remembered {
    /// The id was used with another body.
    Reused,
    /// It was answered.
    Answered {
        /// Id of the resource that it made or changed.
        resource: String,
        /// The resource's document as first answered, where that is kept.
        answer: Option<String>,
    },
}

/// Finds a request that was answered at or after `since`.
pub(crate) async fn find(session: &mut Session, tenant: &TenantId, request: &RequestKey, since: Timestamp) -> Result<Option<Remembered>> {
    let wanted = doc! { "_id": id(tenant, request), "tenant": tenant.as_str() };
    let Some(found) = session.find_one(REQUESTS.name, wanted).await? else { return Ok(None) };
    if found.number("answered")? < since.as_millis() {
        return Ok(None);
    }
    if found.text("body")? != digest(session, request) {
        return Ok(Some(Remembered::Reused));
    }
    let (resource, answer) = (found.text("resource")?.to_owned(), found.find_text("answer")?.map(str::to_owned));
    Ok(Some(Remembered::Answered { resource, answer }))
}

/// Remembers a request with its answer, in place of one that was forgotten.
pub(crate) async fn remember(
    session: &mut Session,
    tenant: &TenantId,
    request: &RequestKey,
    now: Timestamp,
    resource: &str,
    answer: Option<&str>,
) -> Result<()> {
    let row = doc! {
        "_id": id(tenant, request),
        "tenant": tenant.as_str(),
        "body": digest(session, request),
        "answered": integer(now.as_millis()),
        "resource": resource,
        "answer": answer,
    };
    session.put(REQUESTS.name, row).await
}

/// Forgets up to `limit` requests that were answered before; returns how many.
pub(crate) async fn forget(session: &mut Session, before: Timestamp, limit: usize) -> Result<u64> {
    let old = doc! { "answered": { "$lt": integer(before.as_millis()) } };
    let select = Select { sort: doc! { "answered": 1 }, limit, fields: doc! { "_id": 1, "tenant": 1 } };
    let found = session.find(REQUESTS.name, old, select).await?;
    let keys: Vec<&str> = found.iter().map(Row::key).collect();
    if keys.is_empty() {
        return Ok(0);
    }
    let tenants = found.iter().map(|row| row.text("tenant")).collect::<Result<BTreeSet<_>>>()?;
    let of_shards = doc! { "_id": { "$in": keys }, "tenant": { "$in": Vec::from_iter(tenants) } };
    session.delete(REQUESTS.name, of_shards).await
}

fn digest(session: &Session, request: &RequestKey) -> String {
    let key = session.shared.request_key.get().expect("the store was opened with it");
    body_digest(key, request.method, &request.id, &request.body.to_string())
}

fn id(tenant: &TenantId, request: &RequestKey) -> String {
    key(&[tenant.as_str(), request.caller.as_str(), request.method, &request.id])
}
