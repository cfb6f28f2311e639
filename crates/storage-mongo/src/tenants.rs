//! The ports of tenants. Their states and settings are kept in memory under the epoch of their tenant, which each change of one advances.

use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::Changed;
use domain::event::Happened;
use domain::identity::Secret;
use domain::name::TenantId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::tenant::{Listed, Settings, Tenant, TenantChange, TenantNumber, TenantQuery, TenantRepository, TenantState, TenantStates};
use domain::time::Timestamp;
use storage_rules::{Known, PageById};

use crate::error::{Error, Result};
use crate::events;
use crate::store::MongoStore;
use crate::transaction::{read, transact};
use crate::utilities::advance_epoch;

mod rows;

pub(crate) use rows::{forget_somebody, held, holds_somebody, is_at, is_held, settled};

#[async_trait]
impl TenantStates for MongoStore {
    async fn state(&self, tenant: &TenantId) -> domain::Result<Option<TenantState>> {
        Ok(self.known(tenant).await?.map(|known| known.state))
    }

    async fn settings(&self, tenant: &TenantId) -> domain::Result<Arc<Settings>> {
        Ok(self.known(tenant).await?.map(|known| known.settings).unwrap_or_default())
    }

    async fn is_held(&self, tenant: &TenantId) -> domain::Result<bool> {
        Ok(read!(self, "looking for a legal hold", |session| rows::is_held(session, tenant).await)?)
    }
}

impl MongoStore {
    async fn known(&self, tenant: &TenantId) -> Result<Option<Known>> {
        let epoch = self.identity_epoch(tenant).await?;
        if let Some(known) = self.shared.states.find(tenant, epoch) {
            return Ok(Some(known));
        }
        // That there is no such tenant is not kept: names that somebody makes up would fill the memory.
        let found = read!(self, "reading a tenant", |session| rows::find(session, tenant).await)?;
        let Some(found) = found else { return Ok(None) };
        let known = Known { state: found.state, settings: Arc::new(found.settings) };
        self.shared.states.keep(tenant, epoch, known.clone());
        Ok(Some(known))
    }
}

#[async_trait]
impl TenantRepository for MongoStore {
    async fn find(&self, scope: &TenantScope) -> domain::Result<Found<Tenant>> {
        Ok(Found::of(read!(self, "reading a tenant", |session| rows::find(session, scope.tenant()).await)?))
    }

    async fn list(&self, query: TenantQuery, page: &PageRequest) -> domain::Result<Found<Page<Listed>>> {
        let page = PageById::new(page, rows::ORDER)?;
        Ok(Found::one(read!(self, "listing tenants", |session| rows::list(session, query, &page).await)?))
    }

    async fn codes(&self) -> domain::Result<Vec<TenantId>> {
        Ok(read!(self, "listing the codes of tenants", |session| rows::codes(session).await)?)
    }

    async fn create(
        &self,
        asked_in: &TenantScope,
        tenant: Tenant,
        db_password: Option<Secret>,
        request: Option<RequestKey>,
    ) -> domain::Result<Committed<Tenant>> {
        let (asked_in, (now, since)) = (asked_in.tenant(), self.request_window());
        // New tenants get their numbers one after the other, whoever asks for them.
        let stored = transact!(self, "storing a new tenant", &TenantId::system(), |session| {
            if let Some(key) = &request
                && let Some(answered) = rows::answered(session, asked_in, key, since).await?
            {
                return Ok(answered);
            }
            let Some(number) = rows::insert(session, &tenant).await? else { return Ok(Committed::Conflict) };
            rows::keep_password(session, &tenant.code, db_password.as_ref()).await?;
            session.advance_identity(&tenant.code).await?;
            let made = Tenant { number: TenantNumber::from_stored(number), ..tenant.clone() };
            events::note(session, now, &Happened::of_tenant(None, &made)).await?;
            if let Some(key) = &request {
                rows::remember(session, asked_in, key, now, &made).await?;
            }
            Ok(Committed::Answered(Box::new(made)))
        });
        Ok(stored?)
    }

    async fn commit(&self, scope: &TenantScope, change: TenantChange) -> domain::Result<Committed<Tenant>> {
        if change.tenant.code != *scope.tenant() {
            return Err(Error::Misused("a change of another tenant").into());
        }
        let (now, since) = self.request_window();
        let TenantChange { expected, tenant, db_password, shreds, request } = change;
        let stored = transact!(self, "storing a tenant", scope.tenant(), |session| {
            if let Some(key) = &request
                && let Some(answered) = rows::answered(session, &tenant.code, key, since).await?
            {
                return Ok(answered);
            }
            let before = rows::find(session, &tenant.code).await?;
            if !rows::update(session, &tenant, expected).await? {
                return Ok(Committed::Conflict);
            }
            events::note(session, now, &Happened::of_tenant(before.as_ref(), &tenant)).await?;
            rows::keep_password(session, &tenant.code, db_password.as_ref()).await?;
            if shreds {
                let shared = std::sync::Arc::clone(&session.shared);
                shared.vault.destroy_tenant(session, &tenant.code, now).await?;
                // Whatever of its code others have opened and keep is of before, and nobody knows what that is.
                advance_epoch(session, &tenant.code).await?;
                session.tell(Changed::Anything);
            }
            session.advance_identity(&tenant.code).await?;
            if let Some(key) = &request {
                rows::remember(session, &tenant.code, key, now, &tenant).await?;
            }
            Ok(Committed::Stored)
        });
        if shreds {
            // Whoever loaded keys beside the commit keeps none of them.
            self.shared.vault.forget();
        }
        Ok(stored?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Tenant>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        Ok(read!(self, "reading an answered request", |session| rows::answered(session, tenant, request, since).await)?)
    }

    async fn ensure(&self, codes: &[TenantId], now: Timestamp) -> domain::Result<()> {
        // One transaction for each: nothing is kept of a tenant that there is not, so no epoch need advance.
        for code in codes {
            let tenant = Tenant::new(code.clone(), now);
            let made = transact!(self, "making a tenant", &TenantId::system(), |session| {
                let Some(number) = rows::insert(session, &tenant).await? else { return Ok(()) };
                let made = Tenant { number: TenantNumber::from_stored(number), ..tenant.clone() };
                events::note(session, now, &Happened::of_tenant(None, &made)).await
            });
            made?;
        }
        Ok(())
    }
}
