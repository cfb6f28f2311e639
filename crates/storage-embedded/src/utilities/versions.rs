//! Reads of versions.

use domain::name::{TenantId, UtilityId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::utility::{Version, VersionHead};
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage_documents::VersionDocument;
use storage_rules::{Cursor, PAGE_BYTES, Spot, malformed};

use super::epoch;
use crate::contents;
use crate::error::{Error, Result, during};
use crate::vault::Vault;

const TABLE: &str = "versions";
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
            Some(text) => Cursor::decode(text, ORDER)?.id.parse().map_err(|_no_number| malformed())?,
        };
        Ok(VersionPage { size: page.size.clamp(1, MAX_PAGE), below })
    }
}

/// The code of a version as its row has it.
pub(super) struct StoredCode<'a> {
    /// Empty where it is sealed.
    plain: &'a str,
    sealed: Option<&'a [u8]>,
}

impl<'a> StoredCode<'a> {
    /// From the columns `code` and `sealed`, the first of which has this index.
    pub(super) fn read(row: &'a Row<'_>, index: usize) -> rusqlite::Result<Self> {
        Ok(StoredCode { plain: row.get_ref(index)?.as_str()?, sealed: row.get_ref(index + 1)?.as_blob_or_null()? })
    }
}

pub(super) fn find(connection: &Connection, vault: &Vault, tenant: &TenantId, id: &UtilityId, number: u32) -> Result<Option<Version>> {
    const QUERY: &str = "SELECT v.document, c.code, c.sealed FROM versions v \
         JOIN version_code c ON c.tenant = v.tenant AND c.id = v.id AND c.number = v.number \
         WHERE v.tenant = ?1 AND v.id = ?2 AND v.number = ?3";
    let decoded = |row: &Row<'_>| {
        let code = StoredCode::read(row, 1)?;
        Ok(decode(connection, vault, (tenant, id, number), row.get_ref(0)?.as_str()?, &code))
    };
    let run = || connection.prepare_cached(QUERY)?.query_row(params![tenant.as_str(), id.as_str(), number], decoded);
    run().optional().map_err(during("reading a version"))?.transpose()
}

/// Newest first. Ends early when the page grows heavy.
pub(super) fn page(
    connection: &Connection,
    vault: &Vault,
    (tenant, id): (&TenantId, &UtilityId),
    page: &VersionPage,
) -> Result<Page<VersionHead>> {
    const QUERY: &str =
        "SELECT number, document, code_bytes FROM versions WHERE tenant = ?1 AND id = ?2 AND number < ?3 ORDER BY number DESC LIMIT ?4";
    let doing = "listing versions";
    let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
    let mut rows = statement.query(params![tenant.as_str(), id.as_str(), page.below, page.size + 1]).map_err(during(doing))?;
    let (mut items, mut bytes, mut looked_at, mut last) = (Vec::new(), 0, 0, 0);
    while let Some(row) = rows.next().map_err(during(doing))? {
        if looked_at == page.size || bytes >= PAGE_BYTES {
            let next = Cursor { millis: 0, id: last.to_string() }.encode(ORDER);
            return Ok(Page { items, next: Some(next) });
        }
        let number: u32 = row.get(0).map_err(during(doing))?;
        let read = || Ok((row.get_ref(1)?.as_str()?, row.get::<_, i64>(2)?.unsigned_abs()));
        let head = read().map_err(during(doing)).and_then(|(document, code_bytes)| {
            bytes += document.len();
            decode_head(tenant, id, number, document, code_bytes)
        });
        items.extend(vault.readable(TABLE, format_args!("{tenant}/{id}/{number}"), head)?);
        (looked_at, last) = (looked_at + 1, number);
    }
    Ok(Page { items, next: None })
}

/// Takes note that a version compiles on the runtime with this digest; does nothing where there is no such version.
pub(super) fn mark_compiled(connection: &Connection, tenant: &TenantId, id: &UtilityId, number: u32, digest: String) -> Result<()> {
    const FIND: &str = "SELECT document, code_bytes FROM versions WHERE tenant = ?1 AND id = ?2 AND number = ?3";
    const STORE: &str = "UPDATE versions SET document = ?4 WHERE tenant = ?1 AND id = ?2 AND number = ?3";
    let doing = "marking a version as compiled";
    let decoded = |row: &Row<'_>| Ok(decode_head(tenant, id, number, row.get_ref(0)?.as_str()?, row.get::<_, i64>(1)?.unsigned_abs()));
    let find = || connection.prepare_cached(FIND)?.query_row(params![tenant.as_str(), id.as_str(), number], decoded);
    let Some(mut head) = find().optional().map_err(during(doing))?.transpose()? else { return Ok(()) };
    head.compiled_on = Some(digest);
    let row = params![tenant.as_str(), id.as_str(), number, storage_documents::encode(&VersionDocument::from(&head))];
    let store = || connection.prepare_cached(STORE)?.execute(row);
    store().map_err(during(doing))?;
    epoch::advance(connection, tenant)
}

pub(super) fn decode(
    connection: &Connection,
    vault: &Vault,
    (tenant, id, number): (&TenantId, &UtilityId, u32),
    text: &str,
    code: &StoredCode<'_>,
) -> Result<Version> {
    let spot = Spot::code(id.as_str(), number);
    let opened = match code.sealed {
        Some(sealed) => Some(contents::open_text(connection, vault, tenant, &spot, sealed)?),
        None => contents::may_be_plain(vault, tenant, &spot).map(|()| None)?,
    };
    let code = opened.as_deref().map_or(code.plain, String::as_str);
    let document = storage_documents::decode::<VersionDocument>(text);
    let version = document.and_then(|document| Ok(document.into_version(number, code)?));
    version.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{id}/{number}"), source))
}

fn decode_head(tenant: &TenantId, id: &UtilityId, number: u32, text: &str, code_bytes: u64) -> Result<VersionHead> {
    let document = storage_documents::decode::<VersionDocument>(text);
    let head = document.and_then(|document| Ok(document.into_head(number, code_bytes)?));
    head.map_err(|source| Error::undecodable(TABLE, format!("{tenant}/{id}/{number}"), source))
}
