//! Documents of utilities, and answers to their requests.

use domain::name::{TenantId, UtilityId};
use domain::request::Committed;
use domain::utility::{Utility, Version};
use mongodb::bson::{Document, doc};
use storage_documents::{UtilityDocument, VersionDocument};

use super::names::{id_of, key_of, version_id};
use super::versions;
use crate::collections::{UTILITIES, millis};
use crate::error::{Error, Result};
use crate::request::Remembered;
use crate::row::{Row, integer};
use crate::session::Session;

/// What a utility's current version imports, as it is stored and asked for.
pub(super) fn import(runtime: &str, module: &str) -> String {
    format!("{runtime}/{module}")
}

pub(super) async fn find(session: &mut Session, tenant: &TenantId, id: &UtilityId) -> Result<Option<Utility>> {
    let row = session.find_one(UTILITIES.name, key_of(tenant, id)).await?;
    row.map(|row| decode(tenant, &row)).transpose()
}

/// The utility first, and then the version that it names, which never changes: both are of one moment.
pub(super) async fn find_current(session: &mut Session, tenant: &TenantId, id: &UtilityId) -> Result<Option<(Utility, Version)>> {
    let Some(utility) = find(session, tenant, id).await? else { return Ok(None) };
    let version = versions::find(session, tenant, id, utility.latest_version).await?;
    // It was removed meanwhile, or is as good as removed.
    Ok(version.map(|version| (utility, version)))
}

pub(super) fn answer(tenant: &TenantId, remembered: Option<Remembered>) -> Result<Option<Committed<Utility>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source| Error::undecodable("requests", format!("{tenant}/.../{resource}"), source);
    let id = UtilityId::parse("id", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    let utility = storage_documents::decode::<UtilityDocument>(&text).map_err(broken)?.into_utility(tenant.clone(), id);
    Ok(Some(Committed::Answered(Box::new(utility.map_err(|error| broken(error.into()))?))))
}

pub(super) fn decode(tenant: &TenantId, row: &Row) -> Result<Utility> {
    let broken = |source| Error::undecodable(UTILITIES.name, row.key(), source);
    let id = UtilityId::parse("id", row.text("id")?).map_err(|error| broken(error.into()))?;
    let document = storage_documents::decode::<UtilityDocument>(row.text("document")?);
    document.and_then(|document| Ok(document.into_utility(tenant.clone(), id)?)).map_err(broken)
}

pub(super) fn encode(utility: &Utility) -> String {
    storage_documents::encode(&UtilityDocument::from(utility))
}

pub(super) fn of_utility(utility: &Utility) -> Document {
    let (tenant, id) = (&utility.name.tenant, &utility.name.utility);
    let runtime = &*utility.definition.runtime;
    let imports: Vec<String> = utility.imports.iter().map(|module| import(runtime, module)).collect();
    doc! {
        "_id": id_of(tenant, id),
        "tenant": tenant.as_str(),
        "id": id.as_str(),
        "kind": utility.definition.kind.as_str(),
        "owner": utility.owner.as_str(),
        "deleted": utility.deleted.is_some(),
        "created": millis(utility.created),
        "updated": millis(utility.updated),
        "revision": integer(utility.revision.as_u64()),
        "latest_version": i64::from(utility.latest_version),
        "tags": utility.metadata.tags.clone(),
        "imports": imports,
        "copied": utility.lineage.is_some(),
        "document": encode(utility),
    }
}

pub(super) fn of_version(tenant: &TenantId, id: &UtilityId, version: &Version) -> Document {
    doc! {
        "_id": version_id(tenant, id, version.number),
        "tenant": tenant.as_str(),
        "id": id.as_str(),
        "number": i64::from(version.number),
        "code_bytes": integer(version.code_bytes),
        "document": storage_documents::encode(&VersionDocument::from(&version.head)),
    }
}
