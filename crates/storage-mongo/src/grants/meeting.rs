//! Where grants of a tenant that are changed at the same time meet.

use domain::name::TenantId;
use mongodb::bson::doc;

use crate::collections::EPOCHS;
use crate::error::Result;
use crate::session::Session;

/// Grants of a tenant that are changed at the same time meet here: what a grantee may hold is bounded, and counted in the transaction.
pub(super) async fn meet(session: &mut Session, tenant: &TenantId) -> Result<()> {
    let key = doc! { "_id": tenant.as_str(), "tenant": tenant.as_str() };
    session.upsert(EPOCHS.name, key, doc! { "$inc": { "grants": 1_i64 } }).await
}
