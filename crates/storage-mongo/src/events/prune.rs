//! Retention of events, in steps that each are a short transaction.

use domain::name::TenantId;
use domain::time::Timestamp;
use mongodb::bson::doc;

use crate::epochs;
use crate::error::Result;
use crate::events::names::{EVENTS, LOGS};
use crate::row::integer;
use crate::session::{Select, Session};
use crate::tenants;

/// Most events removed in one step.
pub(super) const STEP: usize = 1_000;

/// Removes some of the oldest events of a tenant: those that were stored before, and those beyond `most`. Nothing is removed behind one
/// that stays, and nothing of a tenant on legal hold.
pub(super) async fn step(session: &mut Session, tenant: &TenantId, before: Timestamp, most: u64) -> Result<u64> {
    if tenants::is_held(session, tenant).await? {
        return Ok(0);
    }
    epochs::guard(session, tenant).await?;
    let log = session.find_one(LOGS, doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() }).await?;
    let last = log.map(|row| row.number("last")).transpose()?.unwrap_or_default();
    let select = Select { sort: doc! { "sequence": 1 }, limit: STEP, fields: doc! { "sequence": 1, "time": 1 } };
    let found = session.find(EVENTS, doc! { "tenant": tenant.as_str() }, select).await?;
    let mut behind = None;
    for row in &found {
        let sequence = row.number("sequence")?;
        let stays = row.number("time")? >= before.as_millis() && sequence > last.saturating_sub(most);
        if stays {
            break;
        }
        behind = Some(sequence.saturating_add(1));
    }
    let Some(behind) = behind else { return Ok(0) };
    session.delete(EVENTS, doc! { "tenant": tenant.as_str(), "sequence": { "$lt": integer(behind) } }).await
}
