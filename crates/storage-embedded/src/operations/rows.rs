//! Rows of operations, and answers to requests that began them.

use domain::lease::Fence;
use domain::name::{OperationId, OperationName, TenantId};
use domain::operation::{MAX_OPEN, Operation, OperationQuery};
use domain::page::Page;
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use rusqlite::{Connection, Params, params};
use storage_documents::OperationDocument;
use storage_rules::{PageById, Refusal};

use super::items;
use crate::connection::integer;
use crate::cursor::limit;
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::tenants::HELD;
use crate::vault::Vault;

const TABLE: &str = "operations";
/// The name of the order of a list.
pub(super) const ORDER: &str = "operation";
/// Behind every id: where a list begins that goes backwards.
const BEHIND_ALL: &str = "~";
/// Most operations that are removed in one step, with what became of their items.
const STEP: u32 = 16;
/// A fence protects an operation while it is that of a lease in force.
const PROTECTED: &str = "EXISTS (SELECT 1 FROM leases l WHERE l.name = 'instances/' || o.instance \
     AND l.holder = o.instance AND l.token = o.token AND l.expires > ?1)";

pub(super) fn insert(
    connection: &Connection,
    operation: &Operation,
    request: Option<&RequestKey>,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<Operation>> {
    const QUERY: &str = "INSERT INTO operations (tenant, id, creator, unfinished, ended, instance, token, document) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    const OPEN: &str = "SELECT count(*) FROM operations INDEXED BY operations_live WHERE unfinished = 1 AND tenant = ?1";
    let name = &operation.name;
    if let Some(key) = request
        && let Some(answered) = answer(connection, &name.tenant, request::find(connection, &name.tenant, key, since)?)?
    {
        return Ok(answered);
    }
    let (holder, token, ended) = columns(operation);
    let row = params![
        name.tenant.as_str(),
        name.operation.as_str(),
        operation.creator.principal.to_string(),
        !operation.has_ended(),
        ended,
        holder,
        token,
        encoded(operation)
    ];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    if run().map_err(during("storing an operation"))? == 0 {
        return Ok(Committed::Conflict);
    }
    let run = || connection.prepare_cached(OPEN)?.query_row([name.tenant.as_str()], |row| row.get::<_, u32>(0));
    // The write is taken back where there is one too many.
    if run().map_err(during("looking how many operations a tenant has"))? as usize > MAX_OPEN {
        return Err(Refusal::Operations { tenant: name.tenant.clone() }.into());
    }
    if let Some(key) = request {
        request::remember(connection, &name.tenant, key, now, &name.to_string(), None)?;
    }
    Ok(Committed::Stored)
}

pub(super) fn find(connection: &Connection, name: &OperationName) -> Result<Option<Operation>> {
    const QUERY: &str = "SELECT tenant, id, stop_asked, document FROM operations WHERE tenant = ?1 AND id = ?2";
    let found = each(connection, QUERY, params![name.tenant.as_str(), name.operation.as_str()])?;
    found.into_iter().next().map(Stored::operation).transpose()
}

/// A page of the operations of a tenant, the newest first. One that cannot be read hides no other.
pub(super) fn list(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    query: &OperationQuery,
    page: &PageById,
) -> Result<Page<Operation>> {
    const ALL: &str = "SELECT tenant, id, stop_asked, document FROM operations WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    const OWN: &str = "SELECT tenant, id, stop_asked, document FROM operations \
         WHERE tenant = ?1 AND id < ?2 AND creator = ?4 ORDER BY id DESC LIMIT ?3";
    let after = if page.after.is_empty() { BEHIND_ALL } else { page.after.as_str() };
    let mut rows = match &query.creator {
        None => each(connection, ALL, params![tenant.as_str(), after, limit(page)])?,
        Some(creator) => each(connection, OWN, params![tenant.as_str(), after, limit(page), creator.to_string()])?,
    };
    let next = page.cut(&mut rows, |row| &row.id);
    let items = rows.into_iter().filter_map(|row| readable(vault, row).transpose());
    Ok(Page { items: items.collect::<Result<_>>()?, next })
}

/// Stores how far it is where it goes on under its fence; says whether it does.
pub(super) fn advance(connection: &Connection, operation: &Operation) -> Result<bool> {
    const QUERY: &str = "UPDATE operations SET unfinished = ?3, ended = ?4, document = ?5 \
         WHERE tenant = ?1 AND id = ?2 AND unfinished = 1 AND instance = ?6 AND token = ?7";
    let (holder, token, ended) = columns(operation);
    let (tenant, id) = (operation.name.tenant.as_str(), operation.name.operation.as_str());
    let row = params![tenant, id, !operation.has_ended(), ended, encoded(operation), holder, token];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    run().map(|changed| changed == 1).map_err(during("storing how far an operation is"))
}

pub(super) fn ask_cancel(connection: &Connection, name: &OperationName) -> Result<()> {
    const QUERY: &str = "UPDATE operations SET stop_asked = 1 WHERE tenant = ?1 AND id = ?2 AND unfinished = 1";
    let run = || connection.prepare_cached(QUERY)?.execute(params![name.tenant.as_str(), name.operation.as_str()]);
    run().map(drop).map_err(during("asking an operation to stop"))
}

pub(super) fn abandoned(connection: &Connection, vault: &Vault, now: Timestamp, most: u32) -> Result<Vec<Operation>> {
    let query = format!(
        "SELECT tenant, id, stop_asked, document FROM operations o INDEXED BY operations_live WHERE unfinished = 1 AND NOT {PROTECTED}"
    );
    let mut found = Vec::new();
    for row in each(connection, &query, params![integer(now.as_millis())])? {
        if found.len() < most as usize {
            found.extend(readable(vault, row)?);
        }
    }
    Ok(found)
}

/// The operation under its new fence, unless somebody else holds it.
pub(super) fn take_over(
    connection: &Connection,
    name: &OperationName,
    from: &Fence,
    to: &Fence,
    now: Timestamp,
) -> Result<Option<Operation>> {
    const QUERY: &str = "UPDATE operations SET instance = ?3, token = ?4, document = ?5 WHERE tenant = ?1 AND id = ?2";
    let Some(held) = find(connection, name)? else { return Ok(None) };
    let is_abandoned = held.fence == *from && !is_protected(connection, name, now)?;
    if held.has_ended() || !(is_abandoned || held.fence == *to) {
        return Ok(None);
    }
    let taken = Operation { fence: to.clone(), ..held };
    let (holder, token, _ended) = columns(&taken);
    let row = params![name.tenant.as_str(), name.operation.as_str(), holder, token, encoded(&taken)];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    run().map_err(during("taking over an operation"))?;
    Ok(Some(taken))
}

fn is_protected(connection: &Connection, name: &OperationName, now: Timestamp) -> Result<bool> {
    let query = format!("SELECT 1 FROM operations o WHERE tenant = ?2 AND id = ?3 AND {PROTECTED}");
    let key = params![integer(now.as_millis()), name.tenant.as_str(), name.operation.as_str()];
    let run = || connection.prepare_cached(&query)?.exists(key);
    run().map_err(during("reading an operation's lease"))
}

pub(super) fn is_any_old(connection: &Connection, before: Timestamp) -> Result<bool> {
    old(connection, before, 1).map(|found| !found.is_empty())
}

/// Removes some that ended before; says whether there may be more.
pub(super) fn prune(connection: &Connection, before: Timestamp) -> Result<bool> {
    const QUERY: &str = "DELETE FROM operations WHERE tenant = ?1 AND id = ?2";
    let found = old(connection, before, STEP)?;
    for (tenant, id) in &found {
        let name = named(tenant, id)?;
        items::forget_outcomes(connection, &name)?;
        let run = || connection.prepare_cached(QUERY)?.execute([tenant, id]);
        run().map_err(during("removing old operations"))?;
    }
    Ok(found.len() == STEP as usize)
}

fn old(connection: &Connection, before: Timestamp, most: u32) -> Result<Vec<(String, String)>> {
    let query = format!(
        "SELECT tenant, id FROM operations INDEXED BY operations_ended WHERE unfinished = 0 AND ended < ?1 AND tenant NOT IN ({HELD}) \
         ORDER BY ended LIMIT ?2"
    );
    let run = || {
        let mut statement = connection.prepare_cached(&query)?;
        let rows = statement.query_map(params![integer(before.as_millis()), most], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(during("looking for old operations"))
}

pub(super) fn answer(connection: &Connection, tenant: &TenantId, remembered: Option<Remembered>) -> Result<Option<Committed<Operation>>> {
    let resource = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, .. }) => resource,
    };
    let broken = |source| Error::undecodable("requests", resource.clone(), source);
    let name = OperationName::parse("name", &resource).map_err(broken)?;
    let found = find(connection, &OperationName { tenant: tenant.clone(), ..name })?;
    let removed = || Committed::Removed { resource };
    Ok(Some(found.map_or_else(removed, |operation| Committed::Answered(Box::new(operation)))))
}

fn encoded(operation: &Operation) -> String {
    storage_documents::encode(&OperationDocument::from(operation))
}

/// What it is selected by: who holds it, by which acquisition, and when it ended.
fn columns(operation: &Operation) -> (&str, i64, Option<i64>) {
    let ended = operation.ended.map(|ended| integer(ended.as_millis()));
    (operation.fence.holder.as_str(), integer(operation.fence.token), ended)
}

fn named(tenant: &str, id: &str) -> Result<OperationName> {
    let name =
        TenantId::parse("tenant", tenant).and_then(|tenant| Ok(OperationName { tenant, operation: OperationId::parse("operation", id)? }));
    name.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{id}"), source))
}

/// An operation as it is stored.
struct Stored {
    tenant: String,
    id: String,
    stop_asked: bool,
    /// A text that is none hides no other.
    document: rusqlite::Result<String>,
}

impl Stored {
    fn operation(self) -> Result<Operation> {
        let name = named(&self.tenant, &self.id)?;
        let text = self.document.map_err(during("reading an operation"))?;
        let document = storage_documents::decode::<OperationDocument>(&text);
        let operation = document.and_then(|document| Ok(document.into_operation(name, self.stop_asked)?));
        operation.map_err(|source| Error::undecodable(TABLE, format!("{}/{}", self.tenant, self.id), source))
    }
}

fn readable(vault: &Vault, row: Stored) -> Result<Option<Operation>> {
    let key = format!("{}/{}", row.tenant, row.id);
    vault.readable(TABLE, key, row.operation())
}

fn each(connection: &Connection, query: &str, values: impl Params) -> Result<Vec<Stored>> {
    let row = |row: &rusqlite::Row<'_>| Ok(Stored { tenant: row.get(0)?, id: row.get(1)?, stop_asked: row.get(2)?, document: row.get(3) });
    let run = || connection.prepare_cached(query)?.query_map(values, row)?.collect::<rusqlite::Result<Vec<_>>>();
    run().map_err(during("reading operations"))
}
