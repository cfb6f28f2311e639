//! Retention of dead letters, in short steps.

use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use super::deliveries;
use crate::collections::WEBHOOK_DELIVERIES as DELIVERIES;
use crate::error::Result;
use crate::row::integer;
use crate::session::{Select, Session};
use crate::tenants;

/// Most dead letters removed in one step.
const STEP: usize = 1_000;

/// Whether any were given up before, but those that a legal hold keeps.
pub(super) async fn has_old(session: &mut Session, before: Timestamp) -> Result<bool> {
    let old = old(session, before).await?;
    session.exists(DELIVERIES.name, old).await
}

/// Removes some of them, of one tenant: the one with the oldest.
pub(super) async fn step(session: &mut Session, before: Timestamp) -> Result<u64> {
    let mut old = old(session, before).await?;
    let by_age = doc! { "given_up": 1 };
    let Some(oldest) = session.find(DELIVERIES.name, old.clone(), Select::sorted(by_age.clone(), 1)).await?.pop() else { return Ok(0) };
    let tenant = oldest.text("tenant")?;
    old.insert("tenant", tenant);
    let fields = doc! { "_id": 1 };
    let found = session.find(DELIVERIES.name, old, Select { fields, ..Select::sorted(by_age, STEP) }).await?;
    deliveries::delete(session, tenant, &found).await
}

async fn old(session: &mut Session, before: Timestamp) -> Result<Document> {
    let held: Vec<Bson> = tenants::held(session).await?.into_iter().map(Bson::from).collect();
    let mut old = doc! { "given_up": { "$lt": integer(before.as_millis()) } };
    if !held.is_empty() {
        old.insert("tenant", doc! { "$nin": held });
    }
    Ok(old)
}
