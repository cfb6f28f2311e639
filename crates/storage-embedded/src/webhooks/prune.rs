//! Retention of dead letters, in steps that each hold the writer for a short time only.

use domain::time::Timestamp;
use rusqlite::{Connection, params};

use crate::connection::integer;
use crate::error::{Result, during};
use crate::tenants::HELD;

/// Most dead letters removed in one step.
const STEP: u64 = 1_000;

/// Whether any were given up before, but those that a legal hold keeps.
pub(super) fn has_old(connection: &Connection, before: Timestamp) -> Result<bool> {
    let query = format!("SELECT EXISTS (SELECT 1 FROM webhook_deliveries WHERE given_up < ?1 AND tenant NOT IN ({HELD}))");
    let run = || connection.prepare_cached(&query)?.query_row([integer(before.as_millis())], |row| row.get(0));
    run().map_err(during("looking for old dead letters"))
}

/// Removes some of them.
pub(super) fn step(connection: &Connection, before: Timestamp) -> Result<u64> {
    let query = format!(
        "DELETE FROM webhook_deliveries WHERE (tenant, webhook, sequence) IN \
         (SELECT tenant, webhook, sequence FROM webhook_deliveries WHERE given_up < ?1 AND tenant NOT IN ({HELD}) LIMIT ?2)"
    );
    let run = || connection.prepare_cached(&query)?.execute(params![integer(before.as_millis()), integer(STEP)]);
    run().map(|removed| removed as u64).map_err(during("removing old dead letters"))
}
