//! Retention of events, in steps that each hold the writer for a short time only.

use domain::name::TenantId;
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use crate::connection::integer;
use crate::error::{Result, during};
use crate::tenants::is_held;

/// Most events removed in one step.
pub(super) const STEP: u64 = 1_000;

/// Removes some of the oldest events of a tenant: those that were stored before, and those beyond `most`. Nothing is removed behind one
/// that stays, and nothing of a tenant on legal hold.
pub(super) fn step(connection: &Connection, tenant: &TenantId, before: Timestamp, most: u64) -> Result<u64> {
    const STAYS: &str = "SELECT min(sequence) FROM (SELECT sequence, time FROM events WHERE tenant = ?1 ORDER BY sequence LIMIT ?4) \
         WHERE time >= ?2 AND sequence > (SELECT last FROM event_logs WHERE tenant = ?1) - ?3";
    const REMOVE: &str = "DELETE FROM events WHERE tenant = ?1 AND sequence IN \
         (SELECT sequence FROM events WHERE tenant = ?1 AND (?2 IS NULL OR sequence < ?2) ORDER BY sequence LIMIT ?3)";
    if is_held(connection, tenant)? {
        return Ok(0);
    }
    let run = || {
        let limits = params![tenant.as_str(), integer(before.as_millis()), integer(most), integer(STEP)];
        let stays: Option<i64> = connection.prepare_cached(STAYS)?.query_row(limits, |row| row.get(0))?;
        connection.prepare_cached(REMOVE)?.execute(params![tenant.as_str(), stays, integer(STEP)])
    };
    run().map(|removed| removed as u64).map_err(during("removing old events"))
}
