//! The keys of utilities and of their versions.

use domain::name::{TenantId, UtilityId};
use mongodb::bson::{Document, doc};

use crate::row::{key, ordered};

/// Key of a utility.
pub(super) fn id_of(tenant: &TenantId, id: &UtilityId) -> String {
    key(&[tenant.as_str(), id.as_str()])
}

/// Filter of a utility.
pub(super) fn key_of(tenant: &TenantId, id: &UtilityId) -> Document {
    doc! { "_id": id_of(tenant, id), "tenant": tenant.as_str() }
}

/// Key of a version, and of its code.
pub(super) fn version_id(tenant: &TenantId, id: &UtilityId, number: u32) -> String {
    key(&[tenant.as_str(), id.as_str(), &ordered(u64::from(number))])
}
