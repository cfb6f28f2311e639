//! Removal of what was deleted long enough ago.

use domain::name::{TenantId, UtilityId};
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use super::epoch;
use crate::connection::integer;
use crate::error::{Result, during};

/// What a utility consists of, each table before those that it refers to; and who was granted it.
const TABLES: [&str; 7] = [
    "DELETE FROM grants WHERE tenant = ?1 AND utility = ?2",
    "DELETE FROM utility_copies WHERE tenant = ?1 AND id = ?2",
    "DELETE FROM utility_imports WHERE tenant = ?1 AND id = ?2",
    "DELETE FROM utility_tags WHERE tenant = ?1 AND id = ?2",
    "DELETE FROM version_code WHERE tenant = ?1 AND id = ?2",
    "DELETE FROM versions WHERE tenant = ?1 AND id = ?2",
    "DELETE FROM utilities WHERE tenant = ?1 AND id = ?2",
];

/// Who was granted a utility.
pub(crate) fn grantees(connection: &Connection, tenant: &TenantId, id: &UtilityId) -> Result<Vec<String>> {
    const QUERY: &str = "SELECT grantee FROM grants WHERE tenant = ?1 AND utility = ?2";
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let found = statement.query_map(params![tenant.as_str(), id.as_str()], |row| row.get(0))?;
        found.collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(during("looking who was granted a utility"))
}

/// Removes a utility that was deleted before, or whatever it is, with all that it consists of. Says whether it was there: one that was
/// undeleted meanwhile stays.
pub(crate) fn remove(connection: &Connection, tenant: &TenantId, id: &UtilityId, deleted_before: Option<Timestamp>) -> Result<bool> {
    const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM utilities WHERE tenant = ?1 AND id = ?2 \
         AND (?3 IS NULL OR (deleted = 1 AND updated < ?3)))";
    let run = || {
        let key = params![tenant.as_str(), id.as_str(), deleted_before.map(|before| integer(before.as_millis()))];
        if !connection.prepare_cached(QUERY)?.query_row(key, |row| row.get::<_, bool>(0))? {
            return Ok(false);
        }
        for table in TABLES {
            connection.prepare_cached(table)?.execute(params![tenant.as_str(), id.as_str()])?;
        }
        Ok(true)
    };
    let was_there = run().map_err(during("removing a deleted utility"))?;
    if was_there {
        epoch::advance(connection, tenant)?;
    }
    Ok(was_there)
}
