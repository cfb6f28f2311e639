//! Rows of executions: read, and whose they are.

use domain::access::TenantScope;
use domain::execution::Execution;
use domain::lease::Fence;
use domain::name::{ExecutionId, ExecutionName, TenantId};
use rusqlite::{Connection, OptionalExtension, Params, params};
use storage_documents::{ContentsDocument, ExecutionDocument};
use storage_rules::Spot;

use crate::connection::integer;
use crate::contents;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

pub(super) const TABLE: &str = "executions";

/// What a write under a fence meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// The execution, under this fence.
    Own,
    /// The execution, under another fence.
    Anothers,
    /// No such execution.
    Nothing,
}

/// The full name of an execution of the tenant of a scope.
pub(super) fn name_of(scope: &TenantScope, id: &ExecutionId) -> ExecutionName {
    ExecutionName { tenant: scope.tenant().clone(), execution: id.clone() }
}

/// Whose the execution is.
pub(super) fn meet(connection: &Connection, tenant: &TenantId, id: &str, fence: &Fence) -> Result<Met> {
    const QUERY: &str = "SELECT instance = ?3 AND token = ?4 FROM executions WHERE tenant = ?1 AND id = ?2";
    let key = params![tenant.as_str(), id, fence.holder.as_str(), integer(fence.token)];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get::<_, bool>(0));
    let met = run().optional().map_err(during("reading an execution's fence"))?;
    Ok(met.map_or(Met::Nothing, |own| if own { Met::Own } else { Met::Anothers }))
}

pub(super) fn find(connection: &Connection, vault: &Vault, tenant: &TenantId, id: &ExecutionId) -> Result<Option<Execution>> {
    const QUERY: &str = "SELECT document, sealed FROM executions WHERE tenant = ?1 AND id = ?2";
    let decoded = |row: &rusqlite::Row<'_>| {
        let (document, sealed) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_blob_or_null()?);
        Ok(decode(connection, vault, (tenant, id), document, sealed))
    };
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str()], decoded);
    run().optional().map_err(during("reading an execution"))?.transpose()
}

/// The first `limit` executions that a query of tenant, id, document and what is sealed finds; those that cannot be read count for nothing, so that they
/// hide no others however many they are.
pub(super) fn unfinished(connection: &Connection, vault: &Vault, query: &str, values: impl Params, limit: u32) -> Result<Vec<Execution>> {
    let doing = "reading unfinished executions";
    let mut statement = connection.prepare_cached(query).map_err(during(doing))?;
    let mut rows = statement.query(values).map_err(during(doing))?;
    let mut found = Vec::new();
    while found.len() < limit as usize
        && let Some(row) = rows.next().map_err(during(doing))?
    {
        let text = |index| row.get_ref(index).and_then(|value| Ok(value.as_str()?));
        let name = named(text(0).map_err(during(doing))?, text(1).map_err(during(doing))?)?;
        let columns = || Ok((row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_blob_or_null()?));
        let read = columns().map_err(during(doing));
        let read = read.and_then(|(text, sealed)| decode(connection, vault, (&name.tenant, &name.execution), text, sealed));
        found.extend(vault.readable(TABLE, &name, read)?);
    }
    Ok(found)
}

pub(super) fn named(tenant: &str, id: &str) -> Result<ExecutionName> {
    let name = TenantId::parse("tenant", tenant).and_then(|tenant| {
        let execution = ExecutionId::parse("execution", id)?;
        Ok(ExecutionName { tenant, execution })
    });
    name.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{id}"), source))
}

fn decode(
    connection: &Connection,
    vault: &Vault,
    (tenant, id): (&TenantId, &ExecutionId),
    text: &str,
    sealed: Option<&[u8]>,
) -> Result<Execution> {
    let spot = Spot::execution(id.as_str());
    let opened = match sealed {
        Some(sealed) => Some(contents::open_text(connection, vault, tenant, &spot, sealed)?),
        None => contents::may_be_plain(vault, tenant, &spot).map(|()| None)?,
    };
    // One that was not sealed has all in one document.
    let contents = opened.as_deref().map_or(text, String::as_str);
    let decoded = storage_documents::decode::<ExecutionDocument>(text)
        .and_then(|document| Ok((document, storage_documents::decode::<ContentsDocument>(contents)?)));
    let execution = decoded.and_then(|(document, contents)| Ok(document.into_execution(contents, tenant.clone(), id.clone())?));
    execution.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{id}"), source))
}
