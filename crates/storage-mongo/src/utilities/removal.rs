//! Removal of what was deleted long enough ago.

use domain::access::{MAX_GIVEN, MAX_GRANTS};
use domain::name::{TenantId, UtilityId};
use domain::time::Timestamp;
use mongodb::bson::doc;

use super::epoch;
use super::names::key_of;
use crate::collections::{GRANTS, GRANTS_RECEIVED, UTILITIES, VERSION_CODE, VERSIONS, millis};
use crate::epochs;
use crate::error::Result;
use crate::grants::count_given;
use crate::session::{Select, Session};

/// Grants of one utility that are looked at: of each principal one, and of each tenant one.
const MAX_GRANTEES: usize = MAX_GRANTS + MAX_GIVEN;

/// Who was granted a utility.
pub(crate) async fn grantees(session: &mut Session, tenant: &TenantId, id: &UtilityId) -> Result<Vec<String>> {
    let filter = doc! { "tenant": tenant.as_str(), "utility": id.as_str() };
    let select = Select { fields: doc! { "grantee": 1 }, limit: MAX_GRANTEES, ..Select::default() };
    let found = session.find(GRANTS.name, filter, select).await?;
    found.iter().map(|row| row.text("grantee").map(str::to_owned)).collect()
}

/// Removes a utility that was deleted before, or whatever it is, with all that it consists of. Says whether it was there: one that was
/// undeleted meanwhile stays.
pub(crate) async fn remove(session: &mut Session, tenant: &TenantId, id: &UtilityId, deleted_before: Option<Timestamp>) -> Result<bool> {
    let mut filter = key_of(tenant, id);
    if let Some(before) = deleted_before {
        filter.insert("deleted", true);
        filter.insert("updated", doc! { "$lt": millis(before) });
    }
    let Some(row) = session.find_one(UTILITIES.name, filter.clone()).await? else { return Ok(false) };
    let of_it = |field: &str| doc! { "tenant": tenant.as_str(), field: id.as_str() };
    let shared = doc! { "tenant": tenant.as_str(), "utility": id.as_str(), "shared_with": { "$exists": true } };
    let shares = session.find(GRANTS.name, shared, Select::sorted(doc! {}, MAX_GIVEN)).await?;
    if !shares.is_empty() {
        count_given(session, tenant, -i64::try_from(shares.len()).expect("a bound is small")).await?;
    }
    for share in shares {
        let receiver = share.text("shared_with")?;
        let key = doc! { "_id": crate::row::key(&[receiver, tenant.as_str(), id.as_str()]), "tenant": receiver };
        session.delete(GRANTS_RECEIVED.name, key).await?;
        if let Ok(receiver) = TenantId::parse("shared_with", receiver) {
            epochs::advance_grants(session, &receiver).await?;
        }
    }
    session.delete(GRANTS.name, of_it("utility")).await?;
    epochs::advance_grants(session, tenant).await?;
    session.delete(VERSION_CODE.name, of_it("id")).await?;
    session.delete(VERSIONS.name, of_it("id")).await?;
    session.delete(UTILITIES.name, filter).await?;
    let counted = !row.flag("deleted").unwrap_or(true);
    epoch::advance_by(session, tenant, -i64::from(counted)).await?;
    Ok(true)
}
