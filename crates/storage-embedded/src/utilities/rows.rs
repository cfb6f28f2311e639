//! Rows of utilities, and answers to their requests.

use domain::name::{TenantId, UtilityId};
use domain::request::Committed;
use domain::utility::{Utility, Version};
use rusqlite::{Connection, OptionalExtension, params};
use storage_documents::{UtilityDocument, VersionDocument};

use super::versions;
use crate::error::{Error, Result, during};
use crate::request::Remembered;
use crate::vault::Vault;

pub(super) const TABLE: &str = "utilities";

pub(super) fn find(connection: &Connection, tenant: &TenantId, id: &UtilityId) -> Result<Option<Utility>> {
    const QUERY: &str = "SELECT document FROM utilities WHERE tenant = ?1 AND id = ?2";
    let decoded = |row: &rusqlite::Row<'_>| Ok(decode(tenant, id, row.get_ref(0)?.as_str()?));
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str()], decoded);
    run().optional().map_err(during("reading a utility"))?.transpose()
}

pub(super) fn find_current(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    id: &UtilityId,
) -> Result<Option<(Utility, Version)>> {
    const QUERY: &str = "SELECT u.document, v.number, v.document, c.code, c.sealed FROM utilities u \
         JOIN versions v ON v.tenant = u.tenant AND v.id = u.id AND v.number = u.latest_version \
         JOIN version_code c ON c.tenant = u.tenant AND c.id = u.id AND c.number = u.latest_version \
         WHERE u.tenant = ?1 AND u.id = ?2";
    let decoded = |row: &rusqlite::Row<'_>| {
        let utility = decode(tenant, id, row.get_ref(0)?.as_str()?);
        let code = versions::StoredCode::read(row, 3)?;
        let version = versions::decode(connection, vault, (tenant, id, row.get(1)?), row.get_ref(2)?.as_str()?, &code);
        Ok(utility.and_then(|utility| Ok((utility, version?))))
    };
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str()], decoded);
    run().optional().map_err(during("reading a utility with its version"))?.transpose()
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

fn decode(tenant: &TenantId, id: &UtilityId, text: &str) -> Result<Utility> {
    let document = storage_documents::decode::<UtilityDocument>(text);
    let utility = document.and_then(|document| Ok(document.into_utility(tenant.clone(), id.clone())?));
    utility.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{id}"), source))
}

pub(super) fn encode(utility: &Utility) -> String {
    storage_documents::encode(&UtilityDocument::from(utility))
}

pub(super) fn encode_version(version: &Version) -> String {
    storage_documents::encode(&VersionDocument::from(&version.head))
}
