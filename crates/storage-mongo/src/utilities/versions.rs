//! Reads of versions.

use domain::name::{TenantId, UtilityId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::utility::{Version, VersionHead};
use mongodb::bson::doc;
use storage_documents::VersionDocument;
use storage_rules::{Cursor, PAGE_BYTES, Spot, malformed};

use super::epoch;
use super::names::version_id;
use crate::collections::{VERSION_CODE, VERSIONS};
use crate::contents;
use crate::error::{Error, Result};
use crate::row::Row;
use crate::session::{Select, Session};

const ORDER: &str = "version";

/// A page of versions, its token read.
pub(super) struct VersionPage {
    size: usize,
    below: i64,
}

impl VersionPage {
    pub(super) fn new(page: &PageRequest) -> domain::Result<Self> {
        let below = match &page.after {
            None => i64::MAX,
            Some(text) => Cursor::decode(text, ORDER)?.id.parse().map_err(|_no_number| malformed())?,
        };
        Ok(VersionPage { size: page.size.clamp(1, MAX_PAGE) as usize, below })
    }
}

pub(super) async fn find(session: &mut Session, tenant: &TenantId, id: &UtilityId, number: u32) -> Result<Option<Version>> {
    let key = doc! { "_id": version_id(tenant, id, number), "tenant": tenant.as_str() };
    let Some(head) = session.find_one(VERSIONS.name, key.clone()).await? else { return Ok(None) };
    let Some(code) = session.find_one(VERSION_CODE.name, key).await? else { return Ok(None) };
    let document = storage_documents::decode::<VersionDocument>(head.text("document")?);
    let code = contents::open_text(session, tenant, &Spot::code(id.as_str(), number), code.bytes("sealed")?).await?;
    let version = document.and_then(|document| Ok(document.into_version(number, code.as_str())?));
    version.map(Some).map_err(|source| Error::undecodable(VERSIONS.name, head.key(), source))
}

/// Newest first. Ends early when the page grows heavy.
pub(super) async fn page(session: &mut Session, tenant: &TenantId, id: &UtilityId, page: &VersionPage) -> Result<Page<VersionHead>> {
    let filter = doc! { "tenant": tenant.as_str(), "id": id.as_str(), "number": { "$lt": page.below } };
    let rows = session.find(VERSIONS.name, filter, Select::sorted(doc! { "number": -1 }, page.size + 1)).await?;
    let (mut items, mut bytes, mut last) = (Vec::new(), 0, None);
    for (looked_at, row) in rows.iter().enumerate() {
        if looked_at == page.size || bytes >= PAGE_BYTES {
            let next = last.map(|number: u64| Cursor { millis: 0, id: number.to_string() }.encode(ORDER));
            return Ok(Page { items, next });
        }
        bytes += row.text("document").map_or(0, str::len);
        last = Some(row.number("number")?);
        items.extend(session.shared.readable(head(row))?);
    }
    Ok(Page { items, next: None })
}

/// Takes note that a version compiles on the runtime with this digest; does nothing where there is no such version.
pub(super) async fn mark_compiled(session: &mut Session, tenant: &TenantId, id: &UtilityId, number: u32, digest: &str) -> Result<()> {
    let key = doc! { "_id": version_id(tenant, id, number), "tenant": tenant.as_str() };
    let Some(row) = session.find_one(VERSIONS.name, key.clone()).await? else { return Ok(()) };
    let mut head = head(&row)?;
    head.compiled_on = Some(digest.to_owned());
    let document = storage_documents::encode(&VersionDocument::from(&head));
    session.update(VERSIONS.name, key, doc! { "$set": { "document": document } }).await?;
    epoch::advance(session, tenant).await
}

fn head(row: &Row) -> Result<VersionHead> {
    let number = u32::try_from(row.number("number")?).map_err(|_too_large| row.broken("number"))?;
    let code_bytes = row.number("code_bytes")?;
    let document = storage_documents::decode::<VersionDocument>(row.text("document")?);
    let head = document.and_then(|document| Ok(document.into_head(number, code_bytes)?));
    head.map_err(|source| Error::undecodable(VERSIONS.name, row.key(), source))
}
