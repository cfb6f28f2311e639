//! Removing the oldest records of a log.

use domain::audit::Checkpoint;
use domain::name::TenantId;
use domain::revision::Revision;
use domain::time::Timestamp;
use mongodb::bson::doc;

use crate::audit::names::{CHECKPOINTS, INTENTS, LOGS, RECORDS};
use crate::audit::tree::{log, read};
use crate::epochs;
use crate::error::Result;
use crate::row::integer;
use crate::session::{Select, Session};
use crate::tenants;

pub(super) async fn first_kept(session: &mut Session, tenant: &TenantId) -> Result<u64> {
    let found = log(session, tenant).await?;
    Ok(found.map(|row| row.number("first_kept")).transpose()?.unwrap_or_default())
}

/// The newest checkpoint of before this time that covers no open intent. What is opened meanwhile stands behind every checkpoint.
pub(super) async fn removable(session: &mut Session, tenant: &TenantId, before: Timestamp) -> Result<Option<Checkpoint>> {
    let select = Select::sorted(doc! { "sequence": 1 }, 1);
    let open = session.find(INTENTS, doc! { "tenant": tenant.as_str() }, select).await?;
    let first_open = open.first().map(|row| row.number("sequence")).transpose()?.unwrap_or(u64::MAX);
    let wanted = doc! {
        "tenant": tenant.as_str(),
        "time": { "$lt": integer(before.as_millis()) },
        "size": { "$lt": integer(first_open.saturating_add(1)) },
    };
    let found = session.find(CHECKPOINTS, wanted, Select::sorted(doc! { "time": -1, "size": -1 }, 1)).await?;
    found.first().map(read).transpose()
}

/// Removes some of the records before `first_kept`, if a checkpoint covers them, nothing holds them, and the tenant is as it was judged.
pub(super) async fn remove(session: &mut Session, tenant: &TenantId, first_kept: u64, limit: u32, judged: Option<Revision>) -> Result<u64> {
    epochs::guard(session, tenant).await?;
    let was_changed = judged.is_some() && !tenants::is_at(session, tenant, judged, None).await?;
    if was_changed || tenants::is_held(session, tenant).await? {
        return Ok(0);
    }
    let Some(head) = log(session, tenant).await? else { return Ok(0) };
    let (mut kept, sealed) = (head.number("first_kept")?, head.number("sealed")?);
    if kept < first_kept && sealed >= first_kept {
        let id = doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() };
        session.update(LOGS, id, doc! { "$set": { "first_kept": integer(first_kept) } }).await?;
        kept = first_kept;
    }
    let hidden = doc! { "tenant": tenant.as_str(), "sequence": { "$lt": integer(kept.min(first_kept)) } };
    let select = Select { sort: doc! { "sequence": 1 }, limit: limit as usize, fields: doc! { "_id": 1, "sequence": 1 } };
    let found = session.find(RECORDS, hidden, select).await?;
    let Some(last) = found.last() else { return Ok(0) };
    let behind = integer(last.number("sequence")?.saturating_add(1));
    session.delete(RECORDS, doc! { "tenant": tenant.as_str(), "sequence": { "$lt": behind } }).await
}
