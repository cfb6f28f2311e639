//! What of a deleted tenant goes at once, after its executions and utilities: whatever is in any table under its code, and its keys.

use domain::name::TenantId;
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use crate::connection::integer;
use crate::error::{Result, during};
use crate::tenants::HELD;
use crate::vault::Vault;

/// Tables that are led by a tenant and are not simply emptied: what goes in steps before, what tells which copies are old
/// and which place in a log of events comes next, what makes void
/// what was issued, and keys with the persons under whose ids the audit log names them.
const EXEMPT: [&str; 14] = [
    "data_keys",
    "deleted_principals",
    "epochs",
    "event_logs",
    "executions",
    "output",
    "output_totals",
    "subjects",
    "utilities",
    "utility_copies",
    "utility_imports",
    "utility_tags",
    "version_code",
    "versions",
];

/// Tables of what there may be very much of, each led by a tenant and a place; what is on its way goes before what it was copied from.
const MANY: [(&str, &str); 2] = [("webhook_deliveries", "tenant, webhook, sequence"), ("events", "tenant, sequence")];
/// Most rows of those that go in one step.
const STEP: usize = 1_000;

/// Whether anything is left that [`purge`] removes, or that others share with the tenant.
pub(super) fn is_due(connection: &Connection, tenant: &TenantId) -> Result<bool> {
    const OTHERS: &str = "SELECT EXISTS (SELECT 1 FROM data_keys WHERE tenant = ?1) \
         OR EXISTS (SELECT 1 FROM subjects WHERE tenant = ?1 AND (name IS NOT NULL OR erasing IS NOT NULL)) \
         OR EXISTS (SELECT 1 FROM deleted_principals WHERE tenant = ?1 AND kind = 'user') \
         OR EXISTS (SELECT 1 FROM tenants WHERE code = ?1 AND (db_password IS NOT NULL \
             OR CASE WHEN json_valid(document) THEN json_type(document, '$.consenter') END IS NOT NULL))";
    let is_any = |query: &str| connection.prepare(query)?.query_row([tenant.as_str()], |row| row.get::<_, bool>(0));
    let run = || {
        for table in tables(connection)? {
            if is_any(&format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE tenant = ?1)"))? {
                return Ok(true);
            }
        }
        let received = format!("SELECT EXISTS (SELECT 1 FROM grants WHERE shared_with = ?1 AND tenant NOT IN ({HELD}))");
        Ok(is_any(OTHERS)? || is_any(&received)?)
    };
    run().map_err(during("looking for what a deleted tenant has"))
}

/// Removes some of what there may be much of; how many rows.
pub(super) fn step(connection: &Connection, tenant: &TenantId) -> Result<usize> {
    let run = || {
        for (table, key) in MANY {
            let query = format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE tenant = ?1 LIMIT {STEP})");
            let removed = connection.prepare_cached(&query)?.execute([tenant.as_str()])?;
            if removed > 0 {
                return Ok(removed);
            }
        }
        Ok(0)
    };
    run().map_err(during("purging what a tenant was told"))
}

/// Removes the rest. What was sealed by the tenant's key and by those of its persons opens nowhere any more, in audit logs neither, but in
/// backups of the database from before.
pub(super) fn purge(connection: &Connection, vault: &Vault, tenant: &TenantId, now: Timestamp) -> Result<()> {
    // Whoever makes a service account of the same name after the tenant was resumed gets nothing of the one before.
    const VOID: &str = "INSERT OR REPLACE INTO deleted_principals (tenant, kind, id, valid_after) \
         SELECT tenant, kind, id, ?2 FROM principals WHERE tenant = ?1 AND kind <> 'user'";
    const USERS: &str = "DELETE FROM deleted_principals WHERE tenant = ?1 AND kind = 'user'";
    // Its row stays, and says neither its secret nor who has agreed for it.
    const ROW: &str = "UPDATE tenants SET db_password = NULL, document = CASE WHEN json_valid(document) \
         THEN json_remove(document, '$.consenter', '$.consented') ELSE document END WHERE code = ?1";
    let run = || {
        let key = [tenant.as_str()];
        connection.prepare_cached(VOID)?.execute(params![tenant.as_str(), integer(now.as_millis())])?;
        connection.prepare_cached(USERS)?.execute(key)?;
        for table in tables(connection)? {
            connection.prepare(&format!("DELETE FROM {table} WHERE tenant = ?1"))?.execute(key)?;
        }
        connection.prepare_cached(ROW)?.execute(key).map(drop)
    };
    run().map_err(during("purging a tenant"))?;
    vault.destroy_tenant(connection, tenant, now)
}

/// Every table that is led by a tenant, but audit logs and those that are exempt: what a later version adds goes without being named here.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    const QUERY: &str = "SELECT name FROM sqlite_schema AS held WHERE type = 'table' AND name NOT LIKE 'audit\\_%' ESCAPE '\\' \
         AND EXISTS (SELECT 1 FROM pragma_table_info(held.name) WHERE name = 'tenant') ORDER BY name";
    let found = connection.prepare_cached(QUERY)?.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().filter(|name| !EXEMPT.contains(&name.as_str())).collect())
}
