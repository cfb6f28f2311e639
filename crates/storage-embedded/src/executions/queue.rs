//! The port of executions that wait: those that nobody holds, and how many of each tenant there are.

use async_trait::async_trait;
use domain::access::TenantScope;
use domain::audit::Entry;
use domain::execution::{Claimed, Enqueued, Execution, ExecutionQueue, Room};
use domain::lease::Fence;
use domain::name::{ExecutionId, ExecutionName, TenantId};
use domain::request::{Committed, RequestKey};
use domain::schedule::Firing;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::name_of;
use super::rows::{TABLE, find};
use super::write::{Row, answer, is_unfinished, starting};
use crate::audit;
use crate::error::{Error, Result, during};
use crate::store::EmbeddedStore;
use crate::vault::Vault;

#[async_trait]
impl ExecutionQueue for EmbeddedStore {
    async fn enqueue(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
        room: Room,
    ) -> domain::Result<Enqueued> {
        let row = Row::new(scope.tenant(), execution)?;
        let (tenant, request, intents, window) = (scope.tenant().clone(), request.cloned(), intents.to_vec(), self.request_window());
        let (vault, firing) = (self.vault(), firing.cloned());
        let work = move |connection: &Connection| {
            audit::add_all(connection, &vault, intents.iter())?;
            let enqueue = || enqueue(connection, &vault, &tenant, row, request.as_ref(), window, room);
            starting(connection, firing.as_ref(), enqueue, Enqueued::Committed(Committed::Conflict))
        };
        Ok(self.write(work).await?)
    }

    async fn tenants_waiting(&self, after: Option<&TenantId>, limit: u32) -> domain::Result<Vec<TenantId>> {
        const QUERY: &str = "SELECT tenant FROM waiting WHERE tenant > ?1 ORDER BY tenant LIMIT ?2";
        let after = after.map(TenantId::to_string).unwrap_or_default();
        let work = move |connection: &Connection| {
            let found = texts(connection, QUERY, params![after, limit])?;
            let tenant =
                |text: &String| TenantId::parse("tenant", text).map_err(|source| Error::undecodable("waiting", text.as_str(), source));
            found.iter().map(tenant).collect::<Result<_>>()
        };
        Ok(self.read(work).await?)
    }

    async fn waiting(&self, scope: &TenantScope, after: Option<&ExecutionId>, limit: u32) -> domain::Result<Vec<ExecutionId>> {
        const QUERY: &str = "SELECT id FROM executions INDEXED BY executions_waiting \
             WHERE tenant = ?1 AND unfinished = 1 AND instance = 'nobody' AND id > ?2 ORDER BY id LIMIT ?3";
        let (tenant, after) = (scope.tenant().clone(), after.map(ExecutionId::to_string).unwrap_or_default());
        let work = move |connection: &Connection| {
            let found = texts(connection, QUERY, params![tenant.as_str(), after, limit])?;
            let id = |text: &String| {
                let id = ExecutionId::parse("execution", text);
                id.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{text}"), source))
            };
            found.iter().map(id).collect::<Result<_>>()
        };
        Ok(self.read(work).await?)
    }

    async fn claim(&self, scope: &TenantScope, id: &ExecutionId, to: &Fence) -> domain::Result<Option<Claimed>> {
        let (name, to, vault) = (name_of(scope, id), to.clone(), self.vault());
        Ok(self.write(move |connection| claim(connection, &vault, &name, &to)).await?)
    }

    async fn put_back(&self, execution: &Execution, from: &Fence) -> domain::Result<bool> {
        let row = Row::new(&execution.name.tenant, execution)?;
        let (name, from, vault) = (execution.name.clone(), from.clone(), self.vault());
        let work = move |connection: &Connection| {
            let is_back = is_unfinished(connection, &name)? && row.replace(connection, &vault, &from)?;
            if is_back {
                add(connection, &name.tenant, 1)?;
            }
            Ok(is_back)
        };
        Ok(self.write(work).await?)
    }
}

fn enqueue(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    row: Row,
    request: Option<&RequestKey>,
    (now, since): (Timestamp, Timestamp),
    room: Room,
) -> Result<Enqueued> {
    const OF_TENANT: &str = "SELECT coalesce(sum(count), 0) FROM waiting WHERE tenant = ?1";
    // One row for each tenant of which something waits.
    const IN_ALL: &str = "SELECT coalesce(sum(count), 0) FROM waiting";
    if let Some(key) = request
        && let Some(answered) = answer(connection, vault, tenant, key, since)?
    {
        return Ok(Enqueued::Committed(answered));
    }
    let doing = "reading how many executions wait";
    let of_tenant = || connection.prepare_cached(OF_TENANT)?.query_row([tenant.as_str()], |row| row.get::<_, i64>(0));
    if of_tenant().map_err(during(doing))? >= i64::from(room.of_tenant) {
        return Ok(Enqueued::TenantFull);
    }
    let in_all = || connection.prepare_cached(IN_ALL)?.query_row([], |row| row.get::<_, i64>(0));
    if in_all().map_err(during(doing))? >= i64::from(room.in_all) {
        return Ok(Enqueued::Full);
    }
    let committed = row.insert(connection, vault, request, now, since)?;
    if committed == Committed::Stored {
        add(connection, tenant, 1)?;
    }
    Ok(Enqueued::Committed(committed))
}

fn claim(connection: &Connection, vault: &Vault, name: &ExecutionName, to: &Fence) -> Result<Option<Claimed>> {
    const STOP: &str = "SELECT stop_asked FROM executions WHERE tenant = ?1 AND id = ?2";
    let held = find(connection, vault, &name.tenant, &name.execution)?;
    let Some(held) = held.filter(Execution::is_waiting) else { return Ok(None) };
    let claimed = Execution { fence: to.clone(), ..held.clone() };
    Row::new(&name.tenant, &claimed)?.replace(connection, vault, &held.fence)?;
    add(connection, &name.tenant, -1)?;
    let key = [name.tenant.as_str(), name.execution.as_str()];
    let asked = || connection.prepare_cached(STOP)?.query_row(key, |row| row.get::<_, bool>(0)).optional();
    let stop_asked = asked().map_err(during("reading a wish to stop"))?.unwrap_or_default();
    Ok(Some(Claimed { execution: claimed, stop_asked }))
}

/// Adds to how many of a tenant wait.
fn add(connection: &Connection, tenant: &TenantId, by: i64) -> Result<()> {
    const ADD: &str =
        "INSERT INTO waiting (tenant, count) VALUES (?1, ?2) ON CONFLICT (tenant) DO UPDATE SET count = count + excluded.count";
    const FORGET: &str = "DELETE FROM waiting WHERE tenant = ?1 AND count <= 0";
    let run = || {
        connection.prepare_cached(ADD)?.execute(params![tenant.as_str(), by])?;
        connection.prepare_cached(FORGET)?.execute([tenant.as_str()])
    };
    run().map(drop).map_err(during("counting executions that wait"))
}

fn texts(connection: &Connection, query: &str, values: impl rusqlite::Params) -> Result<Vec<String>> {
    let run = || {
        let mut statement = connection.prepare_cached(query)?;
        let rows = statement.query_map(values, |row| row.get(0))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(during("reading executions that wait"))
}
