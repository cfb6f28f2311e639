//! The keys of principals, of those that are deleted, too.

use domain::name::{PrincipalKind, PrincipalName};
use mongodb::bson::{Document, doc};

use crate::row::key;

/// The key of a principal, which names its shard.
pub(super) fn of_name(name: &PrincipalName) -> Document {
    doc! { "tenant": name.tenant().as_str(), "_id": key(&[name.tenant().as_str(), kind(name.kind()), name.id()]) }
}

/// How a kind is stored.
pub(super) fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::ServiceAccount => "service_account",
    }
}
