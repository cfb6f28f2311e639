//! The port of grants.

use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Found, Grant, GrantRepository, Grantee, HeldGrants, MAX_GRANTS, Side, TenantScope};
use domain::change::Changed;
use domain::event::Happened;
use domain::name::{TenantId, UtilityId, UtilityName};
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use storage_documents::GrantDocument;
use storage_rules::Cursor;

use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::events;
use crate::grants::rows::{Stored, answer, decode, texts};
use crate::request;
use crate::store::EmbeddedStore;
use crate::vault::Vault;

mod rows;
mod shares;

pub(crate) use shares::end_received;

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
        Ok(Found::of(self.find_grant(UtilityName { tenant: scope.tenant().clone(), utility: utility.clone() }, grantee).await?))
    }

    async fn list(&self, scope: &TenantScope, utility: &UtilityId, page: &PageRequest) -> domain::Result<Found<Page<Grant>>> {
        let name = UtilityName { tenant: scope.tenant().clone(), utility: utility.clone() };
        let after = page.after.as_deref().map(|text| Cursor::decode(text, ORDER)).transpose()?.map_or_else(String::new, |last| last.id);
        let (size, vault) = (page.size.clamp(1, MAX_PAGE), self.vault());
        Ok(Found::one(self.read(move |connection| list(connection, &vault, &name, (&after, size))).await?))
    }

    async fn find_received(&self, scope: &TenantScope, utility: &UtilityName) -> domain::Result<Found<Grant>> {
        Ok(Found::of(self.find_grant(utility.clone(), &Grantee::Tenant(scope.tenant().clone())).await?))
    }

    async fn answer(
        &self,
        scope: &TenantScope,
        before: &Grant,
        after: Option<&Grant>,
        request: Option<&RequestKey>,
    ) -> domain::Result<Committed<Grant>> {
        let answer = shares::Answer::new(scope, before, after, request)?;
        let window = self.request_window();
        Ok(self.change(answer.told(), move |connection| answer.once(connection, window)).await?)
    }

    async fn list_shares(&self, scope: &TenantScope, side: Side, page: &PageRequest) -> domain::Result<Found<Page<Grant>>> {
        let last = page.after.as_deref().map(|text| Cursor::decode(text, shares::order(side))).transpose()?;
        let (tenant, after) = (scope.tenant().clone(), last.map_or_else(String::new, |last| last.id));
        let (size, vault) = (page.size.clamp(1, MAX_PAGE), self.vault());
        Ok(Found::one(self.read(move |connection| shares::list(connection, &vault, (&tenant, side), (&after, size))).await?))
    }

    async fn held_by(&self, scope: &TenantScope, grantee: &Grantee) -> domain::Result<Arc<HeldGrants>> {
        let (tenant, grantee, vault) = (scope.tenant().clone(), grantee.to_string(), self.vault());
        Ok(Arc::new(self.read(move |connection| held(connection, &vault, &tenant, &grantee)).await?))
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Grant>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        Ok(self.read(move |connection| answer(&tenant, request::find(connection, &tenant, &request, since)?)).await?)
    }
}

/// What is told where it changes what a grantee holds, which copies keep under the tenant that the grantee is of.
pub(crate) fn held_change(grantee: String) -> Option<Changed> {
    let tenant = TenantId::parse("grantee", grantee.split('/').nth(1)?).ok()?;
    Some(Changed::Grants { tenant, grantee })
}

impl EmbeddedStore {
    async fn find_grant(&self, name: UtilityName, grantee: &Grantee) -> Result<Option<Grant>> {
        const QUERY: &str = "SELECT document FROM grants WHERE tenant = ?1 AND utility = ?2 AND grantee = ?3";
        let grantee = grantee.to_string();
        let found = self.read(move |connection| {
            let key = params![name.tenant.as_str(), name.utility.as_str(), grantee];
            let run = || connection.prepare_cached(QUERY)?.query_row(key, |row| row.get::<_, String>(0));
            let text = run().optional().map_err(during("reading a grant"))?;
            text.map(|text| decode(name, &text)).transpose()
        });
        found.await
    }
}

/// A grant that is stored or removed, encoded before it waits for the writer.
struct Write {
    utility: UtilityName,
    grantee: String,
    /// The tenant that the grantee is of.
    holder: TenantId,
    shared_with: Option<String>,
    expires: Option<i64>,
    document: String,
    request: Option<RequestKey>,
    happened: Vec<Happened>,
}

impl Write {
    fn new(scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>, happened: Vec<Happened>) -> Result<Self> {
        if grant.utility.tenant != *scope.tenant() {
            return Err(Error::Misused("a grant of another tenant"));
        }
        Ok(Write {
            utility: grant.utility.clone(),
            grantee: grant.grantee.to_string(),
            holder: grant.grantee.tenant().clone(),
            shared_with: grant.shared_with().map(ToString::to_string),
            expires: grant.expires.map(|end| integer(end.as_millis())),
            document: storage_documents::encode(&GrantDocument::from(grant)),
            request: request.cloned(),
            happened,
        })
    }

    fn told(&self) -> Changed {
        Changed::Grants { tenant: self.holder.clone(), grantee: self.grantee.clone() }
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
        events::note(connection, now, &self.happened)?;
        if let Some(key) = &self.request {
            request::remember(connection, tenant, key, now, self.utility.utility.as_str(), Some(&self.document))?;
        }
        Ok(Committed::Stored)
    }

    fn put(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        const EXPIRED: &str = "DELETE FROM grants WHERE tenant = ?1 AND grantee = ?2 AND expires <= ?3 AND shared_with IS NULL";
        const OTHERS: &str = "SELECT count(*) FROM grants WHERE tenant = ?1 AND grantee = ?2 AND utility <> ?3";
        const PUT: &str = "INSERT OR REPLACE INTO grants (tenant, utility, grantee, expires, document, shared_with, accepted) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, FALSE)";
        let (tenant, utility, grantee) = (self.utility.tenant.as_str(), self.utility.utility.as_str(), self.grantee.as_str());
        connection.prepare_cached(EXPIRED)?.execute(params![tenant, grantee, integer(now.as_millis())])?;
        let others: u32 = connection.prepare_cached(OTHERS)?.query_row(params![tenant, grantee, utility], |row| row.get(0))?;
        let offered = self.shared_with.as_deref().map(|receiver| shares::may_be_offered(connection, (tenant, utility, receiver)));
        if others as usize >= MAX_GRANTS || !offered.unwrap_or(Ok(true))? {
            return Ok(false);
        }
        connection.prepare_cached(PUT)?.execute(params![tenant, utility, grantee, self.expires, self.document, self.shared_with])?;
        Ok(true)
    }

    fn remove(&self, connection: &Connection) -> rusqlite::Result<bool> {
        const REMOVE: &str = "DELETE FROM grants WHERE tenant = ?1 AND utility = ?2 AND grantee = ?3 AND document = ?4";
        let key = params![self.utility.tenant.as_str(), self.utility.utility.as_str(), self.grantee, self.document];
        Ok(connection.prepare_cached(REMOVE)?.execute(key)? == 1)
    }
}

fn list(connection: &Connection, vault: &Vault, name: &UtilityName, (after, size): (&str, u32)) -> Result<Page<Grant>> {
    const QUERY: &str = "SELECT tenant, utility, grantee, document FROM grants WHERE tenant = ?1 AND utility = ?2 AND grantee > ?3 ORDER BY grantee LIMIT ?4";
    let row = params![name.tenant.as_str(), name.utility.as_str(), after, size + 1];
    let rows = texts(connection, QUERY, row, Stored::of).map_err(during("listing grants"))?;
    shares::page(vault, rows, size, |last| Cursor { millis: 0, id: last.grantee.clone() }.encode(ORDER))
}

fn held(connection: &Connection, vault: &Vault, tenant: &TenantId, grantee: &str) -> Result<HeldGrants> {
    const QUERY: &str =
        "SELECT tenant, utility, grantee, document FROM grants INDEXED BY grants_by_grantee WHERE tenant = ?1 AND grantee = ?2";
    let during_it = "reading what was granted";
    let mut rows = texts(connection, QUERY, params![tenant.as_str(), grantee], Stored::of).map_err(during(during_it))?;
    // What is shared with a tenant is held by all of it.
    if grantee == Grantee::Tenant(tenant.clone()).to_string() {
        rows.extend(texts(connection, shares::ACCEPTED, params![tenant.as_str()], Stored::of).map_err(during(during_it))?);
    }
    let grants = rows.into_iter().filter_map(|row| row.grant(vault).transpose()).collect::<Result<Vec<_>>>()?;
    Ok(HeldGrants::of(grants))
}
