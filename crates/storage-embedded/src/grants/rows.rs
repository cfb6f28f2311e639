//! Rows of grants, and what requests about them were answered with.

use domain::access::Grant;
use domain::name::{TenantId, UtilityId, UtilityName};
use domain::request::Committed;
use rusqlite::{Connection, Row};
use storage_documents::GrantDocument;

use crate::error::{Error, Result, during};
use crate::request::Remembered;
use crate::vault::Vault;

const TABLE: &str = "grants";

/// A grant as it is stored.
pub(super) struct Stored {
    pub(super) tenant: String,
    pub(super) utility: String,
    pub(super) grantee: String,
    /// A text that is none hides no other.
    document: rusqlite::Result<String>,
}

impl Stored {
    /// Reads tenant, utility, grantee and document.
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Stored { tenant: row.get(0)?, utility: row.get(1)?, grantee: row.get(2)?, document: row.get(3) })
    }

    /// The grant; `None` where it cannot be read, and so gives nothing.
    pub(super) fn grant(self, vault: &Vault) -> Result<Option<Grant>> {
        let Stored { tenant, utility, grantee, document } = self;
        let text = document.map_err(during("reading a grant"));
        let read = text.and_then(|text| decode(named(&tenant, &utility)?, &text));
        vault.readable(TABLE, format_args!("{tenant}/{utility}/{grantee}"), read)
    }
}

pub(super) fn named(tenant: &str, utility: &str) -> Result<UtilityName> {
    let broken = |error: domain::Error| Error::undecodable(TABLE, format!("{tenant}/{utility}"), error);
    Ok(UtilityName {
        tenant: TenantId::parse("tenant", tenant).map_err(broken)?,
        utility: UtilityId::parse("utility", utility).map_err(broken)?,
    })
}

pub(super) fn texts<T>(
    connection: &Connection,
    query: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(query)?.query_map(values, read)?.collect()
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
    Ok(Some(Committed::Answered(Box::new(decode(utility, &text)?))))
}

pub(super) fn decode(utility: UtilityName, text: &str) -> Result<Grant> {
    let place = utility.to_string();
    let document = storage_documents::decode::<GrantDocument>(text);
    let grant = document.and_then(|document| Ok(document.into_grant(utility)?));
    grant.map_err(|source| Error::undecodable(TABLE, place, source))
}
