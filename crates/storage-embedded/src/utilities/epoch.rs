//! The epoch of a tenant: advances in the commit of each change of its utilities.

use domain::name::TenantId;
use rusqlite::{Connection, OptionalExtension};

use crate::error::{Result, during};

pub(super) fn find(connection: &Connection, tenant: &TenantId) -> Result<u64> {
    const QUERY: &str = "SELECT epoch FROM epochs WHERE tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, i64>(0));
    let epoch = run().optional().map_err(during("reading a tenant's epoch"))?;
    Ok(epoch.unwrap_or_default().unsigned_abs())
}

pub(crate) fn advance(connection: &Connection, tenant: &TenantId) -> Result<()> {
    const QUERY: &str = "INSERT INTO epochs (tenant, epoch) VALUES (?1, 1) ON CONFLICT (tenant) DO UPDATE SET epoch = epoch + 1";
    let run = || connection.prepare_cached(QUERY)?.execute([tenant.as_str()]);
    run().map(drop).map_err(during("advancing a tenant's epoch"))
}
