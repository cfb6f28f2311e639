//! Documents of operations, and answers to requests that began them.

use domain::lease::Fence;
use domain::name::{OperationId, OperationName, TenantId};
use domain::operation::{MAX_OPEN, Operation, OperationQuery};
use domain::page::Page;
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use storage_documents::OperationDocument;
use storage_rules::{PageById, Refusal};

use super::items;
use crate::collections::{OPERATIONS, millis};
use crate::counts;
use crate::epochs;
use crate::error::{Error, Result};
use crate::leases;
use crate::request::{self, Remembered};
use crate::row::{Row, integer, key};
use crate::session::{Select, Session};
use crate::tenants;

/// The name of the order of a list.
pub(super) const ORDER: &str = "operation";
/// Most operations that are removed in one step.
pub(super) const STEP: usize = 16;
/// Operations that one read of a sweep brings.
const AT_ONCE: usize = 64;

pub(super) async fn insert(
    session: &mut Session,
    operation: &Operation,
    request: Option<&RequestKey>,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<Operation>> {
    let name = &operation.name;
    if let Some(key) = request {
        let remembered = request::find(session, &name.tenant, key, since).await?;
        if let Some(answered) = answer(session, &name.tenant, remembered).await? {
            return Ok(answered);
        }
    }
    let mut row = of_name(name);
    row.extend(doc! { "id": name.operation.as_str(), "creator": operation.creator.principal.to_string(), "stop_asked": false });
    row.extend(columns(operation));
    if !session.insert(OPERATIONS.name, row).await? {
        return Ok(Committed::Conflict);
    }
    if !operation.has_ended() && counts::advance(session, &name.tenant, OPERATIONS.name, 1).await? > MAX_OPEN as u64 {
        return Err(Refusal::Operations { tenant: name.tenant.clone() }.into());
    }
    if let Some(key) = request {
        request::remember(session, &name.tenant, key, now, &name.to_string(), None).await?;
    }
    Ok(Committed::Stored)
}

pub(super) async fn find(session: &mut Session, name: &OperationName) -> Result<Option<Operation>> {
    session.find_one(OPERATIONS.name, of_name(name)).await?.map(|found| read(&found)).transpose()
}

/// A page of the operations of a tenant, the newest first. One that cannot be read hides no other.
pub(super) async fn list(session: &mut Session, tenant: &TenantId, query: &OperationQuery, page: &PageById) -> Result<Page<Operation>> {
    let mut filter = doc! { "tenant": tenant.as_str() };
    if !page.after.is_empty() {
        filter.insert("id", doc! { "$lt": &page.after });
    }
    if let Some(creator) = &query.creator {
        filter.insert("creator", creator.to_string());
    }
    let mut found = session.find(OPERATIONS.name, filter, Select::sorted(doc! { "id": -1 }, page.limit())).await?;
    let next = page.cut(&mut found, |found| found.text("id").unwrap_or_default());
    let items = found.iter().filter_map(|found| session.shared.readable(read(found)).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next })
}

/// Stores how far it is where it goes on under its fence; says whether it does.
pub(super) async fn advance(session: &mut Session, operation: &Operation) -> Result<bool> {
    let mut filter = of_name(&operation.name);
    filter.extend(held_by(&operation.fence));
    filter.insert("unfinished", true);
    let is_stored = session.update(OPERATIONS.name, filter, doc! { "$set": columns(operation) }).await?;
    if is_stored && operation.has_ended() {
        counts::advance(session, &operation.name.tenant, OPERATIONS.name, -1).await?;
    }
    Ok(is_stored)
}

pub(super) async fn ask_cancel(session: &mut Session, name: &OperationName) -> Result<()> {
    let mut filter = of_name(name);
    filter.insert("unfinished", true);
    session.update(OPERATIONS.name, filter, doc! { "$set": { "stop_asked": true } }).await.map(drop)
}

/// Operations that have not ended and whose fence is not that of a lease in force. Those that cannot be read count for nothing.
pub(super) async fn abandoned(session: &mut Session, now: Timestamp, limit: usize) -> Result<Vec<Operation>> {
    let held: Vec<Document> = leases::fences_in_force(session, now).await?.iter().map(held_by).collect();
    let (mut taken, mut after) = (Vec::new(), String::new());
    loop {
        let mut filter = doc! { "unfinished": true, "_id": { "$gt": &after } };
        // The server refuses to leave out none of nothing.
        if !held.is_empty() {
            filter.insert("$nor", &held);
        }
        let found = session.find(OPERATIONS.name, filter, Select::sorted(doc! { "_id": 1 }, AT_ONCE)).await?;
        let is_last = found.len() < AT_ONCE;
        for row in found {
            if taken.len() == limit {
                return Ok(taken);
            }
            row.key().clone_into(&mut after);
            taken.extend(session.shared.readable(read(&row))?);
        }
        if is_last {
            return Ok(taken);
        }
    }
}

/// The operation under its new fence, unless somebody else holds it.
pub(super) async fn take_over(
    session: &mut Session,
    name: &OperationName,
    from: &Fence,
    to: &Fence,
    now: Timestamp,
) -> Result<Option<Operation>> {
    let Some(held) = find(session, name).await? else { return Ok(None) };
    let is_abandoned = held.fence == *from && !leases::is_in_force(session, from, now).await?;
    if held.has_ended() || !(is_abandoned || held.fence == *to) {
        return Ok(None);
    }
    let taken = Operation { fence: to.clone(), ..held };
    session.update(OPERATIONS.name, of_name(name), doc! { "$set": columns(&taken) }).await?;
    Ok(Some(taken))
}

/// Some that ended before, but those of tenants on legal hold.
pub(super) async fn old(session: &mut Session, before: Timestamp) -> Result<Vec<OperationName>> {
    let held: Vec<Bson> = tenants::held(session).await?.into_iter().map(Bson::from).collect();
    let mut filter = doc! { "ended": { "$lt": millis(before) } };
    if !held.is_empty() {
        filter.insert("tenant", doc! { "$nin": held });
    }
    let select = Select { sort: doc! { "ended": 1, "_id": 1 }, limit: STEP, fields: doc! { "tenant": 1, "id": 1 } };
    session.find(OPERATIONS.name, filter, select).await?.iter().map(name_of).collect()
}

/// Removes one with what became of its items, unless a hold keeps it by now.
pub(super) async fn remove(session: &mut Session, name: &OperationName) -> Result<()> {
    // A hold that is set meanwhile is seen, or waits for the end of this.
    epochs::guard(session, &name.tenant).await?;
    if tenants::held(session).await?.iter().any(|held| held == name.tenant.as_str()) {
        return Ok(());
    }
    items::forget_outcomes(session, name).await?;
    session.delete(OPERATIONS.name, of_name(name)).await.map(drop)
}

pub(super) async fn answer(
    session: &mut Session,
    tenant: &TenantId,
    remembered: Option<Remembered>,
) -> Result<Option<Committed<Operation>>> {
    let resource = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, .. }) => resource,
    };
    let broken = |error: domain::Error| Error::undecodable("requests", resource.clone(), error);
    let name = OperationName::parse("name", &resource).map_err(broken)?;
    let found = find(session, &OperationName { tenant: tenant.clone(), ..name }).await?;
    let removed = || Committed::Removed { resource };
    Ok(Some(found.map_or_else(removed, |operation| Committed::Answered(Box::new(operation)))))
}

/// The key of an operation, which names its shard.
fn of_name(name: &OperationName) -> Document {
    doc! { "_id": key(&[name.tenant.as_str(), name.operation.as_str()]), "tenant": name.tenant.as_str() }
}

fn held_by(fence: &Fence) -> Document {
    doc! { "instance": fence.holder.as_str(), "token": integer(fence.token) }
}

/// What changes with each step, and what it is selected by.
fn columns(operation: &Operation) -> Document {
    let mut columns = held_by(&operation.fence);
    columns.extend(doc! {
        "unfinished": !operation.has_ended(),
        "document": storage_documents::encode(&OperationDocument::from(operation)),
    });
    if let Some(ended) = operation.ended {
        columns.insert("ended", integer(ended.as_millis()));
    }
    columns
}

fn name_of(found: &Row) -> Result<OperationName> {
    let broken = |source: domain::Error| Error::undecodable(OPERATIONS.name, found.key(), source);
    let tenant = TenantId::parse("tenant", found.text("tenant")?).map_err(broken)?;
    let operation = OperationId::parse("operation", found.text("id")?).map_err(broken)?;
    Ok(OperationName { tenant, operation })
}

fn read(found: &Row) -> Result<Operation> {
    let (name, is_stopped) = (name_of(found)?, found.flag("stop_asked")?);
    let document = storage_documents::decode::<OperationDocument>(found.text("document")?);
    let operation = document.and_then(|document| Ok(document.into_operation(name, is_stopped)?));
    operation.map_err(|source| Error::undecodable(OPERATIONS.name, found.key(), source))
}
