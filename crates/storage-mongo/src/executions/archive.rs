//! The port of the archive: which executions are to be archived, and which pieces of them are.

use std::collections::HashSet;

use async_trait::async_trait;
use domain::access::TenantScope;
use domain::archive::{ArchiveRepository, INLINE_OUTPUT, ObjectId, Piece, Reference};
use domain::name::{ExecutionId, ExecutionName, TenantId};
use mongodb::bson::{Document, doc};
use storage_rules::Spot;

use super::names::{ARCHIVE, OUTPUT, TABLE};
use super::rows::{id, name, name_of};
use crate::contents::{self, Sealing};
use crate::error::Result;
use crate::row::{binary, integer, key, ordered};
use crate::session::{Select, Session};
use crate::store::MongoStore;
use crate::transaction::{read, transact};

#[async_trait]
impl ArchiveRepository for MongoStore {
    async fn archivable(&self, after: Option<&ExecutionName>, limit: u32) -> domain::Result<Vec<ExecutionName>> {
        Ok(read!(self, "looking for output to archive", |session| waiting(session, after, limit as usize).await)?)
    }

    async fn archive(&self, scope: &TenantScope, id: &ExecutionId, pieces: &[Piece]) -> domain::Result<bool> {
        let name = name_of(scope, id);
        Ok(transact!(self, "archiving output", scope.tenant(), |session| archive(session, &name, pieces).await)?)
    }

    async fn piece_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64) -> domain::Result<Option<Piece>> {
        let name = name_of(scope, id);
        Ok(read!(self, "looking for archived output", |session| piece_after(session, &name, sequence).await)?)
    }

    async fn unnamed(&self, scope: &TenantScope, objects: &[ObjectId]) -> domain::Result<Vec<ObjectId>> {
        Ok(read!(self, "looking for objects that nothing names", |session| unnamed(session, scope.tenant(), objects).await)?)
    }
}

/// What marks an execution that has ended with so much output as to be archived.
pub(super) fn mark(output_bytes: u64) -> Document {
    if output_bytes > INLINE_OUTPUT {
        doc! { "to_archive": true }
    } else {
        Document::new()
    }
}

/// Forgets the pieces of executions that go.
pub(super) async fn forget(session: &mut Session, tenant: &TenantId, executions: &[&str]) -> Result<()> {
    session.delete(ARCHIVE, doc! { "tenant": tenant.as_str(), "execution": { "$in": executions } }).await.map(drop)
}

async fn waiting(session: &mut Session, after: Option<&ExecutionName>, limit: usize) -> Result<Vec<ExecutionName>> {
    let after = after.map_or_else(String::new, |name| key(&[name.tenant.as_str(), name.execution.as_str()]));
    let filter = doc! { "to_archive": true, "_id": { "$gt": after } };
    let select = Select { sort: doc! { "_id": 1 }, limit, fields: doc! { "tenant": 1, "id": 1 } };
    session.find(TABLE, filter, select).await?.iter().map(name).collect()
}

async fn archive(session: &mut Session, name: &ExecutionName, pieces: &[Piece]) -> Result<bool> {
    let Some(last) = pieces.last().map(|piece| piece.last) else { return Ok(false) };
    let mut waits = id(&name.tenant, &name.execution);
    waits.insert("to_archive", true);
    if !session.update(TABLE, waits, doc! { "$set": { "to_archive": false } }).await? {
        return Ok(false);
    }
    // Batches up to the one that holds the next event are archived as a whole.
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    let begun = doc! { "tenant": tenant, "execution": execution, "first": { "$lte": integer(last.saturating_add(1)) } };
    let select = Select { sort: doc! { "first": -1 }, limit: 1, fields: doc! { "first": 1 } };
    let found = session.find(OUTPUT, begun, select).await?;
    let kept = found.first().map(|row| row.number("first")).transpose()?.unwrap_or_default();
    session.delete(OUTPUT, doc! { "tenant": tenant, "execution": execution, "first": { "$lt": integer(kept) } }).await?;
    let sealing = Sealing::begin(session, &name.tenant).await?;
    let rows: Vec<Document> = pieces.iter().map(|piece| row(&sealing, name, piece)).collect();
    session.add_all(ARCHIVE, &rows).await?;
    Ok(true)
}

fn row(sealing: &Sealing<'_>, name: &ExecutionName, piece: &Piece) -> Document {
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    doc! {
        "_id": key(&[tenant, execution, &ordered(piece.last)]),
        "tenant": tenant,
        "execution": execution,
        "first": integer(piece.first),
        "last": integer(piece.last),
        "object": piece.object.as_str(),
        "reference": binary(sealing.seal(&Spot::archived(execution, piece.last), piece.reference.as_bytes())),
    }
}

async fn piece_after(session: &mut Session, name: &ExecutionName, sequence: u64) -> Result<Option<Piece>> {
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    let filter = doc! { "tenant": tenant, "execution": execution, "last": { "$gt": integer(sequence) } };
    let found = session.find(ARCHIVE, filter, Select::sorted(doc! { "last": 1 }, 1)).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let (first, last) = (row.number("first")?, row.number("last")?);
    let object = ObjectId::parse(row.text("object")?).ok_or_else(|| row.broken("object"))?;
    let mut opened = contents::open(session, &name.tenant, &Spot::archived(execution, last), row.bytes("reference")?).await?;
    Ok(Some(Piece { first, last, object, reference: Reference::new(std::mem::take(&mut *opened)) }))
}

async fn unnamed(session: &mut Session, tenant: &TenantId, objects: &[ObjectId]) -> Result<Vec<ObjectId>> {
    let asked: Vec<&str> = objects.iter().map(ObjectId::as_str).collect();
    let filter = doc! { "tenant": tenant.as_str(), "object": { "$in": asked } };
    let select = Select { sort: Document::new(), limit: objects.len(), fields: doc! { "object": 1 } };
    let found = session.find(ARCHIVE, filter, select).await?;
    let named: HashSet<&str> = found.iter().map(|row| row.text("object")).collect::<Result<_>>()?;
    Ok(objects.iter().filter(|object| !named.contains(object.as_str())).cloned().collect())
}
