//! Rows of users and service accounts, and answers to their requests.

use domain::access::Grantee;
use domain::event::Happened;
use domain::identity::{DELETION_REMEMBERED, Principal, PrincipalChange, PrincipalQuery};
use domain::name::{PrincipalKind, PrincipalName, TenantId};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use storage_documents::PrincipalDocument;
use storage_rules::{Cursor, Person, Trouble};

use crate::connection::integer;
use crate::cursor::Conditions;
use crate::error::{Error, Result, during};
use crate::events;
use crate::request::{self, Remembered};
use crate::vault::Vault;

const TABLE: &str = "principals";
const ORDER: &str = "principal";
/// What is sealed of a user, as its place names it.
const DISPLAY_NAME: &str = "display_name";
/// What a user is shown to be called where that does not open: nobody is kept from signing in, or from being disabled, by it.
const UNREADABLE: &str = "(cannot be opened)";
/// Deletions that are forgotten with each one that is remembered: more than one, so that they do not pile up.
const FORGOTTEN_AT_ONCE: u32 = 16;

/// A list of principals and which page of it.
pub(super) struct List {
    tenant: TenantId,
    query: PrincipalQuery,
    size: usize,
    after: Option<Cursor>,
}

impl List {
    pub(super) fn new(tenant: TenantId, query: PrincipalQuery, page: &PageRequest) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        Ok(List { tenant, query, size: page.size.clamp(1, MAX_PAGE) as usize, after })
    }

    pub(super) fn page(&self, connection: &Connection, vault: &Vault) -> Result<Page<Principal>> {
        let doing = "listing principals";
        let (sql, values) = self.sql();
        let mut statement = connection.prepare_cached(&sql).map_err(during(doing))?;
        let mut rows = statement.query(params_from_iter(values)).map_err(during(doing))?;
        let (mut items, mut looked_at, mut last) = (Vec::new(), 0, String::new());
        while let Some(row) = rows.next().map_err(during(doing))? {
            if looked_at == self.size {
                let next = Cursor { millis: 0, id: last }.encode(ORDER);
                return Ok(Page { items, next: Some(next) });
            }
            let id: String = row.get(0).map_err(during(doing))?;
            let text = row.get::<_, String>(1).map_err(during(doing));
            let read = text.and_then(|text| decode(connection, vault, &self.name(&id)?, &text));
            items.extend(vault.readable(TABLE, format_args!("{}/{}/{id}", self.tenant, kind(self.query.kind)), read)?);
            (looked_at, last) = (looked_at + 1, id);
        }
        Ok(Page { items, next: None })
    }

    fn sql(&self) -> (String, Vec<Value>) {
        let mut conditions = Conditions::default();
        conditions.add("tenant = ?", [self.tenant.to_string().into()]);
        conditions.add("kind = ?", [kind(self.query.kind).to_owned().into()]);
        if let Some(only) = &self.query.only {
            // Somebody of another tenant or kind reaches nobody here.
            let is_here = *only.tenant() == self.tenant && only.kind() == self.query.kind;
            conditions.add("id = ?", [if is_here { only.id().to_owned().into() } else { Value::Null }]);
        }
        if let Some(after) = &self.after {
            conditions.add("id > ?", [after.id.clone().into()]);
        }
        conditions.values.push(Value::Integer(i64::try_from(self.size + 1).expect("a page is small")));
        (format!("SELECT id, document FROM principals WHERE {} ORDER BY id LIMIT ?", conditions.sql), conditions.values)
    }

    fn name(&self, id: &str) -> Result<PrincipalName> {
        let collection = match self.query.kind {
            PrincipalKind::User => "users",
            PrincipalKind::ServiceAccount => "serviceAccounts",
        };
        let text = format!("tenants/{}/{collection}/{id}", self.tenant);
        PrincipalName::parse("name", &text).map_err(|error| Error::undecodable(TABLE, text, error))
    }
}

pub(crate) fn find(connection: &Connection, vault: &Vault, tenant: &TenantId, name: &PrincipalName) -> Result<Option<Principal>> {
    // Whoever asks about another tenant than the scope's finds nothing.
    if name.tenant() != tenant {
        return Ok(None);
    }
    stored(connection, name)?.map(|text| decode(connection, vault, name, &text)).transpose()
}

/// The document of a principal, as it is stored.
fn stored(connection: &Connection, name: &PrincipalName) -> Result<Option<String>> {
    const QUERY: &str = "SELECT document FROM principals WHERE tenant = ?1 AND kind = ?2 AND id = ?3";
    let key = params![name.tenant().as_str(), kind(name.kind()), name.id()];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get::<_, String>(0));
    run().optional().map_err(during("reading a principal"))
}

/// Whether there is a principal of this name.
pub(crate) fn exists(connection: &Connection, name: &PrincipalName) -> Result<bool> {
    Ok(stored(connection, name)?.is_some())
}

pub(super) fn count_ruling(connection: &Connection, tenant: &TenantId) -> Result<u64> {
    const QUERY: &str = "SELECT count(*) FROM principals INDEXED BY principals_ruling WHERE tenant = ?1 AND ruling = 1";
    let run = || connection.prepare_cached(QUERY)?.query_row([tenant.as_str()], |row| row.get::<_, i64>(0));
    run().map(i64::unsigned_abs).map_err(during("counting super administrators"))
}

pub(super) fn commit(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    change: PrincipalChange,
    now: Timestamp,
    since: Timestamp,
) -> Result<Committed<Principal>> {
    if let Some(key) = &change.request
        && let Some(answered) = answer(connection, vault, request::find(connection, tenant, key, since)?)?
    {
        return Ok(answered);
    }
    let principal = &change.principal;
    let before = find(connection, vault, tenant, &principal.name)?;
    let stored = match change.expected {
        Expected::Absent => insert(connection, vault, tenant, principal)?,
        Expected::Revision(revision) if change.deletes => delete(connection, tenant, principal, revision, now)?,
        Expected::Revision(revision) => update(connection, vault, tenant, principal, revision)?,
    };
    if stored == 0 {
        return Ok(Committed::Conflict);
    }
    let happened = match change.deletes {
        true => vec![Happened::of_deletion(principal)],
        false => Happened::of_principal(before.as_ref(), principal),
    };
    events::note(connection, now, &happened)?;
    if let Some(key) = &change.request {
        let document = encode(connection, vault, &principal.without_secret())?;
        request::remember(connection, tenant, key, now, principal.name.as_str(), Some(&document))?;
    }
    Ok(Committed::Stored)
}

/// Stores a new one, unless there is one, or somebody of this name was erased.
pub(super) fn insert(connection: &Connection, vault: &Vault, tenant: &TenantId, principal: &Principal) -> Result<usize> {
    const QUERY: &str = "INSERT INTO principals (tenant, kind, id, revision, ruling, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO NOTHING";
    let name = &principal.name;
    if vault.is_erased(connection, name)? {
        return Ok(0);
    }
    let document = encode(connection, vault, principal)?;
    let row = params![tenant.as_str(), kind(name.kind()), name.id(), integer(principal.revision.as_u64()), principal.is_ruling(), document];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    run().map_err(during("storing a principal"))
}

pub(crate) fn update(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    principal: &Principal,
    expected: Revision,
) -> Result<usize> {
    const QUERY: &str = "UPDATE principals SET revision = ?4, ruling = ?5, document = ?6 \
         WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND revision = ?7";
    let name = &principal.name;
    // Somebody who signs in beside an erasure was read before it.
    if vault.is_erased(connection, name)? {
        return Ok(0);
    }
    let document = encode(connection, vault, principal)?;
    let row = params![
        tenant.as_str(),
        kind(name.kind()),
        name.id(),
        integer(principal.revision.as_u64()),
        principal.is_ruling(),
        document,
        integer(expected.as_u64())
    ];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    run().map_err(during("storing a principal"))
}

/// Deletes a principal with all that was issued and granted to it.
fn delete(connection: &Connection, tenant: &TenantId, principal: &Principal, expected: Revision, now: Timestamp) -> Result<usize> {
    const PRINCIPAL: &str = "DELETE FROM principals WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND revision = ?4";
    const KEYS: &str = "DELETE FROM api_keys WHERE tenant = ?1 AND account = ?2";
    const SESSIONS: &str = "DELETE FROM sessions WHERE tenant = ?1 AND principal = ?2";
    const GRANTS: &str = "DELETE FROM grants WHERE tenant = ?1 AND grantee = ?2";
    let (name, grantee) = (&principal.name, Grantee::Principal(principal.name.clone()).to_string());
    let run = || {
        let key = params![tenant.as_str(), kind(name.kind()), name.id(), integer(expected.as_u64())];
        let deleted = connection.prepare_cached(PRINCIPAL)?.execute(key)?;
        if deleted > 0 {
            connection.prepare_cached(KEYS)?.execute(params![tenant.as_str(), name.as_str()])?;
            connection.prepare_cached(SESSIONS)?.execute(params![tenant.as_str(), name.as_str()])?;
            connection.prepare_cached(GRANTS)?.execute(params![tenant.as_str(), grantee])?;
            remember_deletion(connection, tenant, principal, now)?;
        }
        Ok(deleted)
    };
    run().map_err(during("deleting a principal"))
}

/// Remembers a deletion, and forgets some others that nothing depends on any more.
fn remember_deletion(connection: &Connection, tenant: &TenantId, principal: &Principal, now: Timestamp) -> rusqlite::Result<()> {
    const REMEMBER: &str = "INSERT OR REPLACE INTO deleted_principals (tenant, kind, id, valid_after) VALUES (?1, ?2, ?3, ?4)";
    const FORGET: &str = "DELETE FROM deleted_principals WHERE (tenant, kind, id) IN \
         (SELECT tenant, kind, id FROM deleted_principals WHERE kind = 'user' AND valid_after < ?1 ORDER BY valid_after LIMIT ?2)";
    let (name, voided) = (&principal.name, principal.valid_after);
    // Of two clocks the one that is behind: it is better to remember for too long.
    let past = voided.min(now).minus(DELETION_REMEMBERED);
    let row = params![tenant.as_str(), kind(name.kind()), name.id(), integer(voided.as_millis())];
    connection.prepare_cached(REMEMBER)?.execute(row)?;
    connection.prepare_cached(FORGET)?.execute(params![integer(past.as_millis()), FORGOTTEN_AT_ONCE]).map(drop)
}

/// Since when what was issued to a principal that was deleted is void; for good, to one who was erased.
pub(super) fn find_deletion(connection: &Connection, vault: &Vault, tenant: &TenantId, name: &PrincipalName) -> Result<Option<Timestamp>> {
    const QUERY: &str = "SELECT valid_after FROM deleted_principals WHERE tenant = ?1 AND kind = ?2 AND id = ?3";
    // Whoever asks about another tenant than the scope's finds nothing.
    if name.tenant() != tenant {
        return Ok(None);
    }
    if vault.is_erased(connection, name)? {
        return Ok(Some(Timestamp::from_millis(u64::MAX)));
    }
    let key = params![tenant.as_str(), kind(name.kind()), name.id()];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get::<_, i64>(0));
    let found = run().optional().map_err(during("reading a deletion"))?;
    Ok(found.map(|millis| Timestamp::from_millis(millis.unsigned_abs())))
}

pub(super) fn answer(connection: &Connection, vault: &Vault, remembered: Option<Remembered>) -> Result<Option<Committed<Principal>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let name = PrincipalName::parse("name", &resource).map_err(|error| broken(error.into()))?;
    if name.erased_id().is_some() || vault.is_erased(connection, &name)? {
        return Ok(Some(Committed::Removed { resource }));
    }
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    Ok(Some(Committed::Answered(Box::new(decode(connection, vault, &name, &text)?))))
}

fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::ServiceAccount => "service_account",
    }
}

/// A principal as it is stored; what a user is called, sealed.
fn encode(connection: &Connection, vault: &Vault, principal: &Principal) -> Result<String> {
    let mut document = PrincipalDocument::from(principal);
    if principal.name.kind() == PrincipalKind::User && !document.display_name().is_empty() {
        if let Some(sealed) = kept_sealed(connection, vault, principal)? {
            document.seal_display_name(sealed);
        } else if document.display_name() != UNREADABLE {
            let Person::Known(subject) = vault.person(connection, &principal.name)? else {
                return Err(Error::Misused("the name of somebody who was erased"));
            };
            document.seal_display_name(subject.seal_own(DISPLAY_NAME, document.display_name()));
        }
    }
    Ok(storage_documents::encode(&document))
}

/// What stays as it is stored since it does not open: a change of something else must not put what is shown instead into its place.
fn kept_sealed(connection: &Connection, vault: &Vault, principal: &Principal) -> Result<Option<String>> {
    if principal.display_name != UNREADABLE {
        return Ok(None);
    }
    let Some(text) = stored(connection, &principal.name)? else { return Ok(None) };
    let document = storage_documents::decode::<PrincipalDocument>(&text);
    let document = document.map_err(|source| Error::undecodable(TABLE, principal.name.as_str(), source))?;
    let Some(sealed) = document.sealed_display_name() else { return Ok(None) };
    Ok(open_name(connection, vault, &principal.name, sealed)?.is_none().then(|| sealed.to_owned()))
}

fn decode(connection: &Connection, vault: &Vault, name: &PrincipalName, text: &str) -> Result<Principal> {
    let broken = |source| Error::undecodable(TABLE, name.as_str(), source);
    let mut document = storage_documents::decode::<PrincipalDocument>(text).map_err(broken)?;
    if let Some(sealed) = document.sealed_display_name() {
        let opened = open_name(connection, vault, name, sealed)?;
        document.open_display_name(opened.unwrap_or_else(|| UNREADABLE.to_owned()));
    }
    document.into_principal(name.clone()).map_err(|invalid| broken(invalid.into()))
}

/// What a user is called; `None` where that does not open, which operators are told.
fn open_name(connection: &Connection, vault: &Vault, name: &PrincipalName, sealed: &str) -> Result<Option<String>> {
    let missing = || Error::undecodable(TABLE, name.as_str(), "the key that its name is sealed under is not there");
    let opened = match vault.find_person(connection, name) {
        Ok(Some(Person::Known(subject))) => subject.open_own(DISPLAY_NAME, sealed),
        Ok(Some(Person::Erased(_)) | None) => Err(missing()),
        Err(error) => Err(error),
    };
    match opened {
        Ok(opened) => Ok(Some(opened.to_string())),
        Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => {
            if vault.is_news(Trouble::Unopened, &error) {
                tracing::error!(%error, "what a user is called does not open");
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
