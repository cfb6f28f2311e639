//! The port of grants.

use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Found, Grant, GrantRepository, Grantee, HeldGrants, MAX_GRANTS, TenantScope};
use domain::change::Changed;
use domain::event::Happened;
use domain::name::{TenantId, UtilityId, UtilityName};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage_documents::GrantDocument;

use crate::connection::integer;
use crate::cursor::Cursor;
use crate::error::{Error, Result, during};
use crate::events;
use crate::request::{self, Remembered};
use crate::store::EmbeddedStore;

const TABLE: &str = "grants";
const ORDER: &str = "grantee";

#[async_trait]
impl GrantRepository for EmbeddedStore {
    async fn put(
        &self,
        scope: &TenantScope,
        grant: &Grant,
        now: Timestamp,
        request: Option<&RequestKey>,
    ) -> domain::Result<Committed<Grant>> {
        let write = Write::new(scope, grant, request, Happened::of_grant(grant))?;
        let window = self.request_window();
        Ok(self.change(write.told(), move |connection| write.once(connection, window, |write| write.put(connection, now))).await?)
    }

    async fn remove(&self, scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>) -> domain::Result<Committed<Grant>> {
        let write = Write::new(scope, grant, request, Happened::of_revocation(grant))?;
        let window = self.request_window();
        Ok(self.change(write.told(), move |connection| write.once(connection, window, |write| write.remove(connection))).await?)
    }

    async fn find(&self, scope: &TenantScope, utility: &UtilityId, grantee: &Grantee) -> domain::Result<Found<Grant>> {
        const QUERY: &str = "SELECT document FROM grants WHERE tenant = ?1 AND utility = ?2 AND grantee = ?3";
        let (name, grantee) = (UtilityName { tenant: scope.tenant().clone(), utility: utility.clone() }, grantee.to_string());
        let found = self.read(move |connection| {
            let key = params![name.tenant.as_str(), name.utility.as_str(), grantee];
            let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get::<_, String>(0));
            let text = run().optional().map_err(during("reading a grant"))?;
            text.map(|text| decode(name, &text)).transpose()
        });
        Ok(Found::of(found.await?))
    }

    async fn list(&self, scope: &TenantScope, utility: &UtilityId, page: &PageRequest) -> domain::Result<Found<Page<Grant>>> {
        let name = UtilityName { tenant: scope.tenant().clone(), utility: utility.clone() };
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?.map_or_else(String::new, |last| last.id);
        let size = page.size.clamp(1, MAX_PAGE);
        Ok(Found::one(self.read(move |connection| list(connection, &name, &after, size)).await?))
    }

    async fn held_by(&self, scope: &TenantScope, grantee: &Grantee) -> domain::Result<Arc<HeldGrants>> {
        let (tenant, grantee) = (scope.tenant().clone(), grantee.to_string());
        Ok(Arc::new(self.read(move |connection| held(connection, &tenant, &grantee)).await?))
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Grant>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        Ok(self.read(move |connection| answer(&tenant, request::find(connection, &tenant, &request, since)?)).await?)
    }
}

/// A grant that is stored or removed, encoded before it waits for the writer.
struct Write {
    utility: UtilityName,
    grantee: String,
    expires: Option<i64>,
    document: String,
    request: Option<RequestKey>,
    happened: Happened,
}

impl Write {
    fn new(scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>, happened: Happened) -> Result<Self> {
        if grant.utility.tenant != *scope.tenant() {
            return Err(Error::Misused("a grant of another tenant"));
        }
        Ok(Write {
            utility: grant.utility.clone(),
            grantee: grant.grantee.to_string(),
            expires: grant.expires.map(|end| integer(end.as_millis())),
            document: storage_documents::encode(&GrantDocument::from(grant)),
            request: request.cloned(),
            happened,
        })
    }

    fn told(&self) -> Changed {
        Changed::Grants { tenant: self.utility.tenant.clone(), grantee: self.grantee.clone() }
    }

    /// Does the work unless its request was answered before, and remembers the request with it.
    fn once(
        &self,
        connection: &Connection,
        (now, since): (Timestamp, Timestamp),
        work: impl FnOnce(&Self) -> rusqlite::Result<bool>,
    ) -> Result<Committed<Grant>> {
        let tenant = &self.utility.tenant;
        if let Some(key) = &self.request
            && let Some(answered) = answer(tenant, request::find(connection, tenant, key, since)?)?
        {
            return Ok(answered);
        }
        if !work(self).map_err(during("storing a grant"))? {
            return Ok(Committed::Conflict);
        }
        events::note(connection, now, std::slice::from_ref(&self.happened))?;
        if let Some(key) = &self.request {
            request::remember(connection, tenant, key, now, self.utility.utility.as_str(), Some(&self.document))?;
        }
        Ok(Committed::Stored)
    }

    fn put(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        const EXPIRED: &str = "DELETE FROM grants WHERE tenant = ?1 AND grantee = ?2 AND expires <= ?3";
        const OTHERS: &str = "SELECT count(*) FROM grants WHERE tenant = ?1 AND grantee = ?2 AND utility <> ?3";
        const PUT: &str = "INSERT OR REPLACE INTO grants (tenant, utility, grantee, expires, document) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (tenant, utility, grantee) = (self.utility.tenant.as_str(), self.utility.utility.as_str(), self.grantee.as_str());
        connection.prepare_cached(EXPIRED)?.execute(params![tenant, grantee, integer(now.as_millis())])?;
        let others: u32 = connection.prepare_cached(OTHERS)?.query_row(params![tenant, grantee, utility], |row| row.get(0))?;
        if others as usize >= MAX_GRANTS {
            return Ok(false);
        }
        connection.prepare_cached(PUT)?.execute(params![tenant, utility, grantee, self.expires, self.document])?;
        Ok(true)
    }

    fn remove(&self, connection: &Connection) -> rusqlite::Result<bool> {
        const REMOVE: &str = "DELETE FROM grants WHERE tenant = ?1 AND utility = ?2 AND grantee = ?3 AND document = ?4";
        let key = params![self.utility.tenant.as_str(), self.utility.utility.as_str(), self.grantee, self.document];
        Ok(connection.prepare_cached(REMOVE)?.execute(key)? == 1)
    }
}

fn list(connection: &Connection, name: &UtilityName, after: &str, size: u32) -> Result<Page<Grant>> {
    const QUERY: &str = "SELECT document FROM grants WHERE tenant = ?1 AND utility = ?2 AND grantee > ?3 ORDER BY grantee LIMIT ?4";
    let row = params![name.tenant.as_str(), name.utility.as_str(), after, size + 1];
    let texts = texts(connection, QUERY, row, |row| row.get::<_, String>(0)).map_err(during("listing grants"))?;
    let mut items = texts.iter().map(|text| decode(name.clone(), text)).collect::<Result<Vec<_>>>()?;
    let more = items.len() > size as usize;
    items.truncate(size as usize);
    let last = items.last().filter(|_| more);
    let next = last.map(|last| Cursor { millis: 0, id: last.grantee.to_string() }.encode(ORDER));
    Ok(Page { items, next })
}

fn held(connection: &Connection, tenant: &TenantId, grantee: &str) -> Result<HeldGrants> {
    const QUERY: &str = "SELECT utility, document FROM grants INDEXED BY grants_by_grantee WHERE tenant = ?1 AND grantee = ?2";
    let rows = texts(connection, QUERY, params![tenant.as_str(), grantee], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let grants = rows.map_err(during("reading what was granted"))?.into_iter().map(|(utility, text)| {
        let broken = |error: domain::Error| Error::undecodable(TABLE, format!("{tenant}/{utility}"), error);
        let utility = UtilityId::parse("utility", &utility).map_err(broken)?;
        decode(UtilityName { tenant: tenant.clone(), utility }, &text)
    });
    Ok(HeldGrants::of(grants.collect::<Result<Vec<_>>>()?))
}

fn texts<T>(
    connection: &Connection,
    query: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(query)?.query_map(values, read)?.collect()
}

fn answer(tenant: &TenantId, remembered: Option<Remembered>) -> Result<Option<Committed<Grant>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", format!("{tenant}/.../{resource}"), source);
    let utility = UtilityId::parse("id", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    Ok(Some(Committed::Answered(Box::new(decode(UtilityName { tenant: tenant.clone(), utility }, &text)?))))
}

fn decode(utility: UtilityName, text: &str) -> Result<Grant> {
    let place = utility.to_string();
    let document = storage_documents::decode::<GrantDocument>(text);
    let grant = document.and_then(|document| Ok(document.into_grant(utility)?));
    grant.map_err(|source| Error::undecodable(TABLE, place, source))
}
