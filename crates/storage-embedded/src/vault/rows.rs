//! Rows of data keys and subjects.

use domain::name::TenantId;
use domain::tenant::TenantState;
use domain::time::Timestamp;
use keys::Wrapped;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use storage_rules::vault::StoredSubject;

use crate::connection::integer;
use crate::error::{Result, during};

/// Data keys that are wrapped anew in one commit: a few milliseconds of the thread that writes.
const REWRAPPED_AT_ONCE: u32 = 256;

/// Where a pass over all data keys has come to: the last one that was looked at, in the order of what wraps them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RewrapPlace {
    /// The wrapping key.
    pub(super) kek: String,
    pub(super) tenant: String,
    pub(super) subject: String,
}

pub(super) fn by_digest(connection: &Connection, tenant: &TenantId, digest: &[u8]) -> Result<Option<StoredSubject>> {
    const QUERY: &str = "SELECT id, name FROM subjects WHERE tenant = ?1 AND digest = ?2";
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), digest], subject);
    run().optional().map_err(during("looking for a person"))
}

pub(super) fn by_id(connection: &Connection, tenant: &TenantId, id: &str) -> Result<Option<StoredSubject>> {
    const QUERY: &str = "SELECT id, name FROM subjects WHERE tenant = ?1 AND id = ?2";
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id], subject);
    run().optional().map_err(during("looking for a person"))
}

pub(super) fn insert(connection: &Connection, tenant: &TenantId, id: &str, digest: &[u8], name: &[u8]) -> Result<()> {
    const QUERY: &str = "INSERT INTO subjects (tenant, id, digest, name) VALUES (?1, ?2, ?3, ?4)";
    let run = || connection.prepare_cached(QUERY)?.execute(params![tenant.as_str(), id, digest, name]);
    run().map(drop).map_err(during("storing a person"))
}

pub(super) fn find_key(connection: &Connection, tenant: &TenantId, subject: &str) -> Result<Option<Wrapped>> {
    const QUERY: &str = "SELECT kek, wrapped FROM data_keys WHERE tenant = ?1 AND subject = ?2";
    let wrapped = |row: &Row<'_>| Ok(Wrapped { by: row.get(0)?, bytes: row.get(1)? });
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), subject], wrapped);
    run().optional().map_err(during("reading a key"))
}

pub(super) fn insert_key(connection: &Connection, tenant: &TenantId, subject: &str, wrapped: &Wrapped) -> Result<()> {
    const QUERY: &str = "INSERT INTO data_keys (tenant, subject, kek, wrapped) VALUES (?1, ?2, ?3, ?4)";
    let run = || connection.prepare_cached(QUERY)?.execute(params![tenant.as_str(), subject, wrapped.by, wrapped.bytes]);
    run().map(drop).map_err(during("storing a key"))
}

/// Whether a tenant is deleted. Asked here, as whatever stores tenants stands on the vault.
pub(super) fn is_deleted(connection: &Connection, tenant: &TenantId) -> Result<bool> {
    const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM tenants WHERE code = ?1 AND state = ?2)";
    let key = params![tenant.as_str(), TenantState::Deleted.as_str()];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get(0));
    run().map_err(during("looking whether a tenant is deleted"))
}

/// How many data keys each wrapping key wraps.
pub(super) fn count_wrapped(connection: &Connection) -> Result<Vec<(String, u64)>> {
    const QUERY: &str = "SELECT kek, count(*) FROM data_keys INDEXED BY data_keys_by_kek GROUP BY kek";
    let count = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        statement.query_map([], count)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(during("counting keys"))
}

/// Whether a key wraps any data key.
pub(super) fn wraps(connection: &Connection, kek: &str) -> Result<bool> {
    const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM data_keys INDEXED BY data_keys_by_kek WHERE kek = ?1)";
    let run = || connection.prepare_cached(QUERY)?.query_row([kek], |row| row.get(0));
    run().map_err(during("looking for keys to wrap anew"))
}

/// Some data keys behind a place that its key wraps, in order.
pub(super) fn wrapped_behind(connection: &Connection, from: &RewrapPlace) -> Result<Vec<(RewrapPlace, Wrapped)>> {
    const QUERY: &str = "SELECT tenant, subject, wrapped FROM data_keys INDEXED BY data_keys_by_kek \
         WHERE kek = ?1 AND (tenant, subject) > (?2, ?3) ORDER BY tenant, subject LIMIT ?4";
    let wrapped = |row: &Row<'_>| {
        let place = RewrapPlace { kek: from.kek.clone(), tenant: row.get(0)?, subject: row.get(1)? };
        Ok((place, Wrapped { by: from.kek.clone(), bytes: row.get(2)? }))
    };
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let key = params![from.kek, from.tenant, from.subject, REWRAPPED_AT_ONCE];
        statement.query_map(key, wrapped)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(during("looking for keys to wrap anew"))
}

pub(super) fn update_key(connection: &Connection, tenant: &str, subject: &str, wrapped: &Wrapped) -> Result<()> {
    const QUERY: &str = "UPDATE data_keys SET kek = ?3, wrapped = ?4 WHERE tenant = ?1 AND subject = ?2";
    let run = || connection.prepare_cached(QUERY)?.execute(params![tenant, subject, wrapped.by, wrapped.bytes]);
    run().map(drop).map_err(during("wrapping a key anew"))
}

/// Removes a person's key and name.
pub(super) fn erase(connection: &Connection, tenant: &TenantId, id: &str, erasing: &[u8], now: Timestamp) -> Result<()> {
    const KEY: &str = "DELETE FROM data_keys WHERE tenant = ?1 AND subject = ?2";
    const NAME: &str = "UPDATE subjects SET name = NULL, erased = ?3, erasing = ?4 WHERE tenant = ?1 AND id = ?2";
    let run = || {
        connection.prepare_cached(KEY)?.execute(params![tenant.as_str(), id])?;
        connection.prepare_cached(NAME)?.execute(params![tenant.as_str(), id, integer(now.as_millis()), erasing])
    };
    run().map(drop).map_err(during("destroying a key"))
}

/// Removes the keys of a tenant and of its persons, and their names; answers whose.
pub(super) fn erase_all(connection: &Connection, tenant: &TenantId, now: Timestamp) -> Result<Vec<String>> {
    const KEYS: &str = "DELETE FROM data_keys WHERE tenant = ?1";
    const NAMES: &str = "UPDATE subjects SET name = NULL, erased = coalesce(erased, ?2), erasing = NULL WHERE tenant = ?1 RETURNING id";
    let run = || {
        connection.prepare_cached(KEYS)?.execute([tenant.as_str()])?;
        let mut statement = connection.prepare_cached(NAMES)?;
        let ids = statement.query_map(params![tenant.as_str(), integer(now.as_millis())], |row| row.get(0))?;
        ids.collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(during("destroying the keys of a tenant"))
}

fn subject(row: &Row<'_>) -> rusqlite::Result<StoredSubject> {
    Ok(StoredSubject { id: row.get(0)?, name: row.get(1)? })
}
