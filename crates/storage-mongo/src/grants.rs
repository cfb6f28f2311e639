//! The port of grants.
//!
//! A grant lies under the tenant whose utility it is. One to another tenant lies once more under that one, in the same transaction: what a
//! caller holds is asked for on each call, and is all in their own tenant.

use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Found, Grant, GrantRepository, Grantee, HeldGrants, MAX_GRANTS, Side, TenantScope};
use domain::change::Changed;
use domain::event::Happened;
use domain::name::{TenantId, UtilityId, UtilityName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;
use mongodb::bson::{Document, doc};
use storage_documents::GrantDocument;
use storage_rules::PageById;
use tokio::time::Instant;

use crate::collections::{GRANTS, GRANTS_RECEIVED, millis};
use crate::error::{Error, Result};
use crate::grants::meeting::meet;
use crate::grants::rows::{answer, decode, key_of, of_grant, of_received, read_all};
use crate::session::{Select, Session};
use crate::store::MongoStore;
use crate::transaction::{read, transact};
use crate::{epochs, events, request};

#[cfg(test)]
mod filled;
mod held;
mod meeting;
mod rows;
mod shares;

#[cfg(test)]
pub(crate) use filled::fill;
pub(crate) use held::Held;
pub(crate) use shares::{count as count_given, end_received};

const ORDER: &str = "grantee";

#[async_trait]
impl GrantRepository for MongoStore {
    async fn put(
        &self,
        scope: &TenantScope,
        grant: &Grant,
        now: Timestamp,
        request: Option<&RequestKey>,
    ) -> domain::Result<Committed<Grant>> {
        let write = Write::new(scope, grant, request, Happened::of_grant(grant))?;
        let window = self.request_window();
        Ok(transact!(self, "storing a grant", scope.tenant(), |session| {
            match write.answered(session, window).await? {
                Some(answered) => Ok(answered),
                None if write.put(session, now).await? => write.note(session, window).await,
                None => Ok(Committed::Conflict),
            }
        })?)
    }

    async fn remove(&self, scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>) -> domain::Result<Committed<Grant>> {
        let write = Write::new(scope, grant, request, Happened::of_revocation(grant))?;
        let window = self.request_window();
        Ok(transact!(self, "removing a grant", scope.tenant(), |session| {
            match write.answered(session, window).await? {
                Some(answered) => Ok(answered),
                None if write.remove(session).await? => write.note(session, window).await,
                None => Ok(Committed::Conflict),
            }
        })?)
    }

    async fn find(&self, scope: &TenantScope, utility: &UtilityId, grantee: &Grantee) -> domain::Result<Found<Grant>> {
        let key = key_of(scope.tenant(), utility, &grantee.to_string());
        let found =
            read!(self, "reading a grant", |session| { session.find_one(GRANTS.name, key).await?.map(|row| decode(&row)).transpose() });
        Ok(Found::of(found?))
    }

    async fn list(&self, scope: &TenantScope, utility: &UtilityId, page: &PageRequest) -> domain::Result<Found<Page<Grant>>> {
        let page = PageById::new(page, ORDER)?;
        let filter = doc! { "tenant": scope.tenant().as_str(), "utility": utility.as_str(), "grantee": { "$gt": &page.after } };
        let found = read!(self, "listing grants", |session| {
            let mut rows = session.find(GRANTS.name, filter, Select::sorted(doc! { "grantee": 1 }, page.limit())).await?;
            let next = page.cut(&mut rows, |last| last.text("grantee").unwrap_or_default());
            Ok(Page { items: read_all(session, &rows)?, next })
        });
        Ok(Found::one(found?))
    }

    async fn find_received(&self, scope: &TenantScope, utility: &UtilityName) -> domain::Result<Found<Grant>> {
        let key = shares::key_of(scope.tenant(), utility);
        let found = read!(self, "reading what another tenant shares", |session| {
            session.find_one(GRANTS_RECEIVED.name, key).await?.map(|row| decode(&row)).transpose()
        });
        Ok(Found::of(found?))
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
        Ok(transact!(self, "answering what was offered", scope.tenant(), |session| answer.once(session, window).await)?)
    }

    async fn list_shares(&self, scope: &TenantScope, side: Side, page: &PageRequest) -> domain::Result<Found<Page<Grant>>> {
        let page = PageById::new(page, shares::order(side))?;
        let found = read!(self, "listing what is shared", |session| shares::list(session, scope.tenant(), side, &page).await);
        Ok(Found::one(found?))
    }

    async fn held_by(&self, scope: &TenantScope, grantee: &Grantee) -> domain::Result<Arc<HeldGrants>> {
        if grantee.tenant() != scope.tenant() {
            // What stands under a tenant for another one is offered or shared, and the other one's epoch tells of that.
            return Ok(self.held_now(scope.tenant(), grantee).await?);
        }
        let (memory, epoch) = (&self.shared.hearers.held, self.grants_epoch(scope.tenant()).await?);
        if let Some(known) = memory.find(grantee, epoch) {
            return Ok(known);
        }
        let found = self.held_now(scope.tenant(), grantee).await?;
        memory.keep(grantee, epoch, &found);
        Ok(found)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Grant>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let found =
            read!(self, "reading an answered request", |session| { answer(tenant, request::find(session, tenant, request, since).await?) });
        Ok(found?)
    }
}

impl MongoStore {
    async fn held_now(&self, tenant: &TenantId, grantee: &Grantee) -> Result<Arc<HeldGrants>> {
        read!(self, "reading what was granted", |session| held(session, tenant, grantee).await).map(Arc::new)
    }

    /// How often what the grantees of a tenant hold was changed, as of half a second ago or later.
    async fn grants_epoch(&self, tenant: &TenantId) -> Result<u64> {
        let known = &self.shared.hearers.held.epochs;
        if let Some(epoch) = known.find(tenant) {
            return Ok(epoch);
        }
        let asked = Instant::now();
        let stored = read!(self, "reading a tenant's epoch", |session| epochs::of_grants(session, tenant).await)?;
        Ok(known.keep(tenant, stored, asked))
    }
}

/// What is told where it changes what a grantee holds, which copies keep under the tenant that the grantee is of.
pub(crate) fn held_change(grantee: String) -> Option<Changed> {
    let tenant = TenantId::parse("grantee", grantee.split('/').nth(1)?).ok()?;
    Some(Changed::Grants { tenant, grantee })
}

/// A grant that is stored or removed.
struct Write<'a> {
    grant: &'a Grant,
    tenant: &'a TenantId,
    grantee: String,
    document: String,
    request: Option<&'a RequestKey>,
    happened: Vec<Happened>,
}

impl<'a> Write<'a> {
    fn new(scope: &'a TenantScope, grant: &'a Grant, request: Option<&'a RequestKey>, happened: Vec<Happened>) -> Result<Self> {
        if grant.utility.tenant != *scope.tenant() {
            return Err(Error::Misused("a grant of another tenant"));
        }
        let document = storage_documents::encode(&GrantDocument::from(grant));
        Ok(Write { grant, tenant: scope.tenant(), grantee: grant.grantee.to_string(), document, request, happened })
    }

    async fn answered(&self, session: &mut Session, (_, since): (Timestamp, Timestamp)) -> Result<Option<Committed<Grant>>> {
        let Some(key) = self.request else { return Ok(None) };
        answer(self.tenant, request::find(session, self.tenant, key, since).await?)
    }

    /// Notes what was done, and the request with it.
    async fn note(&self, session: &mut Session, (now, _): (Timestamp, Timestamp)) -> Result<Committed<Grant>> {
        events::note(session, now, &self.happened).await?;
        if let Some(key) = self.request {
            let utility = self.grant.utility.utility.as_str();
            request::remember(session, self.tenant, key, now, utility, Some(&self.document)).await?;
        }
        let tenant = self.grant.grantee.tenant();
        epochs::advance_grants(session, tenant).await?;
        session.tell(Changed::Grants { tenant: tenant.clone(), grantee: self.grantee.clone() });
        Ok(Committed::Stored)
    }

    async fn put(&self, session: &mut Session, now: Timestamp) -> Result<bool> {
        let tenant = self.tenant.as_str();
        meet(session, self.tenant).await?;
        let of_grantee = doc! { "tenant": tenant, "grantee": &self.grantee };
        let mut expired = of_grantee.clone();
        expired.insert("expires", doc! { "$lt": millis(Timestamp::from_millis(now.as_millis() + 1)) });
        expired.insert("shared_with", doc! { "$exists": false });
        session.delete(GRANTS.name, expired).await?;
        let mut others = of_grantee;
        others.insert("utility", doc! { "$ne": self.grant.utility.utility.as_str() });
        if session.count(GRANTS.name, others, MAX_GRANTS).await? >= MAX_GRANTS {
            return Ok(false);
        }
        if let Some(receiver) = self.grant.shared_with() {
            if !shares::may_be_offered(session, &self.grant.utility, receiver).await? {
                return Ok(false);
            }
            session.put(GRANTS_RECEIVED.name, of_received(self.grant, receiver, &self.document, false)).await?;
        }
        session.put(GRANTS.name, of_grant(self.grant, &self.document, false)).await?;
        Ok(true)
    }

    async fn remove(&self, session: &mut Session) -> Result<bool> {
        let mut filter = key_of(self.tenant, &self.grant.utility.utility, &self.grantee);
        filter.insert("document", &self.document);
        if session.delete(GRANTS.name, filter).await? == 0 {
            return Ok(false);
        }
        if let Some(receiver) = self.grant.shared_with() {
            shares::count(session, self.tenant, -1).await?;
            session.delete(GRANTS_RECEIVED.name, shares::key_of(receiver, &self.grant.utility)).await?;
        }
        Ok(true)
    }
}

async fn held(session: &mut Session, tenant: &TenantId, grantee: &Grantee) -> Result<HeldGrants> {
    // Those that are granted within the tenant, and those that it has accepted, are each bounded by as many.
    let all = || Select::sorted(Document::new(), MAX_GRANTS);
    let mut rows = session.find(GRANTS.name, doc! { "tenant": tenant.as_str(), "grantee": grantee.to_string() }, all()).await?;
    // What is shared with a tenant is held by all of it.
    if *grantee == Grantee::Tenant(tenant.clone()) {
        rows.extend(session.find(GRANTS_RECEIVED.name, doc! { "tenant": tenant.as_str(), "accepted": true }, all()).await?);
    }
    Ok(HeldGrants::of(read_all(session, &rows)?))
}
