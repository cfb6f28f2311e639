//! Rows of secrets, and answers to requests about them.

use domain::identity::Secret;
use domain::name::{SecretId, SecretName, TenantId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::request::{Committed, Expected};
use domain::secret::{MAX_SECRETS, NamedSecret, SecretChange};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_documents::SecretDocument;

use super::value::{self, TABLE};
use crate::connection::integer;
use crate::cursor::Cursor;
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::vault::Vault;

const ORDER: &str = "secret";
/// What was used within it is not noted again.
const MINUTE: u64 = 60_000;

/// The secrets of a tenant and which page of them.
pub(super) struct List {
    tenant: TenantId,
    size: usize,
    after: String,
}

impl List {
    pub(super) fn new(tenant: TenantId, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        let after = after.map_or_else(String::new, |cursor| cursor.id);
        Ok(List { tenant, after, size: page.size.clamp(1, MAX_PAGE) as usize })
    }

    pub(super) fn page(&self, connection: &Connection) -> Result<Page<NamedSecret>> {
        const QUERY: &str = "SELECT id, document, used FROM secrets WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let limit = i64::try_from(self.size + 1).expect("a page is small");
        let mut items = many(connection, &self.tenant, QUERY, params![self.tenant.as_str(), self.after, limit])?;
        let more = items.len() > self.size;
        items.truncate(self.size);
        let last = items.last().filter(|_| more);
        let next = last.map(|last| Cursor { millis: 0, id: last.name.secret.to_string() }.encode(ORDER));
        Ok(Page { items, next })
    }
}

pub(super) fn find(connection: &Connection, tenant: &TenantId, id: &SecretId) -> Result<Option<NamedSecret>> {
    const QUERY: &str = "SELECT id, document, used FROM secrets WHERE tenant = ?1 AND id = ?2";
    Ok(many(connection, tenant, QUERY, params![tenant.as_str(), id.as_str()])?.pop())
}

/// A secret with its value: one row, so both are of one moment.
pub(super) fn open(connection: &Connection, vault: &Vault, name: &SecretName) -> Result<Option<(NamedSecret, Secret)>> {
    const QUERY: &str = "SELECT document, used, value FROM secrets WHERE tenant = ?1 AND id = ?2";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Vec<u8>>(2)?));
    let run = || connection.prepare_cached(QUERY)?.query_row(params![name.tenant.as_str(), name.secret.as_str()], row);
    let Some((document, used, sealed)) = run().optional().map_err(during("reading a secret"))? else { return Ok(None) };
    Ok(Some((decode(name.clone(), &document, used)?, value::unseal(connection, vault, name, &sealed)?)))
}

pub(super) fn commit(
    connection: &Connection,
    vault: &Vault,
    change: &SecretChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<NamedSecret>> {
    let name = &change.secret.name;
    if let Some(key) = &change.request
        && let Some(answered) = answer(request::find(connection, &name.tenant, key, since)?)?
    {
        return Ok(answered);
    }
    let document = storage_documents::encode(&SecretDocument::from(&change.secret));
    let sealed = change.value.as_ref().map(|value| value::seal(connection, vault, name, value)).transpose()?;
    let stored = match (change.expected, sealed) {
        (Expected::Absent, Some(sealed)) => insert(connection, &change.secret, &document, &sealed),
        (Expected::Absent, None) => return Err(Error::Misused("a new secret without a value")),
        (Expected::Revision(revision), _) if change.deletes => delete(connection, name, integer(revision.as_u64())),
        (Expected::Revision(revision), sealed) => {
            update(connection, &change.secret, &document, sealed.as_deref(), integer(revision.as_u64()))
        }
    };
    if stored.map_err(during("storing a secret"))? == 0 {
        return Ok(Committed::Conflict);
    }
    if change.expected == Expected::Absent {
        check_room(connection, &name.tenant)?;
    }
    if let Some(key) = &change.request {
        request::remember(connection, &name.tenant, key, now, &name.to_string(), Some(&document))?;
    }
    Ok(Committed::Stored)
}

/// Whether a use within the minute is noted, or there is nothing to note it of.
pub(super) fn is_used_since(connection: &Connection, tenant: &TenantId, id: &SecretId, now: Timestamp) -> Result<bool> {
    const QUERY: &str = "SELECT NOT EXISTS (SELECT 1 FROM secrets WHERE tenant = ?1 AND id = ?2 AND coalesce(used, 0) <= ?3)";
    let values = params![tenant.as_str(), id.as_str(), a_minute_before(now)];
    let run = || connection.prepare_cached(QUERY)?.query_row(values, |row| row.get(0));
    run().map_err(during("looking when a secret was used"))
}

pub(super) fn note_use(connection: &Connection, tenant: &TenantId, id: &SecretId, now: Timestamp) -> Result<()> {
    const QUERY: &str = "UPDATE secrets SET used = ?4 WHERE tenant = ?1 AND id = ?2 AND coalesce(used, 0) <= ?3";
    let values = params![tenant.as_str(), id.as_str(), a_minute_before(now), integer(now.as_millis())];
    let run = || connection.prepare_cached(QUERY)?.execute(values);
    run().map(drop).map_err(during("noting the use of a secret"))
}

fn a_minute_before(now: Timestamp) -> i64 {
    integer(now.as_millis().saturating_sub(MINUTE))
}

/// That the tenant may have one more, which is there already: the write is taken back where it may not.
fn check_room(connection: &Connection, tenant: &TenantId) -> Result<()> {
    const QUERY: &str = "SELECT count(*) FROM secrets WHERE tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, u32>(0));
    let count = run().map_err(during("looking how many secrets a tenant has"))?;
    if count as usize > MAX_SECRETS { Err(Error::TooManySecrets { tenant: tenant.clone() }) } else { Ok(()) }
}

fn insert(connection: &Connection, secret: &NamedSecret, document: &str, sealed: &[u8]) -> rusqlite::Result<usize> {
    const QUERY: &str = "INSERT INTO secrets (tenant, id, revision, document, value) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let (tenant, id, revision) = (secret.name.tenant.as_str(), secret.name.secret.as_str(), integer(secret.revision.as_u64()));
    connection.prepare_cached(QUERY)?.execute(params![tenant, id, revision, document, sealed])
}

fn update(connection: &Connection, secret: &NamedSecret, document: &str, sealed: Option<&[u8]>, expected: i64) -> rusqlite::Result<usize> {
    const QUERY: &str = "UPDATE secrets SET revision = ?3, document = ?4, value = coalesce(?5, value) \
         WHERE tenant = ?1 AND id = ?2 AND revision = ?6";
    let (tenant, id, revision) = (secret.name.tenant.as_str(), secret.name.secret.as_str(), integer(secret.revision.as_u64()));
    connection.prepare_cached(QUERY)?.execute(params![tenant, id, revision, document, sealed, expected])
}

fn delete(connection: &Connection, name: &SecretName, expected: i64) -> rusqlite::Result<usize> {
    const QUERY: &str = "DELETE FROM secrets WHERE tenant = ?1 AND id = ?2 AND revision = ?3";
    connection.prepare_cached(QUERY)?.execute(params![name.tenant.as_str(), name.secret.as_str(), expected])
}

pub(super) fn answer(remembered: Option<Remembered>) -> Result<Option<Committed<NamedSecret>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let name = SecretName::parse("name", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    let document = storage_documents::decode::<SecretDocument>(&text);
    let secret = document.and_then(|document| Ok(document.into_secret(name)?)).map_err(broken)?;
    Ok(Some(Committed::Answered(Box::new(secret))))
}

/// A secret from its row, which knows when it was used last.
fn decode(name: SecretName, text: &str, used: Option<i64>) -> Result<NamedSecret> {
    let place = name.to_string();
    let document = storage_documents::decode::<SecretDocument>(text);
    let secret = document.and_then(|document| Ok(document.into_secret(name)?));
    let last_used = used.and_then(|millis| u64::try_from(millis).ok()).map(Timestamp::from_millis);
    Ok(NamedSecret { last_used, ..secret.map_err(|source| Error::undecodable(TABLE, place, source))? })
}

fn many(connection: &Connection, tenant: &TenantId, query: &str, values: impl rusqlite::Params) -> Result<Vec<NamedSecret>> {
    let run = || {
        let mut statement = connection.prepare_cached(query)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<i64>>(2)?));
        statement.query_map(values, row)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    let found = run().map_err(during("reading secrets"))?;
    let secret = |(id, text, used): (String, String, Option<i64>)| {
        let parsed = SecretId::parse("id", &id).map_err(|error| Error::undecodable(TABLE, format!("{tenant}/{id}"), error))?;
        decode(SecretName { tenant: tenant.clone(), secret: parsed }, &text, used)
    };
    found.into_iter().map(secret).collect()
}
