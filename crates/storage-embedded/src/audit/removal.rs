//! Removing the oldest records of a log.

use domain::audit::Checkpoint;
use domain::name::TenantId;
use domain::revision::Revision;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::tree::read;
use crate::connection::integer;
use crate::error::{Result, during};
use crate::tenants::{is_at, is_held};

pub(super) fn first_kept(connection: &Connection, tenant: &TenantId) -> Result<u64> {
    const QUERY: &str = "SELECT first_kept FROM audit_logs WHERE tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, i64>(0)).optional();
    Ok(run().map_err(during("looking for the first audit record"))?.unwrap_or_default().unsigned_abs())
}

/// The newest checkpoint of before this time that covers no open intent.
pub(super) fn removable(connection: &Connection, tenant: &TenantId, before: Timestamp) -> Result<Option<Checkpoint>> {
    const QUERY: &str = "SELECT size, time, note FROM audit_checkpoints WHERE tenant = ?1 AND time < ?2 \
         AND size <= (SELECT COALESCE(MIN(sequence), 9223372036854775807) FROM audit_intents WHERE tenant = ?1) \
         ORDER BY time DESC, size DESC LIMIT 1";
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), integer(before.as_millis())], read).optional();
    run().map_err(during("looking for audit records whose time is over"))
}

/// Removes some of the records before `first_kept`, if a checkpoint covers them, nothing holds them, and the tenant is as it was judged.
pub(super) fn remove(connection: &Connection, tenant: &TenantId, first_kept: u64, limit: u32, judged: Option<Revision>) -> Result<u64> {
    let was_changed = judged.map(|judged| is_at(connection, tenant, Some(judged), None)).transpose()? == Some(false);
    if was_changed || is_held(connection, tenant)? {
        return Ok(0);
    }
    const HIDE: &str = "UPDATE audit_logs SET first_kept = ?2 WHERE tenant = ?1 AND first_kept < ?2 AND sealed >= ?2";
    const REMOVE: &str = "DELETE FROM audit_records WHERE tenant = ?1 AND sequence IN (SELECT sequence FROM audit_records \
         WHERE tenant = ?1 AND sequence < (SELECT MIN(?2, first_kept) FROM audit_logs WHERE tenant = ?1) ORDER BY sequence LIMIT ?3)";
    let run = || {
        connection.prepare_cached(HIDE)?.execute(params![tenant.as_str(), integer(first_kept)])?;
        connection.prepare_cached(REMOVE)?.execute(params![tenant.as_str(), integer(first_kept), limit])
    };
    Ok(run().map_err(during("removing audit records"))? as u64)
}
