//! Retention, in steps that each hold the writer for a short time only.

use domain::execution::Pruned;
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use crate::connection::integer;
use crate::error::{Result, during};
use crate::request;

/// Most executions, and most answered requests, removed in one step.
const STEP: u32 = 64;
/// A step ends once it has removed this much output.
const STEP_BYTES: u64 = 16 * 1024 * 1024;
/// Free pages that are kept for what is written next; more are given back to the file system.
const SPARE_PAGES: u32 = 1_024;
/// Most pages given back in one step.
const STEP_PAGES: u32 = 512;

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) ended_before: Timestamp,
    pub(super) max_output_bytes: u64,
    pub(super) forgotten_before: Timestamp,
}

/// What a step did.
pub(super) struct Step {
    pub(super) pruned: Pruned,
    /// Whether another step would find work.
    pub(super) more: bool,
}

/// One execution that has ended.
struct Ended {
    row: i64,
    tenant: String,
    id: String,
    ended: i64,
}

/// Removes some of what is too old or too much.
pub(super) fn step(connection: &Connection, limits: Limits) -> Result<Step> {
    let forgotten = request::forget(connection, limits.forgotten_before, STEP)?;
    let (pruned, more) = remove(connection, limits).map_err(during("removing old executions"))?;
    let vacuumed = give_back(connection).map_err(during("giving back space"))?;
    Ok(Step { pruned, more: more || vacuumed || forgotten == STEP as usize })
}

fn remove(connection: &Connection, limits: Limits) -> rusqlite::Result<(Pruned, bool)> {
    let mut pruned = Pruned::default();
    let mut total = output_total(connection)?;
    let oldest = oldest(connection)?;
    let full = oldest.len() == STEP as usize;
    for execution in oldest {
        let kept = execution.ended >= integer(limits.ended_before.as_millis()) && total <= limits.max_output_bytes;
        if kept {
            return Ok((pruned, false));
        }
        let bytes = delete(connection, &execution)?;
        total = total.saturating_sub(bytes);
        pruned.executions += 1;
        pruned.output_bytes += bytes;
        if pruned.output_bytes >= STEP_BYTES {
            return Ok((pruned, true));
        }
    }
    Ok((pruned, full))
}

fn oldest(connection: &Connection) -> rusqlite::Result<Vec<Ended>> {
    const QUERY: &str =
        "SELECT rowid, tenant, id, ended FROM executions WHERE unfinished = 0 AND ended IS NOT NULL ORDER BY ended, rowid LIMIT ?1";
    let mut statement = connection.prepare_cached(QUERY)?;
    let rows =
        statement.query_map([STEP], |row| Ok(Ended { row: row.get(0)?, tenant: row.get(1)?, id: row.get(2)?, ended: row.get(3)? }))?;
    rows.collect()
}

fn delete(connection: &Connection, execution: &Ended) -> rusqlite::Result<u64> {
    const SUM: &str = "SELECT coalesce(sum(output_bytes), 0) FROM output WHERE tenant = ?1 AND execution = ?2";
    const OUTPUT: &str = "DELETE FROM output WHERE tenant = ?1 AND execution = ?2";
    const EXECUTION: &str = "DELETE FROM executions WHERE rowid = ?1";
    const COUNT: &str = "UPDATE totals SET value = max(0, value - ?1) WHERE name = 'output_bytes'";
    let key = params![execution.tenant, execution.id];
    let bytes: i64 = connection.prepare_cached(SUM)?.query_row(key, |row| row.get(0))?;
    connection.prepare_cached(OUTPUT)?.execute(key)?;
    connection.prepare_cached(EXECUTION)?.execute([execution.row])?;
    if bytes > 0 {
        connection.prepare_cached(COUNT)?.execute([bytes])?;
    }
    Ok(bytes.unsigned_abs())
}

fn output_total(connection: &Connection) -> rusqlite::Result<u64> {
    const QUERY: &str = "SELECT value FROM totals WHERE name = 'output_bytes'";
    let total: i64 = connection.prepare_cached(QUERY)?.query_row([], |row| row.get(0))?;
    Ok(total.unsigned_abs())
}

/// Gives free pages back; whether there are more to give.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let free: u32 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    let surplus = free.saturating_sub(SPARE_PAGES);
    if surplus == 0 {
        return Ok(false);
    }
    let mut statement = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({})", surplus.min(STEP_PAGES)))?;
    let mut pages = statement.query([])?;
    // Each row is a page given back.
    while pages.next()?.is_some() {}
    Ok(surplus > STEP_PAGES)
}
