//! Rows of API keys, and answers to their requests.

use domain::identity::{ApiKey, ApiKeyChange};
use domain::name::{ApiKeyId, ApiKeyName, PrincipalName, TenantId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage_documents::ApiKeyDocument;
use storage_rules::Cursor;

use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::vault::Vault;

const TABLE: &str = "api_keys";
const ORDER: &str = "api_key";

/// The keys of an account and which page of them.
pub(super) struct List {
    tenant: TenantId,
    account: PrincipalName,
    size: usize,
    after: String,
}

impl List {
    pub(super) fn new(tenant: TenantId, account: PrincipalName, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        let after = after.map_or_else(String::new, |cursor| cursor.id);
        Ok(List { tenant, account, size: page.size.clamp(1, MAX_PAGE) as usize, after })
    }

    pub(super) fn page(&self, connection: &Connection, vault: &Vault) -> Result<Page<ApiKey>> {
        const QUERY: &str = "SELECT account, id, last_used, document FROM api_keys \
             WHERE tenant = ?1 AND account = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
        let doing = "listing API keys";
        let limit = i64::try_from(self.size + 1).expect("a page is small");
        let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
        let mut rows = statement.query(params![self.tenant.as_str(), self.account.as_str(), self.after, limit]).map_err(during(doing))?;
        let (mut items, mut looked_at, mut last) = (Vec::new(), 0, String::new());
        while let Some(row) = rows.next().map_err(during(doing))? {
            if looked_at == self.size {
                let next = Cursor { millis: 0, id: last }.encode(ORDER);
                return Ok(Page { items, next: Some(next) });
            }
            let id: String = row.get(1).map_err(during(doing))?;
            let key = read(row).map_err(during(doing)).flatten();
            items.extend(vault.readable(TABLE, format_args!("{}/apiKeys/{id}", self.account), key)?);
            (looked_at, last) = (looked_at + 1, id);
        }
        Ok(Page { items, next: None })
    }
}

pub(super) fn find_shown(connection: &Connection, id: &ApiKeyId) -> Result<Option<ApiKey>> {
    const QUERY: &str = "SELECT account, id, last_used, document FROM api_keys WHERE id = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([id.as_str()], read);
    run().optional().map_err(during("reading an API key"))?.transpose()
}

pub(super) fn find(connection: &Connection, tenant: &TenantId, account: &PrincipalName, id: &ApiKeyId) -> Result<Option<ApiKey>> {
    const QUERY: &str = "SELECT account, id, last_used, document FROM api_keys WHERE tenant = ?1 AND account = ?2 AND id = ?3";
    let key = params![tenant.as_str(), account.as_str(), id.as_str()];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, read);
    run().optional().map_err(during("reading an API key"))?.transpose()
}

pub(super) fn commit(
    connection: &Connection,
    tenant: &TenantId,
    change: &ApiKeyChange,
    now: Timestamp,
    since: Timestamp,
) -> Result<Committed<ApiKey>> {
    if let Some(key) = &change.request
        && let Some(answered) = answer(request::find(connection, tenant, key, since)?)?
    {
        return Ok(answered);
    }
    let document = storage_documents::encode(&ApiKeyDocument::from(&change.key));
    let stored = match change.expected {
        Expected::Absent => insert(connection, tenant, &change.key, &document),
        Expected::Revision(revision) => update(connection, tenant, &change.key, &document, revision),
    };
    if stored.map_err(during("storing an API key"))? == 0 {
        return Ok(Committed::Conflict);
    }
    if let Some(key) = &change.request {
        request::remember(connection, tenant, key, now, &change.key.name().to_string(), Some(&document))?;
    }
    Ok(Committed::Stored)
}

pub(super) fn note_use(connection: &Connection, tenant: &TenantId, id: &ApiKeyId, at: Timestamp) -> Result<()> {
    const QUERY: &str = "UPDATE api_keys SET last_used = max(coalesce(last_used, 0), ?3) WHERE id = ?2 AND tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.execute(params![tenant.as_str(), id.as_str(), integer(at.as_millis())]);
    run().map(drop).map_err(during("noting the use of an API key"))
}

fn insert(connection: &Connection, tenant: &TenantId, key: &ApiKey, document: &str) -> rusqlite::Result<usize> {
    const QUERY: &str = "INSERT INTO api_keys (tenant, account, id, revision, document) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let row = params![tenant.as_str(), key.account.as_str(), key.id.as_str(), integer(key.revision.as_u64()), document];
    connection.prepare_cached(QUERY)?.execute(row)
}

fn update(connection: &Connection, tenant: &TenantId, key: &ApiKey, document: &str, expected: Revision) -> rusqlite::Result<usize> {
    const QUERY: &str = "UPDATE api_keys SET revision = ?4, document = ?5 \
         WHERE tenant = ?1 AND account = ?2 AND id = ?3 AND revision = ?6";
    let (revision, expected) = (integer(key.revision.as_u64()), integer(expected.as_u64()));
    let row = params![tenant.as_str(), key.account.as_str(), key.id.as_str(), revision, document, expected];
    connection.prepare_cached(QUERY)?.execute(row)
}

pub(super) fn answer(remembered: Option<Remembered>) -> Result<Option<Committed<ApiKey>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let name = ApiKeyName::parse("name", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    Ok(Some(Committed::Answered(Box::new(decode(&name, None, &text)?))))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<ApiKey>> {
    let (account, id): (String, String) = (row.get(0)?, row.get(1)?);
    let last_used: Option<i64> = row.get(2)?;
    let (last_used, text) = (last_used.map(|at| Timestamp::from_millis(at.unsigned_abs())), row.get_ref(3)?.as_str()?);
    let name = format!("{account}/apiKeys/{id}");
    let name = ApiKeyName::parse("name", &name).map_err(|error| Error::undecodable(TABLE, name, error));
    Ok(name.and_then(|name| decode(&name, last_used, text)))
}

fn decode(name: &ApiKeyName, last_used: Option<Timestamp>, text: &str) -> Result<ApiKey> {
    let document = storage_documents::decode::<ApiKeyDocument>(text);
    let key = document.and_then(|document| Ok(document.into_api_key(name.account.clone(), name.key.clone(), last_used)?));
    key.map_err(|source| Error::undecodable(TABLE, name.to_string(), source))
}
