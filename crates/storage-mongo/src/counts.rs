//! How many documents of a kind a tenant has, where it may have only so many: a number that is kept with each change, so that nothing is
//! counted, and so that of two transactions that add one the second sees the first.

use domain::name::TenantId;
use mongodb::bson::doc;

use crate::collections::COUNTS;
use crate::error::Result;
use crate::row::key;
use crate::session::Session;

/// Adds to the number of a tenant's documents of a collection, in the transaction that adds or removes one; answers how many there are.
pub(crate) async fn advance(session: &mut Session, tenant: &TenantId, collection: &'static str, by: i64) -> Result<u64> {
    let of = doc! { "_id": key(&[tenant.as_str(), collection]), "tenant": tenant.as_str() };
    let count = session.advance(COUNTS.name, of, "count", by).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}
