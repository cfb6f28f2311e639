//! Retention of dead letters, in short steps.

use domain::name::TenantId;
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use super::deliveries;
use crate::collections::WEBHOOK_DELIVERIES as DELIVERIES;
use crate::epochs;
use crate::error::{Error, Result};
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

/// Removes some of them, of one tenant: the one with the oldest. Of this and of one who sets a legal hold meanwhile, the second sees what
/// the first has done.
pub(super) async fn step(session: &mut Session, before: Timestamp) -> Result<u64> {
    let mut old = old(session, before).await?;
    let by_age = doc! { "given_up": 1 };
    let Some(oldest) = session.find(DELIVERIES.name, old.clone(), Select::sorted(by_age.clone(), 1)).await?.pop() else { return Ok(0) };
    let tenant = TenantId::parse("tenant", oldest.text("tenant")?);
    let tenant = tenant.map_err(|error| Error::undecodable(DELIVERIES.name, oldest.key(), error))?;
    epochs::guard(session, &tenant).await?;
    old.insert("tenant", tenant.as_str());
    let fields = doc! { "_id": 1 };
    let found = session.find(DELIVERIES.name, old, Select { fields, ..Select::sorted(by_age, STEP) }).await?;
    deliveries::delete(session, tenant.as_str(), &found).await
}

async fn old(session: &mut Session, before: Timestamp) -> Result<Document> {
    let held: Vec<Bson> = tenants::held(session).await?.into_iter().map(Bson::from).collect();
    let mut old = doc! { "given_up": { "$lt": integer(before.as_millis()) } };
    if !held.is_empty() {
        old.insert("tenant", doc! { "$nin": held });
    }
    Ok(old)
}
