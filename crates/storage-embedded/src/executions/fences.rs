//! Who holds an execution: what is abandoned, who takes it over, and which were asked to stop.

use domain::execution::Execution;
use domain::lease::{Fence, InstanceId};
use domain::name::ExecutionName;
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use super::rows::{find, named, unfinished};
use super::write::Row;
use crate::connection::integer;
use crate::error::{Result, during};
use crate::vault::Vault;

/// A fence protects an execution while it is that of a lease in force.
const PROTECTED: &str = "EXISTS (SELECT 1 FROM leases l WHERE l.name = 'instances/' || e.instance \
     AND l.holder = e.instance AND l.token = e.token AND l.expires > ?1)";

pub(super) fn abandoned(connection: &Connection, vault: &Vault, now: Timestamp, limit: u32) -> Result<Vec<Execution>> {
    let query = format!(
        "SELECT tenant, id, document, sealed FROM executions e INDEXED BY executions_live WHERE unfinished = 1 AND instance <> 'nobody' AND NOT {PROTECTED}"
    );
    unfinished(connection, vault, &query, params![integer(now.as_millis())], limit)
}

/// The execution under its new fence, unless somebody else holds it.
pub(super) fn take_over(
    connection: &Connection,
    vault: &Vault,
    name: &ExecutionName,
    from: &Fence,
    to: &Fence,
    now: Timestamp,
) -> Result<Option<Execution>> {
    let Some(held) = find(connection, vault, &name.tenant, &name.execution)? else { return Ok(None) };
    let is_abandoned = held.fence == *from && !is_protected(connection, name, now)?;
    if held.state.is_terminal() || held.is_waiting() || !(is_abandoned || held.fence == *to) {
        return Ok(None);
    }
    let taken = Execution { fence: to.clone(), ..held.clone() };
    Row::new(&name.tenant, &taken)?.replace(connection, vault, &held.fence)?;
    Ok(Some(taken))
}

fn is_protected(connection: &Connection, name: &ExecutionName, now: Timestamp) -> Result<bool> {
    let query = format!("SELECT 1 FROM executions e WHERE tenant = ?2 AND id = ?3 AND {PROTECTED}");
    let key = params![integer(now.as_millis()), name.tenant.as_str(), name.execution.as_str()];
    let run = || connection.prepare_cached(&query)?.exists(key);
    run().map_err(during("reading an execution's lease"))
}

/// Whether the execution exists.
pub(super) fn ask_stop(connection: &Connection, name: &ExecutionName) -> Result<bool> {
    const QUERY: &str = "UPDATE executions SET stop_asked = 1 WHERE tenant = ?1 AND id = ?2";
    let run = || connection.prepare_cached(QUERY)?.execute(params![name.tenant.as_str(), name.execution.as_str()]);
    run().map(|changed| changed > 0).map_err(during("asking an execution to stop"))
}

pub(super) fn stops_asked(connection: &Connection, holder: &InstanceId) -> Result<Vec<ExecutionName>> {
    const QUERY: &str = "SELECT tenant, id FROM executions WHERE unfinished = 1 AND stop_asked = 1 AND instance = ?1";
    let doing = "reading wishes to stop";
    let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
    let mut rows = statement.query([holder.as_str()]).map_err(during(doing))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(during(doing))? {
        let text = |index| row.get_ref(index).and_then(|value| Ok(value.as_str()?));
        found.push(named(text(0).map_err(during(doing))?, text(1).map_err(during(doing))?)?);
    }
    Ok(found)
}
