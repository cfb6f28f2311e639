//! The epoch of a tenant: advances in the transaction of each change of its utilities. Beside it stands how many there are that are not
//! deleted.

use domain::name::TenantId;
use mongodb::bson::{Document, doc};

use crate::collections::EPOCHS;
use crate::error::Result;
use crate::session::Session;

fn key(tenant: &TenantId) -> Document {
    doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() }
}

pub(super) async fn find(session: &mut Session, tenant: &TenantId) -> Result<u64> {
    let row = session.find_one(EPOCHS.name, key(tenant)).await?;
    Ok(row.map(|row| row.find_number("epoch")).transpose()?.flatten().unwrap_or_default())
}

pub(crate) async fn advance(session: &mut Session, tenant: &TenantId) -> Result<()> {
    session.upsert(EPOCHS.name, key(tenant), doc! { "$inc": { "epoch": 1_i64 } }).await
}

/// Advances the epoch, and the count of utilities by this many; answers the count.
pub(super) async fn advance_by(session: &mut Session, tenant: &TenantId, more: i64) -> Result<u64> {
    session.upsert(EPOCHS.name, key(tenant), doc! { "$inc": { "epoch": 1_i64, "utilities": more } }).await?;
    let row = session.find_one(EPOCHS.name, key(tenant)).await?;
    Ok(row.map(|row| row.find_number("utilities")).transpose()?.flatten().unwrap_or_default())
}
