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
use mongodb::bson::{Bson, Document, doc};

use super::names::TABLE;
use super::rows::{find, id, name, stored};
use super::write::{Added, Written, answer};
use super::{admits, fire, name_of};
use crate::audit;
use crate::collections;
use crate::contents::Sealing;
use crate::error::{Error, Result};
use crate::row::key;
use crate::session::{Select, Session};
use crate::store::MongoStore;
use crate::transaction::{read, transact};

/// How many wait, by tenant.
const WAITING: &str = collections::WAITING.name;

#[async_trait]
impl ExecutionQueue for MongoStore {
    async fn enqueue(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        request: Option<&RequestKey>,
        intents: &[Entry],
        firing: Option<&Firing>,
        room: Room,
    ) -> domain::Result<Enqueued> {
        let (row, window) = (Written::new(scope.tenant(), execution)?, self.request_window());
        let stored = transact!(self, "storing an execution that waits", scope.tenant(), |session| {
            audit::add_all(session, intents).await?;
            if !admits(session, firing).await? {
                Ok(Enqueued::Committed(Committed::Conflict))
            } else {
                let enqueued = enqueue(session, scope.tenant(), &row, request, window, room).await?;
                if enqueued == Enqueued::Committed(Committed::Stored) {
                    fire(session, firing).await?;
                }
                Ok(enqueued)
            }
        });
        Ok(stored?)
    }

    async fn tenants_waiting(&self, after: Option<&TenantId>, limit: u32) -> domain::Result<Vec<TenantId>> {
        let filter = after.map(|after| doc! { "_id": { "$gt": after.as_str() } }).unwrap_or_default();
        let select = Select::sorted(doc! { "_id": 1 }, limit as usize);
        let found = read!(self, "reading whose executions wait", |session| session.find(WAITING, filter, select).await)?;
        let tenant = |text: &str| TenantId::parse("tenant", text).map_err(|source| Error::undecodable(WAITING, text, source));
        Ok(found.iter().map(|row| tenant(row.key())).collect::<Result<_>>()?)
    }

    async fn waiting(&self, scope: &TenantScope, after: Option<&ExecutionId>, limit: u32) -> domain::Result<Vec<ExecutionId>> {
        let tenant = scope.tenant();
        let mut filter = doc! { "tenant": tenant.as_str(), "waiting": true };
        if let Some(after) = after {
            filter.insert("_id", doc! { "$gt": key(&[tenant.as_str(), after.as_str()]) });
        }
        let select = Select { sort: doc! { "_id": 1 }, limit: limit as usize, fields: doc! { "tenant": 1, "id": 1 } };
        let found = read!(self, "reading executions that wait", |session| session.find(TABLE, filter, select).await)?;
        Ok(found.iter().map(|row| Ok(name(row)?.execution)).collect::<Result<_>>()?)
    }

    async fn claim(&self, scope: &TenantScope, id: &ExecutionId, to: &Fence) -> domain::Result<Option<Claimed>> {
        let name = name_of(scope, id);
        let claimed = transact!(self, "claiming an execution", scope.tenant(), |session| claim(session, &name, to).await);
        Ok(claimed?)
    }

    async fn put_back(&self, execution: &Execution, from: &Fence) -> domain::Result<bool> {
        let tenant = &execution.name.tenant;
        let row = Written::new(tenant, execution)?;
        let is_back = transact!(self, "putting an execution back", tenant, |session| {
            let before = stored(session, &execution.name).await?;
            match before.filter(|before| before.fence == *from && before.unfinished) {
                None => Ok(false),
                Some(before) => {
                    let sealing = Sealing::begin(session, tenant).await?;
                    row.replace(session, &sealing, &before, &Added::default(), Document::new()).await?;
                    add(session, tenant, 1).await.map(|()| true)
                }
            }
        });
        Ok(is_back?)
    }
}

async fn enqueue(
    session: &mut Session,
    tenant: &TenantId,
    row: &Written,
    request: Option<&RequestKey>,
    window: (Timestamp, Timestamp),
    room: Room,
) -> Result<Enqueued> {
    if let Some(key) = request
        && let Some(answered) = answer(session, tenant, key, window.1).await?
    {
        return Ok(Enqueued::Committed(answered));
    }
    let of_tenant = session.find_one(WAITING, doc! { "_id": tenant.as_str() }).await?;
    if of_tenant.map(|row| row.number("count")).transpose()?.unwrap_or_default() >= u64::from(room.of_tenant) {
        return Ok(Enqueued::TenantFull);
    }
    // One document for each tenant of which something waits. Not one number for all: every two who store something would meet in it.
    let sum = doc! { "$group": { "_id": Bson::Null, "count": { "$sum": "$count" } } };
    let in_all = session.sum(WAITING, [sum]).await?;
    if in_all.map(|row| row.number("count")).transpose()?.unwrap_or_default() >= u64::from(room.in_all) {
        return Ok(Enqueued::Full);
    }
    let committed = row.insert(session, request, window).await?;
    if committed == Committed::Stored {
        add(session, tenant, 1).await?;
    }
    Ok(Enqueued::Committed(committed))
}

async fn claim(session: &mut Session, name: &ExecutionName, to: &Fence) -> Result<Option<Claimed>> {
    let held = find(session, &name.tenant, &name.execution).await?;
    let Some(held) = held.filter(Execution::is_waiting) else { return Ok(None) };
    let claimed = Execution { fence: to.clone(), ..held.clone() };
    Written::new(&name.tenant, &claimed)?.hand_over(session, &held.fence).await?;
    add(session, &name.tenant, -1).await?;
    let select = Select { sort: Document::new(), limit: 1, fields: doc! { "stop_asked": 1 } };
    let found = session.find(TABLE, id(&name.tenant, &name.execution), select).await?;
    let stop_asked = found.first().map(|row| row.flag("stop_asked")).transpose()?.unwrap_or_default();
    Ok(Some(Claimed { execution: claimed, stop_asked }))
}

/// Adds to how many of a tenant wait.
async fn add(session: &mut Session, tenant: &TenantId, by: i64) -> Result<()> {
    let of = doc! { "_id": tenant.as_str() };
    if session.advance(WAITING, of.clone(), "count", by).await? <= 0 {
        session.delete(WAITING, of).await?;
    }
    Ok(())
}
