//! Reads of versions.

use domain::name::{TenantId, UtilityId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::utility::Version;
use rusqlite::{Connection, OptionalExtension, params};
use storage_documents::VersionDocument;

use crate::cursor::{self, Cursor, PAGE_BYTES};
use crate::error::{Error, Result, during};

const ORDER: &str = "version";

/// A page of versions, its token read.
pub(super) struct VersionPage {
    size: u32,
    below: i64,
}

impl VersionPage {
    pub(super) fn new(page: &PageRequest) -> domain::Result<Self> {
        let below = match &page.after {
            None => i64::MAX,
            Some(text) => Cursor::decode(text, ORDER)?.id.parse().map_err(|_no_number| cursor::malformed())?,
        };
        Ok(VersionPage { size: page.size.clamp(1, MAX_PAGE), below })
    }
}

pub(super) fn find(connection: &Connection, tenant: &TenantId, id: &UtilityId, number: u32) -> Result<Option<Version>> {
    const QUERY: &str = "SELECT document, code FROM versions WHERE tenant = ?1 AND id = ?2 AND number = ?3";
    let decoded = |row: &rusqlite::Row<'_>| Ok(decode(tenant, id, number, row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?));
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str(), number], decoded);
    run().optional().map_err(during("reading a version"))?.transpose()
}

/// Newest first. Ends early when the page grows heavy.
pub(super) fn page(connection: &Connection, tenant: &TenantId, id: &UtilityId, page: &VersionPage) -> Result<Page<Version>> {
    const QUERY: &str =
        "SELECT number, document, code FROM versions WHERE tenant = ?1 AND id = ?2 AND number < ?3 ORDER BY number DESC LIMIT ?4";
    let doing = "listing versions";
    let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
    let mut rows = statement.query(params![tenant.as_str(), id.as_str(), page.below, page.size + 1]).map_err(during(doing))?;
    let (mut items, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().map_err(during(doing))? {
        if items.len() == page.size as usize || bytes >= PAGE_BYTES {
            let last = items.last().map(|version: &Version| version.number.to_string());
            let next = last.map(|id| Cursor { millis: 0, id }.encode(ORDER));
            return Ok(Page { items, next });
        }
        let text = |index| row.get_ref(index).and_then(|value| Ok(value.as_str()?));
        let (number, document, code) =
            (row.get(0).map_err(during(doing))?, text(1).map_err(during(doing))?, text(2).map_err(during(doing))?);
        bytes += document.len() + code.len();
        items.push(decode(tenant, id, number, document, code)?);
    }
    Ok(Page { items, next: None })
}

pub(super) fn decode(tenant: &TenantId, id: &UtilityId, number: u32, text: &str, code: &str) -> Result<Version> {
    let document = storage_documents::decode::<VersionDocument>(text);
    let version = document.and_then(|document| Ok(document.into_version(number, code)?));
    version.map_err(|source| Error::undecodable("versions", format!("{tenant}/{id}/{number}"), source))
}
