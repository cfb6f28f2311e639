//! Documents of grants, and what requests about them were answered with.

use domain::access::Grant;
use domain::name::{TenantId, UtilityId, UtilityName};
use domain::request::Committed;
use mongodb::bson::{Document, doc};
use storage_documents::GrantDocument;

use crate::collections::{GRANTS, millis};
use crate::error::{Error, Result};
use crate::request::Remembered;
use crate::row::{Row, key};
use crate::session::Session;

/// Filter of a grant under the tenant whose utility it is.
pub(super) fn key_of(tenant: &TenantId, utility: &UtilityId, grantee: &str) -> Document {
    doc! { "_id": key(&[tenant.as_str(), utility.as_str(), grantee]), "tenant": tenant.as_str() }
}

/// A grant under the tenant whose utility it is.
pub(super) fn of_grant(grant: &Grant, document: &str, accepted: bool) -> Document {
    let (tenant, utility, grantee) = (grant.utility.tenant.as_str(), grant.utility.utility.as_str(), grant.grantee.to_string());
    let mut stored = doc! {
        "_id": key(&[tenant, utility, &grantee]),
        "tenant": tenant,
        "from": tenant,
        "utility": utility,
        "grantee": grantee,
        "document": document,
    };
    if let Some(expires) = grant.expires {
        stored.insert("expires", millis(expires));
    }
    if let Some(receiver) = grant.shared_with() {
        stored.insert("shared_with", receiver.as_str());
        stored.insert("accepted", accepted);
    }
    stored
}

/// A grant under the tenant that it is shared with.
pub(super) fn of_received(grant: &Grant, receiver: &TenantId, document: &str, accepted: bool) -> Document {
    let (tenant, utility) = (grant.utility.tenant.as_str(), grant.utility.utility.as_str());
    doc! {
        "_id": key(&[receiver.as_str(), tenant, utility]),
        "tenant": receiver.as_str(),
        "from": tenant,
        "utility": utility,
        "accepted": accepted,
        "document": document,
    }
}

/// Those of the grants that can be read: one that cannot be gives nothing, and hides no other.
pub(super) fn read_all(session: &Session, rows: &[Row]) -> Result<Vec<Grant>> {
    rows.iter().filter_map(|row| session.shared.readable(decode(row)).transpose()).collect()
}

pub(super) fn answer(tenant: &TenantId, remembered: Option<Remembered>) -> Result<Option<Committed<Grant>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", format!("{tenant}/.../{resource}"), source);
    // What another tenant shares is remembered by its full name.
    let utility = match resource.contains('/') {
        true => UtilityName::parse("name", &resource),
        false => UtilityId::parse("id", &resource).map(|utility| UtilityName { tenant: tenant.clone(), utility }),
    };
    let utility = utility.map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    let document = storage_documents::decode::<GrantDocument>(&text);
    let grant = document.and_then(|document| Ok(document.into_grant(utility)?)).map_err(broken)?;
    Ok(Some(Committed::Answered(Box::new(grant))))
}

/// The grant of a document under either tenant.
pub(super) fn decode(row: &Row) -> Result<Grant> {
    let broken = |source: domain::error::Source| Error::undecodable(GRANTS.name, row.key(), source);
    let utility = UtilityName {
        tenant: TenantId::parse("tenant", row.text("from")?).map_err(|error| broken(error.into()))?,
        utility: UtilityId::parse("utility", row.text("utility")?).map_err(|error| broken(error.into()))?,
    };
    let document = storage_documents::decode::<GrantDocument>(row.text("document")?);
    document.and_then(|document| Ok(document.into_grant(utility)?)).map_err(broken)
}
