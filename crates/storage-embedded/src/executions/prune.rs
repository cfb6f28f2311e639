//! Retention of executions and their output, in steps that each hold the writer for a short time only.

use domain::execution::Pruned;
use domain::name::TenantId;
use domain::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::archive;
use crate::connection::integer;
use crate::error::{Result, during};
use crate::tenants::HELD;

/// Most executions removed in one step.
const STEP: u32 = 64;
/// The codes of tenants that have settled how long they keep executions, and of those that cannot be read, which may have: nothing of
/// theirs goes by its age.
const SETTLED: &str = "SELECT code FROM tenants \
     WHERE CASE WHEN json_valid(document) THEN json_extract(document, '$.execution_days') IS NOT NULL ELSE TRUE END";
/// A step ends once it has removed this much output.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// What of all tenants is kept.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) ended_before: Timestamp,
    pub(super) max_output_bytes: u64,
    /// Tenants of which nothing goes and whose output is not counted, as a list in JSON; those on legal hold are excepted beside them, and
    /// those that have settled how long they keep executions from what goes by its age.
    pub(super) except: String,
}

/// One execution that has ended.
struct Ended {
    row: i64,
    tenant: String,
    id: String,
}

/// Whether a step would remove something.
pub(super) fn is_due(connection: &Connection, limits: &Limits) -> Result<bool> {
    let run = || {
        let is_beyond = output_total(connection, &limits.except)? > limits.max_output_bytes;
        Ok(!oldest(connection, limits, is_beyond, 1)?.is_empty())
    };
    run().map_err(during("looking for old executions"))
}

/// Removes some of what is too old or too much.
pub(super) fn step(connection: &Connection, limits: &Limits) -> Result<Pruned> {
    let run = || {
        let (mut pruned, mut total) = (Pruned::default(), output_total(connection, &limits.except)?);
        let is_beyond = total > limits.max_output_bytes;
        let found = oldest(connection, limits, is_beyond, STEP)?;
        let full = found.len() == STEP as usize;
        for execution in found {
            if is_beyond && total <= limits.max_output_bytes {
                // What is left may be due by its age.
                return Ok(Pruned { more: !oldest(connection, limits, false, 1)?.is_empty(), ..pruned });
            }
            let bytes = delete(connection, &execution)?;
            total = total.saturating_sub(bytes);
            pruned.executions += 1;
            pruned.output_bytes += bytes;
            if pruned.output_bytes >= STEP_BYTES {
                return Ok(Pruned { more: true, ..pruned });
            }
        }
        Ok(Pruned { more: full, ..pruned })
    };
    run().map_err(during("removing old executions"))
}

/// Whether there are executions of a tenant that ended before.
pub(crate) fn is_any_of_tenant(connection: &Connection, tenant: &TenantId, before: Timestamp) -> Result<bool> {
    const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM executions WHERE tenant = ?1 AND unfinished = 0 AND ended < ?2)";
    let key = params![tenant.as_str(), integer(before.as_millis())];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get(0));
    run().map_err(during("looking for executions of a tenant"))
}

/// Removes some executions of a tenant that ended before; says what, and whether there may be more.
pub(crate) fn of_tenant(connection: &Connection, tenant: &TenantId, before: Timestamp) -> Result<Pruned> {
    oldest_of_tenant(connection, tenant, before, 0)
}

/// Whether a tenant has more output than so many bytes, and executions that may go for that.
pub(crate) fn is_tenant_beyond(connection: &Connection, tenant: &TenantId, most: u64) -> Result<bool> {
    let total = output_of(connection, tenant).map_err(during("looking how much output a tenant has"))?;
    Ok(total > most && is_any_of_tenant(connection, tenant, Timestamp::from_millis(u64::MAX))?)
}

/// Removes some of the oldest executions of a tenant while it has more output than so many bytes.
pub(crate) fn of_tenant_beyond(connection: &Connection, tenant: &TenantId, most: u64) -> Result<Pruned> {
    let total = output_of(connection, tenant).map_err(during("looking how much output a tenant has"))?;
    match total > most {
        true => oldest_of_tenant(connection, tenant, Timestamp::from_millis(u64::MAX), total - most),
        false => Ok(Pruned::default()),
    }
}

/// Removes some executions that ended before, the oldest first, until so many bytes of output are gone; 0 for all of them.
fn oldest_of_tenant(connection: &Connection, tenant: &TenantId, before: Timestamp, enough: u64) -> Result<Pruned> {
    const QUERY: &str = "SELECT rowid, tenant, id FROM executions WHERE tenant = ?1 AND unfinished = 0 AND ended < ?2 \
         ORDER BY ended, rowid LIMIT ?3";
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let found = statement.query_map(params![tenant.as_str(), integer(before.as_millis()), STEP], read)?;
        let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
        let (mut pruned, full) = (Pruned::default(), found.len() == STEP as usize);
        for execution in found {
            pruned.output_bytes += delete(connection, &execution)?;
            pruned.executions += 1;
            if enough > 0 && pruned.output_bytes >= enough {
                return Ok(pruned);
            }
            if pruned.output_bytes >= STEP_BYTES {
                return Ok(Pruned { more: true, ..pruned });
            }
        }
        Ok(Pruned { more: full, ..pruned })
    };
    run().map_err(during("removing executions of a tenant"))
}

fn output_of(connection: &Connection, tenant: &TenantId) -> rusqlite::Result<u64> {
    const QUERY: &str = "SELECT coalesce(sum(bytes), 0) FROM output_totals WHERE tenant = ?1";
    let total: i64 = connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get(0))?;
    Ok(total.unsigned_abs())
}

/// Whether there is output of executions of a tenant that ended before.
pub(crate) fn is_any_output_of_tenant(connection: &Connection, tenant: &TenantId, before: Timestamp) -> Result<bool> {
    with_output(connection, tenant, before, 1).map(|found| !found.is_empty()).map_err(during("looking for output of a tenant"))
}

/// Removes the output of some executions of a tenant that ended before; the executions stay.
pub(crate) fn output_of_tenant(connection: &Connection, tenant: &TenantId, before: Timestamp) -> Result<Pruned> {
    let run = || {
        let found = with_output(connection, tenant, before, STEP)?;
        let (mut pruned, full) = (Pruned::default(), found.len() == STEP as usize);
        for id in found {
            pruned.output_bytes += delete_output(connection, tenant.as_str(), &id)?;
            if pruned.output_bytes >= STEP_BYTES {
                return Ok(Pruned { more: true, ..pruned });
            }
        }
        Ok(Pruned { more: full, ..pruned })
    };
    run().map_err(during("removing output of a tenant"))
}

fn with_output(connection: &Connection, tenant: &TenantId, before: Timestamp, limit: u32) -> rusqlite::Result<Vec<String>> {
    // By the output that there is: most executions that ended before have none any more.
    const QUERY: &str = "SELECT DISTINCT output.execution FROM output CROSS JOIN executions \
         ON executions.tenant = output.tenant AND executions.id = output.execution \
         WHERE output.tenant = ?1 AND executions.unfinished = 0 AND executions.ended < ?2 LIMIT ?3";
    let mut statement = connection.prepare_cached(QUERY)?;
    let found = statement.query_map(params![tenant.as_str(), integer(before.as_millis()), limit], |row| row.get(0))?;
    found.collect()
}

/// The oldest that are due by their age; where there is too much output, the oldest of all.
fn oldest(connection: &Connection, limits: &Limits, is_beyond: bool, limit: u32) -> rusqlite::Result<Vec<Ended>> {
    let query = format!(
        "SELECT rowid, tenant, id FROM executions WHERE unfinished = 0 AND ended < ?3 \
         AND tenant NOT IN (SELECT value FROM json_each(?2) UNION ALL {HELD}) AND (?4 OR tenant NOT IN ({SETTLED})) \
         ORDER BY ended, tenant, rowid LIMIT ?1"
    );
    let before = if is_beyond { i64::MAX } else { integer(limits.ended_before.as_millis()) };
    let mut statement = connection.prepare_cached(&query)?;
    let rows = statement.query_map(params![limit, limits.except, before, is_beyond], read)?;
    rows.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Ended> {
    Ok(Ended { row: row.get(0)?, tenant: row.get(1)?, id: row.get(2)? })
}

fn delete(connection: &Connection, execution: &Ended) -> rusqlite::Result<u64> {
    const EXECUTION: &str = "DELETE FROM executions WHERE rowid = ?1";
    let bytes = delete_output(connection, &execution.tenant, &execution.id)?;
    connection.prepare_cached(EXECUTION)?.execute([execution.row])?;
    Ok(bytes)
}

fn delete_output(connection: &Connection, tenant: &str, execution: &str) -> rusqlite::Result<u64> {
    const SUM: &str = "SELECT coalesce(sum(output_bytes), 0) FROM output WHERE tenant = ?1 AND execution = ?2";
    const OUTPUT: &str = "DELETE FROM output WHERE tenant = ?1 AND execution = ?2";
    const COUNT: &str = "UPDATE output_totals SET bytes = max(0, bytes - ?2) WHERE tenant = ?1";
    let key = params![tenant, execution];
    let bytes: i64 = connection.prepare_cached(SUM)?.query_row(key, |row| row.get(0))?;
    let bytes = bytes + archive::forget(connection, tenant, execution)?;
    connection.prepare_cached(OUTPUT)?.execute(key)?;
    if bytes > 0 {
        connection.prepare_cached(COUNT)?.execute(params![tenant, bytes])?;
    }
    Ok(bytes.unsigned_abs())
}

/// Bytes of output of all tenants that are not excepted.
fn output_total(connection: &Connection, except: &str) -> rusqlite::Result<u64> {
    let query =
        format!("SELECT coalesce(sum(bytes), 0) FROM output_totals WHERE tenant NOT IN (SELECT value FROM json_each(?1) UNION ALL {HELD})");
    let total: i64 = connection.prepare_cached(&query)?.query_row([except], |row| row.get(0))?;
    Ok(total.unsigned_abs())
}
