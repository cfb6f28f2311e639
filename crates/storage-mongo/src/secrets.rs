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
use storage_rules::PageById;

use crate::error::Error;
use crate::request;
use crate::store::MongoStore;
use crate::transaction::{read, transact};

mod rows;

#[async_trait]
impl SecretRepository for MongoStore {
    async fn find(&self, scope: &TenantScope, id: &SecretId) -> domain::Result<Found<NamedSecret>> {
        let name = named(scope, id);
        Ok(Found::of(read!(self, "reading a secret", |session| rows::find(session, &name).await)?))
    }

    async fn list(&self, scope: &TenantScope, page: &PageRequest) -> domain::Result<Found<Page<NamedSecret>>> {
        let page = PageById::new(page, rows::ORDER)?;
        Ok(Found::one(read!(self, "listing secrets", |session| rows::list(session, scope.tenant(), &page).await)?))
    }

    async fn commit(&self, scope: &TenantScope, change: SecretChange) -> domain::Result<Committed<NamedSecret>> {
        if change.secret.name.tenant != *scope.tenant() {
            return Err(Error::Misused("a secret of another tenant").into());
        }
        let window = self.request_window();
        Ok(transact!(self, "storing a secret", scope.tenant(), |session| rows::commit(session, &change, window).await)?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<NamedSecret>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let look =
            read!(self, "reading an answered request", |session| { rows::answer(request::find(session, tenant, request, since).await?) });
        Ok(look?)
    }

    async fn open(&self, scope: &TenantScope, id: &SecretId) -> domain::Result<Option<(NamedSecret, Secret)>> {
        let name = named(scope, id);
        Ok(read!(self, "opening a secret", |session| rows::open(session, &name).await)?)
    }

    async fn find_unreadable(&self, scope: &TenantScope, id: &SecretId) -> domain::Result<Option<Revision>> {
        let name = named(scope, id);
        Ok(read!(self, "reading the revision of a secret", |session| rows::find_unreadable(session, &name).await)?)
    }

    async fn note_uses(&self, scope: &TenantScope, ids: &[SecretId], now: Timestamp) -> domain::Result<()> {
        // One statement that may be done twice: it needs no transaction.
        Ok(read!(self, "noting uses of secrets", |session| rows::note_uses(session, scope.tenant(), ids, now).await)?)
    }
}

fn named(scope: &TenantScope, id: &SecretId) -> SecretName {
    SecretName { tenant: scope.tenant().clone(), secret: id.clone() }
}
