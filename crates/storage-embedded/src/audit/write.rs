//! Adding records: each gets the next place of its tenant's log in the commit that stores it.

use std::collections::HashMap;

use domain::audit::{Entry, Outcome};
use domain::name::TenantId;
use rusqlite::{Connection, params};

use crate::audit::persons;
use crate::connection::integer;
use crate::error::{Result, during};
use crate::vault::Vault;

/// Adds a record, and opens it where it is an intent.
fn add(connection: &Connection, vault: &Vault, entry: &Entry) -> Result<()> {
    add_all(connection, vault, [entry].into_iter())
}

/// Adds records, in this order; each log is advanced once.
pub(crate) fn add_all<'a>(connection: &Connection, vault: &Vault, entries: impl Iterator<Item = &'a Entry> + Clone) -> Result<()> {
    let doing = "adding audit records";
    let mut places = HashMap::new();
    for entry in entries.clone() {
        *places.entry(&entry.tenant).or_default() += 1;
    }
    for (tenant, records) in &mut places {
        *records = first_place(connection, tenant, *records).map_err(during(doing))?;
    }
    for entry in entries {
        let sequence = places.get_mut(&entry.tenant).expect("counted above");
        let written = persons::written(connection, vault, entry, *sequence)?;
        insert(connection, entry, *sequence, &written).map_err(during(doing))?;
        if entry.outcome == Outcome::Intent {
            open(connection, entry, *sequence).map_err(during(doing))?;
        }
        *sequence += 1;
    }
    Ok(())
}

/// Adds outcomes whose intents are open, which they then are no more; says how many were.
pub(super) fn close_all(connection: &Connection, vault: &Vault, outcomes: &[Entry]) -> Result<u64> {
    outcomes.iter().try_fold(0, |closed, outcome| Ok(closed + u64::from(close(connection, vault, outcome)?)))
}

fn close(connection: &Connection, vault: &Vault, outcome: &Entry) -> Result<bool> {
    const QUERY: &str = "DELETE FROM audit_intents WHERE call = ?1";
    let run = || connection.prepare_cached(QUERY)?.execute([&outcome.call]);
    let was_open = run().map_err(during("closing an intent"))? > 0;
    if was_open {
        add(connection, vault, outcome)?;
    }
    Ok(was_open)
}

/// Makes room for so many records at the end of a log, and answers where it begins.
fn first_place(connection: &Connection, tenant: &TenantId, records: u64) -> rusqlite::Result<u64> {
    const QUERY: &str = "INSERT INTO audit_logs (tenant, records, sealed) VALUES (?1, ?2, 0) \
         ON CONFLICT (tenant) DO UPDATE SET records = records + ?2 RETURNING records - ?2 + noted('audit', ?1)";
    let room = params![tenant.as_str(), integer(records)];
    connection.prepare_cached(QUERY)?.query_row(room, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

fn insert(connection: &Connection, entry: &Entry, sequence: u64, written: &persons::Written) -> rusqlite::Result<()> {
    const QUERY: &str = "INSERT INTO audit_records (tenant, sequence, time, actor, action, resource, outcome, record) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let row = params![
        entry.tenant.as_str(),
        integer(sequence),
        integer(entry.time.as_millis()),
        written.actor,
        entry.action,
        written.resource,
        entry.outcome.as_str(),
        written.bytes,
    ];
    connection.prepare_cached(QUERY)?.execute(row).map(drop)
}

fn open(connection: &Connection, entry: &Entry, sequence: u64) -> rusqlite::Result<()> {
    const QUERY: &str = "INSERT INTO audit_intents (call, tenant, sequence, instance) VALUES (?1, ?2, ?3, ?4)";
    let row = params![entry.call, entry.tenant.as_str(), integer(sequence), entry.instance.as_str()];
    connection.prepare_cached(QUERY)?.execute(row).map(drop)
}
