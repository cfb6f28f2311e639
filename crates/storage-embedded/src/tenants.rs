//! The ports of tenants. Their states and settings are kept in memory under the epoch of their tenant, which each change of one advances.

use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::Changed;
use domain::event::Happened;
use domain::identity::Secret;
use domain::name::TenantId;
use domain::page::{MAX_PAGE, Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::tenant::{Listed, Settings, Tenant, TenantChange, TenantNumber, TenantQuery, TenantRepository, TenantState, TenantStates};
use domain::time::Timestamp;
use rusqlite::Connection;
use storage_rules::Known;

use crate::error::{Error, Result};
use crate::store::EmbeddedStore;
use crate::utilities::advance_epoch;
use crate::{events, request, tenants::rows::List};

mod rows;

pub(crate) use rows::{HELD, is_at, is_held};

#[async_trait]
impl TenantStates for EmbeddedStore {
    async fn state(&self, tenant: &TenantId) -> domain::Result<Option<TenantState>> {
        Ok(self.known(tenant).await?.map(|known| known.state))
    }

    async fn settings(&self, tenant: &TenantId) -> domain::Result<Arc<Settings>> {
        Ok(self.known(tenant).await?.map(|known| known.settings).unwrap_or_default())
    }

    async fn is_held(&self, tenant: &TenantId) -> domain::Result<bool> {
        let tenant = tenant.clone();
        Ok(self.read(move |connection| rows::is_held(connection, &tenant)).await?)
    }
}

impl EmbeddedStore {
    async fn known(&self, tenant: &TenantId) -> Result<Option<Known>> {
        let epoch = self.epochs().find(tenant);
        if let Some(known) = self.states().find(tenant, epoch) {
            return Ok(Some(known));
        }
        let code = tenant.clone();
        // That there is no such tenant is not kept: names that somebody makes up would fill the memory.
        let Some(found) = self.read(move |connection| rows::find(connection, &code)).await? else { return Ok(None) };
        let known = Known { state: found.state, settings: Arc::new(found.settings) };
        self.states().keep(tenant, epoch, known.clone());
        Ok(Some(known))
    }
}

#[async_trait]
impl TenantRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope) -> domain::Result<Found<Tenant>> {
        let code = scope.tenant().clone();
        Ok(Found::of(self.read(move |connection| rows::find(connection, &code)).await?))
    }

    async fn list(&self, query: TenantQuery, page: &PageRequest) -> domain::Result<Found<Page<Listed>>> {
        let (list, vault) = (List::new(query, page, MAX_PAGE)?, self.vault());
        Ok(Found::one(self.read(move |connection| list.page(connection, &vault)).await?))
    }

    async fn codes(&self) -> domain::Result<Vec<TenantId>> {
        Ok(self.read(rows::codes).await?)
    }

    async fn create(
        &self,
        asked_in: &TenantScope,
        tenant: Tenant,
        db_password: Option<Secret>,
        request: Option<RequestKey>,
    ) -> domain::Result<Committed<Tenant>> {
        let vault = self.vault();
        let (asked_in, code, epochs, (now, since)) =
            (asked_in.tenant().clone(), tenant.code.clone(), self.epochs().clone(), self.request_window());
        let work = move |connection: &Connection| {
            if let Some(key) = &request
                && let Some(answered) = rows::answer(connection, request::find(connection, &asked_in, key, since)?)?
            {
                return Ok(answered);
            }
            let Some(number) = rows::insert(connection, &tenant)? else { return Ok(Committed::Conflict) };
            rows::keep_password(connection, &vault, &tenant.code, db_password.as_ref())?;
            epochs.advance(&tenant.code);
            let made = Tenant { number: TenantNumber::from_stored(number), ..tenant };
            events::note(connection, now, &Happened::of_tenant(None, &made))?;
            if let Some(key) = &request {
                rows::remember(connection, &asked_in, key, now, &made)?;
            }
            Ok(Committed::Answered(Box::new(made)))
        };
        Ok(self.change_identity(&code, None, work).await?)
    }

    async fn commit(&self, scope: &TenantScope, change: TenantChange) -> domain::Result<Committed<Tenant>> {
        if change.tenant.code != *scope.tenant() {
            return Err(Error::Misused("a change of another tenant").into());
        }
        let (epochs, vault, (now, since)) = (self.epochs().clone(), self.vault(), self.request_window());
        let TenantChange { expected, tenant, db_password, shreds, request } = change;
        let work = move |connection: &Connection| {
            if let Some(key) = &request
                && let Some(answered) = rows::answer(connection, request::find(connection, &tenant.code, key, since)?)?
            {
                return Ok(answered);
            }
            let before = rows::find(connection, &tenant.code)?;
            if !rows::update(connection, &tenant, expected)? {
                return Ok(Committed::Conflict);
            }
            events::note(connection, now, &Happened::of_tenant(before.as_ref(), &tenant))?;
            rows::keep_password(connection, &vault, &tenant.code, db_password.as_ref())?;
            if shreds {
                vault.destroy_tenant(connection, &tenant.code, now)?;
                // Whatever of its code others have opened and keep is of before.
                advance_epoch(connection, &tenant.code)?;
            }
            epochs.advance(&tenant.code);
            if let Some(key) = &request {
                rows::remember(connection, &tenant.code, key, now, &tenant)?;
            }
            Ok(Committed::Stored)
        };
        // Nobody knows what of it is kept open.
        let told = shreds.then_some(Changed::Anything);
        let committed = self.change_identity(scope.tenant(), told, work).await?;
        if shreds {
            // Whoever loaded keys beside the commit keeps none of them.
            self.vault().forget();
        }
        Ok(committed)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Tenant>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        let look = move |connection: &Connection| rows::answer(connection, request::find(connection, &tenant, &request, since)?);
        Ok(self.read(look).await?)
    }

    async fn ensure(&self, codes: &[TenantId], now: Timestamp) -> domain::Result<()> {
        let codes = codes.to_vec();
        let work = move |connection: &Connection| -> Result<()> {
            // Nothing is kept of a tenant that there is not, so no epoch need advance.
            codes.into_iter().try_for_each(|code| {
                let tenant = Tenant::new(code, now);
                let Some(number) = rows::insert(connection, &tenant)? else { return Ok(()) };
                let made = Tenant { number: TenantNumber::from_stored(number), ..tenant };
                events::note(connection, now, &Happened::of_tenant(None, &made))
            })
        };
        Ok(self.write(work).await?)
    }
}
