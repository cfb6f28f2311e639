//! Tiles and checkpoints.

use domain::audit::{Checkpoint, Sealed, Tile, TilePlace};
use domain::name::TenantId;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::connection::integer;
use crate::error::{Error, Result, during};

pub(super) fn unsealed(connection: &Connection, limit: u32) -> Result<Vec<TenantId>> {
    const QUERY: &str = "SELECT tenant FROM audit_logs WHERE records > sealed LIMIT ?1";
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let tenants = statement.query_map([limit], |row| row.get::<_, String>(0))?;
        tenants.collect::<rusqlite::Result<Vec<_>>>()
    };
    let tenants = run().map_err(during("looking for records without a checkpoint"))?;
    let parsed = |tenant: String| TenantId::parse("tenant", &tenant).map_err(|error| Error::undecodable("audit_logs", tenant, error));
    tenants.into_iter().map(parsed).collect()
}

pub(super) fn size(connection: &Connection, tenant: &TenantId) -> Result<u64> {
    const QUERY: &str = "SELECT records FROM audit_logs WHERE tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, i64>(0)).optional();
    Ok(run().map_err(during("counting audit records"))?.unwrap_or_default().unsigned_abs())
}

pub(super) fn checkpoint(connection: &Connection, tenant: &TenantId, size: u64) -> Result<Option<Checkpoint>> {
    const QUERY: &str = "SELECT size, time, note FROM audit_checkpoints WHERE tenant = ?1 AND size <= ?2 ORDER BY size DESC LIMIT 1";
    one(connection, QUERY, tenant, size)
}

pub(super) fn checkpoint_after(connection: &Connection, tenant: &TenantId, size: u64) -> Result<Option<Checkpoint>> {
    const QUERY: &str = "SELECT size, time, note FROM audit_checkpoints WHERE tenant = ?1 AND size > ?2 ORDER BY size LIMIT 1";
    one(connection, QUERY, tenant, size)
}

pub(super) fn tiles(connection: &Connection, tenant: &TenantId, places: &[TilePlace]) -> Result<Vec<Tile>> {
    const QUERY: &str = "SELECT hashes FROM audit_tiles WHERE tenant = ?1 AND level = ?2 AND position = ?3";
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let mut found = Vec::new();
        for place in places {
            let key = params![tenant.as_str(), place.level, integer(place.index)];
            let hashes = statement.query_row(key, |row| row.get(0)).optional()?;
            found.extend(hashes.map(|hashes| Tile { place: *place, hashes }));
        }
        Ok(found)
    };
    run().map_err(during("reading tiles"))
}

/// Stores it unless another server was first; says whether it has.
pub(super) fn seal(connection: &Connection, tenant: &TenantId, sealed: &Sealed) -> Result<bool> {
    const HEAD: &str = "UPDATE audit_logs SET sealed = ?3 WHERE tenant = ?1 AND sealed = ?2 AND records >= ?3";
    const TILE: &str = "INSERT OR REPLACE INTO audit_tiles (tenant, level, position, hashes) VALUES (?1, ?2, ?3, ?4)";
    const CHECKPOINT: &str = "INSERT INTO audit_checkpoints (tenant, size, time, note) VALUES (?1, ?2, ?3, ?4)";
    let Sealed { from, tiles, checkpoint } = sealed;
    let run = || {
        let size = integer(checkpoint.size);
        if connection.prepare_cached(HEAD)?.execute(params![tenant.as_str(), integer(*from), size])? == 0 {
            return Ok(false);
        }
        let mut store = connection.prepare_cached(TILE)?;
        for Tile { place, hashes } in tiles {
            store.execute(params![tenant.as_str(), place.level, integer(place.index), hashes])?;
        }
        let row = params![tenant.as_str(), size, integer(checkpoint.time.as_millis()), checkpoint.note];
        connection.prepare_cached(CHECKPOINT)?.execute(row)?;
        Ok(true)
    };
    run().map_err(during("storing a checkpoint"))
}

/// Exchanges a note that is still the one that was read; says whether it was.
pub(super) fn cosign(connection: &Connection, tenant: &TenantId, size: u64, before: &str, note: &str) -> Result<bool> {
    const QUERY: &str = "UPDATE audit_checkpoints SET note = ?4 WHERE tenant = ?1 AND size = ?2 AND note = ?3";
    let run = || connection.prepare_cached(QUERY)?.execute(params![tenant.as_str(), integer(size), before, note]);
    Ok(run().map_err(during("storing a cosignature"))? > 0)
}

fn one(connection: &Connection, query: &str, tenant: &TenantId, size: u64) -> Result<Option<Checkpoint>> {
    let run = || connection.prepare_cached(query)?.query_row(params![tenant.as_str(), integer(size)], read);
    run().optional().map_err(during("reading a checkpoint"))
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    Ok(Checkpoint {
        size: row.get::<_, i64>(0)?.unsigned_abs(),
        time: Timestamp::from_millis(row.get::<_, i64>(1)?.unsigned_abs()),
        note: row.get(2)?,
    })
}
