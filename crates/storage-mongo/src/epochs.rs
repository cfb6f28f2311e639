//! How often what is known of a tenant's principals, or of its own state, has changed, and how often what its grantees hold, for whoever
//! keeps copies of it in memory.
//!
//! The numbers of changes are in a document of the tenant, which each such change advances. They are read again where they were read longer ago
//! than half a second ago, so that a change by another server is known within that time, whatever messages are lost; and at once behind a change
//! by this one.

use domain::name::TenantId;
use mongodb::bson::{Document, doc};

use crate::collections::EPOCHS;
use crate::error::Result;
use crate::session::Session;

mod known;

pub(crate) use known::Epochs;

/// The epoch as the session sees it: within a transaction, the one that what it does is to be judged at.
pub(crate) async fn of_identity(session: &mut Session, tenant: &TenantId) -> Result<u64> {
    let found = session.find_one(EPOCHS.name, key(tenant)).await?;
    Ok(found.map(|found| found.find_number("identity")).transpose()?.flatten().unwrap_or_default())
}

/// How often what the grantees of a tenant hold was changed, as the session sees it.
pub(crate) async fn of_grants(session: &mut Session, tenant: &TenantId) -> Result<u64> {
    let found = session.find_one(EPOCHS.name, key(tenant)).await?;
    Ok(found.map(|found| found.find_number("grants")).transpose()?.flatten().unwrap_or_default())
}

/// Advances the epoch of what the grantees of a tenant hold, for every server. Whoever calls it tells of the grants, too.
pub(crate) async fn advance_grants(session: &mut Session, tenant: &TenantId) -> Result<()> {
    session.upsert(EPOCHS.name, key(tenant), doc! { "$inc": { "grants": 1_i64 } }).await?;
    session.shared.hearers.held.epochs.advance(tenant);
    Ok(())
}

/// Of two transactions that both guard, or one of which advances the epoch, the second sees what the first has done; the epoch stays.
pub(crate) async fn guard(session: &mut Session, tenant: &TenantId) -> Result<()> {
    session.upsert(EPOCHS.name, key(tenant), doc! { "$inc": { "guarded": 1_i64 } }).await
}

fn key(tenant: &TenantId) -> Document {
    doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() }
}
