//! The port of the archive: which executions are to be archived, and which pieces of them are.

use async_trait::async_trait;
use domain::access::TenantScope;
use domain::archive::{ArchiveRepository, INLINE_OUTPUT, ObjectId, Piece, Reference};
use domain::name::{ExecutionId, ExecutionName, TenantId};
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_rules::Spot;

use super::rows::{name_of, named};
use crate::connection::integer;
use crate::contents;
use crate::error::{Error, Result, during};
use crate::store::EmbeddedStore;
use crate::vault::Vault;

/// What pieces are stored in.
const TABLE: &str = "output_archive";

#[async_trait]
impl ArchiveRepository for EmbeddedStore {
    async fn archivable(&self, after: Option<&ExecutionName>, limit: u32) -> domain::Result<Vec<ExecutionName>> {
        let after = after.cloned();
        Ok(self.read(move |connection| waiting(connection, after.as_ref(), limit)).await?)
    }

    async fn archive(&self, scope: &TenantScope, id: &ExecutionId, pieces: &[Piece]) -> domain::Result<bool> {
        let (name, pieces, vault) = (name_of(scope, id), pieces.to_vec(), self.vault());
        Ok(self.write(move |connection| archive(connection, &vault, &name, &pieces)).await?)
    }

    async fn piece_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64) -> domain::Result<Option<Piece>> {
        let (name, vault) = (name_of(scope, id), self.vault());
        Ok(self.read(move |connection| piece_after(connection, &vault, &name, sequence)).await?)
    }

    async fn unnamed(&self, scope: &TenantScope, objects: &[ObjectId]) -> domain::Result<Vec<ObjectId>> {
        let (tenant, objects) = (scope.tenant().clone(), objects.to_vec());
        Ok(self.read(move |connection| unnamed(connection, &tenant, objects)).await?)
    }
}

/// Notes that an execution that has ended is to be archived, if it has that much output.
pub(super) fn mark(connection: &Connection, name: &ExecutionName) -> Result<()> {
    const QUERY: &str = "UPDATE executions SET to_archive = 1 WHERE tenant = ?1 AND id = ?2 \
         AND (SELECT sum(output_bytes) FROM output WHERE tenant = ?1 AND execution = ?2) > ?3 \
         AND NOT EXISTS (SELECT 1 FROM output_archive WHERE tenant = ?1 AND execution = ?2)";
    let values = params![name.tenant.as_str(), name.execution.as_str(), integer(INLINE_OUTPUT)];
    let run = || connection.prepare_cached(QUERY)?.execute(values);
    run().map(drop).map_err(during("looking whether output is to be archived"))
}

/// Forgets the pieces of an execution that goes; answers how many bytes of output were in them.
pub(super) fn forget(connection: &Connection, tenant: &str, execution: &str) -> rusqlite::Result<i64> {
    const SUM: &str = "SELECT coalesce(sum(output_bytes), 0) FROM output_archive WHERE tenant = ?1 AND execution = ?2";
    const DELETE: &str = "DELETE FROM output_archive WHERE tenant = ?1 AND execution = ?2";
    // What is gone needs no archive; the execution itself may stay.
    const DONE: &str = "UPDATE executions SET to_archive = 0 WHERE tenant = ?1 AND id = ?2 AND to_archive = 1";
    let key = params![tenant, execution];
    let bytes = connection.prepare_cached(SUM)?.query_row(key, |row| row.get(0))?;
    connection.prepare_cached(DELETE)?.execute(key)?;
    connection.prepare_cached(DONE)?.execute(key)?;
    Ok(bytes)
}

fn waiting(connection: &Connection, after: Option<&ExecutionName>, limit: u32) -> Result<Vec<ExecutionName>> {
    const QUERY: &str = "SELECT tenant, id FROM executions INDEXED BY executions_to_archive WHERE to_archive = 1 \
         AND (tenant, id) > (?1, ?2) ORDER BY tenant, id LIMIT ?3";
    let doing = "looking for output to archive";
    let (tenant, id) = after.map_or(("", ""), |name| (name.tenant.as_str(), name.execution.as_str()));
    let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
    let mut rows = statement.query(params![tenant, id, limit]).map_err(during(doing))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(during(doing))? {
        let text = |index| row.get_ref(index).and_then(|value| Ok(value.as_str()?));
        found.push(named(text(0).map_err(during(doing))?, text(1).map_err(during(doing))?)?);
    }
    Ok(found)
}

fn archive(connection: &Connection, vault: &Vault, name: &ExecutionName, pieces: &[Piece]) -> Result<bool> {
    const DONE: &str = "UPDATE executions SET to_archive = 0 WHERE tenant = ?1 AND id = ?2 AND to_archive = 1";
    // A batch that holds something else beside what is archived stays: the last one, with how the execution ended.
    const SUM: &str = "SELECT coalesce(sum(output_bytes), 0) FROM output WHERE tenant = ?1 AND execution = ?2 AND last_sequence <= ?3";
    const DELETE: &str = "DELETE FROM output WHERE tenant = ?1 AND execution = ?2 AND last_sequence <= ?3";
    let doing = "archiving output";
    let Some(last) = pieces.last().map(|piece| integer(piece.last)) else { return Ok(false) };
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    let run = || connection.prepare_cached(DONE)?.execute([tenant, execution]);
    if run().map_err(during(doing))? == 0 {
        return Ok(false);
    }
    let key = params![tenant, execution, last];
    let run = || {
        let bytes: i64 = connection.prepare_cached(SUM)?.query_row(key, |row| row.get(0))?;
        connection.prepare_cached(DELETE)?.execute(key)?;
        Ok(bytes)
    };
    let mut bytes = run().map_err(during(doing))?;
    for piece in pieces {
        insert(connection, vault, name, piece, std::mem::take(&mut bytes))?;
    }
    Ok(true)
}

fn insert(connection: &Connection, vault: &Vault, name: &ExecutionName, piece: &Piece, bytes: i64) -> Result<()> {
    const QUERY: &str = "INSERT INTO output_archive (tenant, execution, last_sequence, first_sequence, object, output_bytes, reference) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    let spot = Spot::archived(execution, piece.last);
    let reference = contents::seal(connection, vault, &name.tenant, &spot, piece.reference.as_bytes())?;
    let (first, last) = (integer(piece.first), integer(piece.last));
    let row = params![tenant, execution, last, first, piece.object.as_str(), bytes, reference];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    run().map(drop).map_err(during("archiving output"))
}

fn piece_after(connection: &Connection, vault: &Vault, name: &ExecutionName, sequence: u64) -> Result<Option<Piece>> {
    const QUERY: &str = "SELECT first_sequence, last_sequence, object, reference FROM output_archive \
         WHERE tenant = ?1 AND execution = ?2 AND last_sequence > ?3 ORDER BY last_sequence LIMIT 1";
    let (tenant, execution) = (name.tenant.as_str(), name.execution.as_str());
    let read =
        |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?, row.get::<_, Vec<u8>>(3)?));
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant, execution, integer(sequence)], read);
    let found = run().optional().map_err(during("looking for archived output"))?;
    let Some((first, last, object, sealed)) = found else { return Ok(None) };
    let (first, last) = (first.unsigned_abs(), last.unsigned_abs());
    let broken = || Error::undecodable(TABLE, format!("{tenant}/{execution}/{last}"), "it names no object");
    let object = ObjectId::parse(&object).ok_or_else(broken)?;
    let mut opened = contents::open(connection, vault, &name.tenant, &Spot::archived(execution, last), &sealed)?;
    Ok(Some(Piece { first, last, object, reference: Reference::new(std::mem::take(&mut *opened)) }))
}

fn unnamed(connection: &Connection, tenant: &TenantId, objects: Vec<ObjectId>) -> Result<Vec<ObjectId>> {
    const QUERY: &str = "SELECT 1 FROM output_archive WHERE tenant = ?1 AND object = ?2";
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let mut unnamed = Vec::new();
        for object in objects {
            if !statement.exists([tenant.as_str(), object.as_str()])? {
                unnamed.push(object);
            }
        }
        Ok(unnamed)
    };
    run().map_err(during("looking for objects that nothing names"))
}
