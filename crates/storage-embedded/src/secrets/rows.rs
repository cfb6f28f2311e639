//! Rows of secrets, and answers to requests about them.

use domain::identity::Secret;
use domain::name::{SecretId, SecretName, TenantId};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::secret::{MAX_SECRETS, NamedSecret, SecretChange};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_documents::SecretDocument;
use storage_rules::{PageById, Refusal, Spot};

use crate::connection::integer;
use crate::contents;
use crate::cursor::limit;
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::vault::Vault;

const TABLE: &str = "secrets";
/// The name of the order of a list.
pub(super) const ORDER: &str = "secret";
/// What was used within it is not noted again.
const MINUTE: u64 = 60_000;

/// A page of the secrets of a tenant. One that cannot be read hides no other.
pub(super) fn list(connection: &Connection, vault: &Vault, tenant: &TenantId, page: &PageById) -> Result<Page<NamedSecret>> {
    const QUERY: &str = "SELECT id, document, used FROM secrets WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let mut rows = each(connection, QUERY, params![tenant.as_str(), page.after, limit(page)])?;
    let next = page.cut(&mut rows, |row| &row.id);
    let read = |row: Stored| vault.readable(TABLE, format!("{tenant}/{}", row.id), row.secret(tenant)).transpose();
    Ok(Page { items: rows.into_iter().filter_map(read).collect::<Result<_>>()?, next })
}

pub(super) fn find(connection: &Connection, tenant: &TenantId, id: &SecretId) -> Result<Option<NamedSecret>> {
    const QUERY: &str = "SELECT id, document, used FROM secrets WHERE tenant = ?1 AND id = ?2";
    each(connection, QUERY, params![tenant.as_str(), id.as_str()])?.pop().map(|row| row.secret(tenant)).transpose()
}

/// The revision of one that cannot be read.
pub(super) fn find_unreadable(connection: &Connection, vault: &Vault, name: &SecretName) -> Result<Option<Revision>> {
    const QUERY: &str = "SELECT revision FROM secrets WHERE tenant = ?1 AND id = ?2";
    let (tenant, id) = (&name.tenant, &name.secret);
    if vault.readable(TABLE, format!("{tenant}/{id}"), find(connection, tenant, id))?.is_some() {
        return Ok(None);
    }
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str(), id.as_str()], |row| row.get::<_, i64>(0));
    let revision = run().optional().map_err(during("reading the revision of a secret"))?;
    Ok(revision.and_then(|revision| u64::try_from(revision).ok()).map(Revision::from_stored))
}

/// A secret with its value: one row, so both are of one moment.
pub(super) fn open(connection: &Connection, vault: &Vault, name: &SecretName) -> Result<Option<(NamedSecret, Secret)>> {
    const QUERY: &str = "SELECT document, used, value FROM secrets WHERE tenant = ?1 AND id = ?2";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Vec<u8>>(2)?));
    let run = || connection.prepare_cached(QUERY)?.query_row(params![name.tenant.as_str(), name.secret.as_str()], row);
    let Some((document, used, sealed)) = run().optional().map_err(during("reading a secret"))? else { return Ok(None) };
    let secret = decode(name.clone(), &document, used)?;
    let spot = Spot::secret(&secret);
    let opened = contents::open(connection, vault, &name.tenant, &spot, &sealed)?;
    let value = spot.value::<Error>(&name.tenant, &opened)?;
    Ok(Some((secret, value)))
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
    let spot = Spot::secret(&change.secret);
    let seal = |value: &Secret| contents::seal(connection, vault, &change.secret.name.tenant, &spot, value.expose().as_bytes());
    let sealed = change.value.as_ref().map(seal).transpose()?;
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

/// Those of which no use within the minute is noted yet.
pub(super) fn not_used_since(connection: &Connection, tenant: &TenantId, ids: Vec<SecretId>, now: Timestamp) -> Result<Vec<SecretId>> {
    const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM secrets WHERE tenant = ?1 AND id = ?2 AND coalesce(used, 0) <= ?3)";
    let before = a_minute_before(now);
    let run = || -> rusqlite::Result<_> {
        let (mut statement, mut due) = (connection.prepare_cached(QUERY)?, Vec::new());
        for id in ids {
            if statement.query_row(params![tenant.as_str(), id.as_str(), before], |row| row.get(0))? {
                due.push(id);
            }
        }
        Ok(due)
    };
    run().map_err(during("looking when secrets were used"))
}

pub(super) fn note_uses(connection: &Connection, tenant: &TenantId, ids: &[SecretId], now: Timestamp) -> Result<()> {
    const QUERY: &str = "UPDATE secrets SET used = ?4 WHERE tenant = ?1 AND id = ?2 AND coalesce(used, 0) <= ?3";
    let before = a_minute_before(now);
    let run = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(QUERY)?;
        ids.iter().try_for_each(|id| statement.execute(params![tenant.as_str(), id.as_str(), before, integer(now.as_millis())]).map(drop))
    };
    run().map_err(during("noting uses of secrets"))
}

fn a_minute_before(now: Timestamp) -> i64 {
    integer(now.as_millis().saturating_sub(MINUTE))
}

/// That the tenant may have one more, which is there already: the write is taken back where it may not.
fn check_room(connection: &Connection, tenant: &TenantId) -> Result<()> {
    const QUERY: &str = "SELECT count(*) FROM secrets WHERE tenant = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, u32>(0));
    let count = run().map_err(during("looking how many secrets a tenant has"))?;
    if count as usize > MAX_SECRETS { Err(Refusal::Secrets { tenant: tenant.clone() }.into()) } else { Ok(()) }
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

/// A secret as it is stored.
struct Stored {
    id: String,
    /// A text that is none hides no other.
    document: rusqlite::Result<String>,
    used: Option<i64>,
}

impl Stored {
    fn secret(self, tenant: &TenantId) -> Result<NamedSecret> {
        let Stored { id, document, used } = self;
        let parsed = SecretId::parse("id", &id).map_err(|error| Error::undecodable(TABLE, format!("{tenant}/{id}"), error))?;
        decode(SecretName { tenant: tenant.clone(), secret: parsed }, &document.map_err(during("reading a secret"))?, used)
    }
}

fn each(connection: &Connection, query: &str, values: impl rusqlite::Params) -> Result<Vec<Stored>> {
    let row = |row: &rusqlite::Row<'_>| Ok(Stored { id: row.get(0)?, document: row.get(1), used: row.get(2)? });
    let run = || connection.prepare_cached(query)?.query_map(values, row)?.collect::<rusqlite::Result<Vec<_>>>();
    run().map_err(during("reading secrets"))
}
