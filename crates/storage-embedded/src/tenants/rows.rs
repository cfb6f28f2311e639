//! Rows of tenants, and answers to requests about them.

use domain::identity::Secret;
use domain::name::TenantId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::revision::Revision;
use domain::tenant::{Listed, Tenant, TenantNumber, TenantQuery, TenantState, Unreadable};
use domain::time::Timestamp;
use keys::Place;
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage_documents::TenantDocument;
use storage_rules::Cursor;

use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::request::{self, Remembered};
use crate::vault::Vault;

const TABLE: &str = "tenants";
const ORDER: &str = "tenant";

/// A list of tenants and which page of it.
pub(super) struct List {
    query: TenantQuery,
    size: usize,
    after: String,
}

impl List {
    pub(super) fn new(query: TenantQuery, page: &PageRequest, most: u32) -> domain::Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?;
        Ok(List { query, size: page.size.clamp(1, most) as usize, after: after.map(|last| last.id).unwrap_or_default() })
    }

    pub(super) fn page(&self, connection: &Connection, vault: &Vault) -> Result<Page<Listed>> {
        const QUERY: &str =
            "SELECT code, number, state, document FROM tenants WHERE code > ?1 AND (?2 OR state <> ?3) ORDER BY code LIMIT ?4";
        let doing = "listing tenants";
        let mut statement = connection.prepare_cached(QUERY).map_err(during(doing))?;
        let limit = i64::try_from(self.size + 1).expect("a page is small");
        let values = params![self.after, self.query.show_deleted, TenantState::Deleted.as_str(), limit];
        let mut rows = statement.query(values).map_err(during(doing))?;
        let (mut items, mut last) = (Vec::new(), None);
        for looked_at in 0.. {
            let Some(row) = rows.next().map_err(during(doing))? else { break };
            if looked_at == self.size {
                let next = last.map(|code| Cursor { millis: 0, id: code }.encode(ORDER));
                return Ok(Page { items, next });
            }
            let code: String = row.get(0).map_err(during(doing))?;
            items.extend(listed(vault, row, &code)?);
            last = Some(code);
        }
        Ok(Page { items, next: None })
    }
}

/// A tenant of a list; what cannot be read of it is left out. `None` where its code is none, by which nobody could reach it.
fn listed(vault: &Vault, row: &Row<'_>, code: &str) -> Result<Option<Listed>> {
    let parsed = TenantId::parse("code", code).map_err(|error| Error::undecodable(TABLE, code, error));
    let Some(parsed) = vault.readable(TABLE, code, parsed)? else { return Ok(None) };
    let number = row.get(1).unwrap_or_default();
    let text = row.get::<_, String>(3).map_err(during("reading a tenant"));
    let read = text.and_then(|text| decode(parsed.clone(), number, &text));
    Ok(Some(match vault.readable(TABLE, code, read)? {
        Some(tenant) => Listed::Whole(Box::new(tenant)),
        None => {
            let state = row.get::<_, String>(2).ok().and_then(|state| TenantState::parse(&state));
            Listed::Unreadable(Unreadable { code: parsed, number: TenantNumber::from_stored(number), state })
        }
    }))
}

pub(super) fn find(connection: &Connection, code: &TenantId) -> Result<Option<Tenant>> {
    const QUERY: &str = "SELECT number, document FROM tenants WHERE code = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([code.as_str()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    let found: Option<(i32, String)> = run().optional().map_err(during("reading a tenant"))?;
    found.map(|(number, text)| decode(code.clone(), number, &text)).transpose()
}

/// The codes of tenants that a legal hold keeps.
pub(crate) const HELD: &str = "SELECT code FROM tenants WHERE held";

/// Whether a legal hold keeps everything of a tenant.
pub(crate) fn is_held(connection: &Connection, code: &TenantId) -> Result<bool> {
    const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM tenants WHERE code = ?1 AND held)";
    let run = || connection.prepare_cached(QUERY)?.query_row([code.as_str()], |row| row.get(0));
    run().map_err(during("looking for a legal hold"))
}

/// Whether a tenant is at this revision, and at any where none is given, and in this state, likewise.
pub(crate) fn is_at(connection: &Connection, code: &TenantId, revision: Option<Revision>, state: Option<TenantState>) -> Result<bool> {
    const QUERY: &str =
        "SELECT EXISTS (SELECT 1 FROM tenants WHERE code = ?1 AND revision = coalesce(?2, revision) AND state = coalesce(?3, state))";
    let key = params![code.as_str(), revision.map(|revision| integer(revision.as_u64())), state.map(TenantState::as_str)];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get(0));
    run().map_err(during("looking at which revision a tenant is"))
}

/// The codes of all tenants. A code that is none names nothing that anybody could reach.
pub(super) fn codes(connection: &Connection) -> Result<Vec<TenantId>> {
    const QUERY: &str = "SELECT code FROM tenants ORDER BY code";
    let run = || connection.prepare_cached(QUERY)?.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>();
    let found = run().map_err(during("listing the codes of tenants"))?;
    Ok(found.iter().filter_map(|code| TenantId::parse("code", code).ok()).collect())
}

/// The number of a new tenant; `None` where its code is taken.
pub(super) fn insert(connection: &Connection, tenant: &Tenant) -> Result<Option<i32>> {
    // A conflict would use a number up.
    const QUERY: &str = "INSERT INTO tenants (code, state, revision, document) SELECT ?1, ?2, ?3, ?4 \
         WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE code = ?1) RETURNING number";
    let row = params![tenant.code.as_str(), tenant.state.as_str(), integer(tenant.revision.as_u64()), encode(tenant)];
    let run = || connection.prepare_cached(QUERY)?.query_row(row, |row| row.get(0));
    run().optional().map_err(during("storing a new tenant"))
}

/// Stores a tenant where the stored one has this revision; says whether it had.
pub(super) fn update(connection: &Connection, tenant: &Tenant, expected: Revision) -> Result<bool> {
    const QUERY: &str = "UPDATE tenants SET state = ?2, revision = ?3, document = ?4 WHERE code = ?1 AND revision = ?5";
    let row =
        params![tenant.code.as_str(), tenant.state.as_str(), integer(tenant.revision.as_u64()), encode(tenant), integer(expected.as_u64())];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    run().map(|changed| changed > 0).map_err(during("storing a tenant"))
}

/// Keeps the password of a tenant's database, sealed; an empty one takes it away.
pub(super) fn keep_password(connection: &Connection, vault: &Vault, code: &TenantId, password: Option<&Secret>) -> Result<()> {
    const QUERY: &str = "UPDATE tenants SET db_password = ?2 WHERE code = ?1";
    let Some(password) = password else { return Ok(()) };
    let place = Place { tenant: code.as_str(), collection: TABLE, id: "", field: "db_password" };
    let sealed = match password.expose() {
        "" => None,
        text => Some(vault.seal_of_tenant(connection, code, place, text.as_bytes())?),
    };
    let run = || connection.prepare_cached(QUERY)?.execute(params![code.as_str(), sealed]);
    run().map(drop).map_err(during("keeping the password of a database"))
}

pub(super) fn remember(connection: &Connection, asked_in: &TenantId, key: &RequestKey, now: Timestamp, answer: &Tenant) -> Result<()> {
    request::remember(connection, asked_in, key, now, answer.code.as_str(), Some(&encode(answer)))
}

pub(super) fn answer(connection: &Connection, remembered: Option<Remembered>) -> Result<Option<Committed<Tenant>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let code = TenantId::parse("code", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    // A number never changes, so it is not part of the answer.
    let Some(tenant) = find(connection, &code)? else {
        return Ok(Some(Committed::Removed { resource: format!("tenants/{code}") }));
    };
    Ok(Some(Committed::Answered(Box::new(decode(code, tenant.number.as_i32(), &text)?))))
}

fn encode(tenant: &Tenant) -> String {
    storage_documents::encode(&TenantDocument::from(tenant))
}

fn decode(code: TenantId, number: i32, text: &str) -> Result<Tenant> {
    let key = code.to_string();
    let document = storage_documents::decode::<TenantDocument>(text);
    let tenant = document.and_then(|document| Ok(document.into_tenant(code, number)?));
    tenant.map_err(|source| Error::undecodable(TABLE, key, source))
}
