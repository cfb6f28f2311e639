//! Documents of the items of operations, in chunks.

use domain::name::OperationName;
use domain::operation::{Entry, ITEMS_OF_CHUNK, ItemOutcome};
use mongodb::bson::{Document, doc};
use storage_documents::{EntriesDocument, OutcomesDocument};
use storage_rules::Spot;

use crate::collections::{OPERATION_ITEMS, OPERATION_OUTCOMES};
use crate::contents::{self, Sealing};
use crate::error::{Error, Result};
use crate::row::{binary, key};
use crate::session::Session;

/// Adds what is asked, by chunks.
pub(super) async fn add(session: &mut Session, name: &OperationName, entries: &[Entry]) -> Result<()> {
    let sealing = Sealing::begin(session, &name.tenant).await?;
    let mut rows = Vec::new();
    for (chunk, entries) in (0_u32..).zip(entries.chunks(ITEMS_OF_CHUNK as usize)) {
        let text = storage_documents::encode(&EntriesDocument::from(entries));
        let sealed = sealing.seal(&Spot::entries(name.operation.as_str(), chunk), text.as_bytes());
        let mut row = of_chunk(name, chunk);
        row.extend(doc! { "operation": name.operation.as_str(), "entries": binary(sealed) });
        rows.push(row);
    }
    session.add_all(OPERATION_ITEMS.name, &rows).await
}

pub(super) async fn entries(session: &mut Session, name: &OperationName, chunk: u32) -> Result<Vec<Entry>> {
    let Some(found) = session.find_one(OPERATION_ITEMS.name, of_chunk(name, chunk)).await? else { return Ok(Vec::new()) };
    let spot = Spot::entries(name.operation.as_str(), chunk);
    let text = contents::open_text(session, &name.tenant, &spot, found.bytes("entries")?).await?;
    let document = storage_documents::decode::<EntriesDocument>(&text);
    document
        .and_then(|document| Ok(document.into_entries()?))
        .map_err(|source| Error::undecodable(OPERATION_ITEMS.name, found.key(), source))
}

pub(super) async fn outcomes(session: &mut Session, name: &OperationName, chunk: u32) -> Result<Vec<ItemOutcome>> {
    let Some(found) = session.find_one(OPERATION_OUTCOMES.name, of_chunk(name, chunk)).await? else { return Ok(Vec::new()) };
    let spot = Spot::outcomes(name.operation.as_str(), chunk);
    let text = contents::open_text(session, &name.tenant, &spot, found.bytes("outcomes")?).await?;
    let document = storage_documents::decode::<OutcomesDocument>(&text);
    document
        .and_then(|document| Ok(document.into_outcomes()?))
        .map_err(|source| Error::undecodable(OPERATION_OUTCOMES.name, found.key(), source))
}

/// Stores what became of the items of some chunks, in the place of what was stored of them.
pub(super) async fn put(session: &mut Session, name: &OperationName, chunks: &[(u32, Vec<ItemOutcome>)]) -> Result<()> {
    if chunks.is_empty() {
        return Ok(());
    }
    let sealing = Sealing::begin(session, &name.tenant).await?;
    for (chunk, outcomes) in chunks {
        let text = storage_documents::encode(&OutcomesDocument::from(outcomes.as_slice()));
        let sealed = sealing.seal(&Spot::outcomes(name.operation.as_str(), *chunk), text.as_bytes());
        let mut row = of_chunk(name, *chunk);
        row.extend(doc! { "operation": name.operation.as_str(), "outcomes": binary(sealed) });
        session.put(OPERATION_OUTCOMES.name, row).await?;
    }
    Ok(())
}

pub(super) async fn forget_entries(session: &mut Session, name: &OperationName) -> Result<()> {
    session.delete(OPERATION_ITEMS.name, of_operation(name)).await.map(drop)
}

pub(super) async fn forget_outcomes(session: &mut Session, name: &OperationName) -> Result<()> {
    session.delete(OPERATION_OUTCOMES.name, of_operation(name)).await.map(drop)
}

/// The key of a chunk, which names its shard.
fn of_chunk(name: &OperationName, chunk: u32) -> Document {
    let id = key(&[name.tenant.as_str(), name.operation.as_str(), &chunk.to_string()]);
    doc! { "_id": id, "tenant": name.tenant.as_str() }
}

fn of_operation(name: &OperationName) -> Document {
    doc! { "tenant": name.tenant.as_str(), "operation": name.operation.as_str() }
}
