//! Who holds an execution: what is abandoned, who takes it over, and which were asked to stop.

use domain::execution::Execution;
use domain::lease::{Fence, InstanceId};
use domain::name::ExecutionName;
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};

use super::names::TABLE;
use super::rows::{decode, find, id, name};
use super::write::Written;
use crate::error::Result;
use crate::leases;
use crate::row::{Row, integer};
use crate::session::{Select, Session};

/// Executions that one read of a sweep brings.
const AT_ONCE: usize = 64;
/// Wishes to stop that one read brings; what is asked for beyond is found once the first have ended.
const MAX_STOPS: usize = 1_000;

/// Executions that have not ended and whose fence is not that of a lease in force. Those that cannot be read count for nothing, so that
/// they hide no others however many they are.
pub(super) async fn abandoned(session: &mut Session, now: Timestamp, limit: usize) -> Result<Vec<Execution>> {
    let fences = leases::fences_in_force(session, now).await?;
    // What waits is nobody's, and abandoned by nobody.
    let held: Vec<Document> = fences
        .iter()
        .chain([&Fence::nobody()])
        .map(|fence| doc! { "instance": fence.holder.as_str(), "token": integer(fence.token) })
        .collect();
    let (mut taken, mut after) = (Vec::new(), String::new());
    loop {
        let filter = doc! { "unfinished": true, "_id": { "$gt": &after }, "$nor": &held };
        let found = session.find(TABLE, filter, Select::sorted(doc! { "_id": 1 }, AT_ONCE)).await?;
        let is_last = found.len() < AT_ONCE;
        for row in found {
            if taken.len() == limit {
                return Ok(taken);
            }
            row.key().clone_into(&mut after);
            let read = read(session, row).await;
            taken.extend(session.shared.readable(read)?.flatten());
        }
        if is_last {
            return Ok(taken);
        }
    }
}

async fn read(session: &mut Session, row: Row) -> Result<Option<Execution>> {
    let ExecutionName { tenant, execution } = name(&row)?;
    decode(session, &tenant, &execution, row).await
}

/// The execution under its new fence, unless somebody else holds it.
pub(super) async fn take_over(
    session: &mut Session,
    name: &ExecutionName,
    from: &Fence,
    to: &Fence,
    now: Timestamp,
) -> Result<Option<Execution>> {
    let Some(held) = find(session, &name.tenant, &name.execution).await? else { return Ok(None) };
    let is_abandoned = held.fence == *from && !leases::is_in_force(session, from, now).await?;
    if held.state.is_terminal() || held.is_waiting() || !(is_abandoned || held.fence == *to) {
        return Ok(None);
    }
    let taken = Execution { fence: to.clone(), ..held.clone() };
    Written::new(&name.tenant, &taken)?.hand_over(session, &held.fence).await?;
    Ok(Some(taken))
}

/// Whether the execution exists.
pub(super) async fn ask_stop(session: &mut Session, name: &ExecutionName) -> Result<bool> {
    session.update(TABLE, id(&name.tenant, &name.execution), doc! { "$set": { "stop_asked": true } }).await
}

pub(super) async fn stops_asked(session: &mut Session, holder: &InstanceId) -> Result<Vec<ExecutionName>> {
    let filter = doc! { "unfinished": true, "instance": holder.as_str(), "stop_asked": true };
    let select = Select { sort: doc! { "_id": 1 }, limit: MAX_STOPS, fields: doc! { "tenant": 1, "id": 1 } };
    session.find(TABLE, filter, select).await?.iter().map(name).collect()
}
