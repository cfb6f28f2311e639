//! Rows of the items of operations, in chunks.

use domain::name::OperationName;
use domain::operation::{Entry, ItemOutcome};
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_documents::{EntriesDocument, OutcomesDocument};
use storage_rules::Spot;
use zeroize::Zeroizing;

use crate::contents;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

/// A chunk as a text.
pub(super) fn encoded(entries: &[Entry]) -> String {
    storage_documents::encode(&EntriesDocument::from(entries))
}

/// Adds what is asked, by chunks.
pub(super) fn add(connection: &Connection, vault: &Vault, name: &OperationName, chunks: &[String]) -> Result<()> {
    const QUERY: &str = "INSERT INTO operation_items (tenant, operation, chunk, entries) VALUES (?1, ?2, ?3, ?4)";
    let (tenant, id) = (name.tenant.as_str(), name.operation.as_str());
    for (chunk, text) in (0_u32..).zip(chunks) {
        let sealed = contents::seal(connection, vault, &name.tenant, &Spot::entries(id, chunk), text.as_bytes())?;
        let run = || connection.prepare_cached(QUERY)?.execute(params![tenant, id, chunk, sealed]);
        run().map_err(during("storing items of an operation"))?;
    }
    Ok(())
}

pub(super) fn entries(connection: &Connection, vault: &Vault, name: &OperationName, chunk: u32) -> Result<Vec<Entry>> {
    const QUERY: &str = "SELECT entries FROM operation_items WHERE tenant = ?1 AND operation = ?2 AND chunk = ?3";
    let spot = Spot::entries(name.operation.as_str(), chunk);
    let Some(text) = opened(connection, vault, name, chunk, QUERY, &spot)? else { return Ok(Vec::new()) };
    let document = storage_documents::decode::<EntriesDocument>(&text);
    document.and_then(|document| Ok(document.into_entries()?)).map_err(|source| broken(&spot, name, source))
}

pub(super) fn outcomes(connection: &Connection, vault: &Vault, name: &OperationName, chunk: u32) -> Result<Vec<ItemOutcome>> {
    const QUERY: &str = "SELECT outcomes FROM operation_outcomes WHERE tenant = ?1 AND operation = ?2 AND chunk = ?3";
    let spot = Spot::outcomes(name.operation.as_str(), chunk);
    let Some(text) = opened(connection, vault, name, chunk, QUERY, &spot)? else { return Ok(Vec::new()) };
    let document = storage_documents::decode::<OutcomesDocument>(&text);
    document.and_then(|document| Ok(document.into_outcomes()?)).map_err(|source| broken(&spot, name, source))
}

/// Stores what became of the items of some chunks, in the place of what was stored of them.
pub(super) fn put(connection: &Connection, vault: &Vault, name: &OperationName, chunks: &[(u32, Vec<ItemOutcome>)]) -> Result<()> {
    const QUERY: &str = "INSERT OR REPLACE INTO operation_outcomes (tenant, operation, chunk, outcomes) VALUES (?1, ?2, ?3, ?4)";
    let (tenant, id) = (name.tenant.as_str(), name.operation.as_str());
    for (chunk, outcomes) in chunks {
        let text = storage_documents::encode(&OutcomesDocument::from(outcomes.as_slice()));
        let sealed = contents::seal(connection, vault, &name.tenant, &Spot::outcomes(id, *chunk), text.as_bytes())?;
        let run = || connection.prepare_cached(QUERY)?.execute(params![tenant, id, chunk, sealed]);
        run().map_err(during("storing what became of items"))?;
    }
    Ok(())
}

pub(super) fn forget_entries(connection: &Connection, name: &OperationName) -> Result<()> {
    const QUERY: &str = "DELETE FROM operation_items WHERE tenant = ?1 AND operation = ?2";
    forget(connection, name, QUERY)
}

pub(super) fn forget_outcomes(connection: &Connection, name: &OperationName) -> Result<()> {
    const QUERY: &str = "DELETE FROM operation_outcomes WHERE tenant = ?1 AND operation = ?2";
    forget(connection, name, QUERY)
}

fn forget(connection: &Connection, name: &OperationName, query: &str) -> Result<()> {
    let run = || connection.prepare_cached(query)?.execute(params![name.tenant.as_str(), name.operation.as_str()]);
    run().map(drop).map_err(during("removing items of an operation"))
}

fn opened(
    connection: &Connection,
    vault: &Vault,
    name: &OperationName,
    chunk: u32,
    query: &str,
    spot: &Spot,
) -> Result<Option<Zeroizing<String>>> {
    let key = params![name.tenant.as_str(), name.operation.as_str(), chunk];
    let run = || connection.prepare_cached(query)?.query_row(key, |row| row.get::<_, Vec<u8>>(0));
    let Some(sealed) = run().optional().map_err(during("reading items of an operation"))? else { return Ok(None) };
    contents::open_text(connection, vault, &name.tenant, spot, &sealed).map(Some)
}

fn broken(spot: &Spot, name: &OperationName, source: domain::error::Source) -> Error {
    Error::undecodable(spot.collection, name.to_string(), source)
}
