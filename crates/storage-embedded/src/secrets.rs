//! The port of named secrets.

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::identity::Secret;
use domain::name::{SecretId, SecretName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::revision::Revision;
use domain::secret::{NamedSecret, SecretChange, SecretRepository};
use domain::time::Timestamp;
use rusqlite::Connection;
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::EmbeddedStore;

mod rows;

#[async_trait]
impl SecretRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope, id: &SecretId) -> domain::Result<Found<NamedSecret>> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(Found::of(self.read(move |connection| rows::find(connection, &tenant, &id)).await?))
    }

    async fn list(&self, scope: &TenantScope, page: &PageRequest) -> domain::Result<Found<Page<NamedSecret>>> {
        let (tenant, page, vault) = (scope.tenant().clone(), PageById::new(page, rows::ORDER)?, self.vault());
        Ok(Found::one(self.read(move |connection| rows::list(connection, &vault, &tenant, &page)).await?))
    }

    async fn commit(&self, scope: &TenantScope, change: SecretChange) -> domain::Result<Committed<NamedSecret>> {
        if change.secret.name.tenant != *scope.tenant() {
            return Err(Error::Misused("a secret of another tenant").into());
        }
        let (vault, window) = (self.vault(), self.request_window());
        Ok(self.write(move |connection: &Connection| rows::commit(connection, &vault, &change, window)).await?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<NamedSecret>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        Ok(self.read(move |connection| rows::answer(request::find(connection, &tenant, &request, since)?)).await?)
    }

    async fn open(&self, scope: &TenantScope, id: &SecretId) -> domain::Result<Option<(NamedSecret, Secret)>> {
        let (name, vault) = (SecretName { tenant: scope.tenant().clone(), secret: id.clone() }, self.vault());
        Ok(self.read(move |connection| rows::open(connection, &vault, &name)).await?)
    }

    async fn find_unreadable(&self, scope: &TenantScope, id: &SecretId) -> domain::Result<Option<Revision>> {
        let (name, vault) = (SecretName { tenant: scope.tenant().clone(), secret: id.clone() }, self.vault());
        Ok(self.read(move |connection| rows::find_unreadable(connection, &vault, &name)).await?)
    }

    async fn note_uses(&self, scope: &TenantScope, ids: &[SecretId], now: Timestamp) -> domain::Result<()> {
        let (tenant, ids) = (scope.tenant().clone(), ids.to_vec());
        let asked = tenant.clone();
        // Most uses are noted already: those need no writer.
        let due = self.read(move |connection| rows::not_used_since(connection, &asked, ids, now)).await?;
        if due.is_empty() {
            return Ok(());
        }
        Ok(self.write_behind(move |connection: &Connection| rows::note_uses(connection, &tenant, &due, now)).await?)
    }
}
