//! The ports of identity: principals, API keys, sessions, and the code for the first super administrator.

use async_trait::async_trait;
use domain::access::{Found, Grantee, TenantScope};
use domain::audit::Entry;
use domain::change::Changed;
use domain::hash::Hash;
use domain::identity::{
    ApiKey, ApiKeyChange, ApiKeyRepository, BootstrapRepository, Principal, PrincipalChange, PrincipalQuery, PrincipalRepository, Session,
    SessionRepository,
};
use domain::name::{ApiKeyId, PrincipalName, SessionId, TenantId};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::Timestamp;

use crate::audit;
use crate::error::Error;
use crate::request;
use crate::store::EmbeddedStore;

mod api_keys;
mod bootstrap;
pub(crate) mod principals;
pub(crate) mod sessions;

#[async_trait]
impl PrincipalRepository for EmbeddedStore {
    async fn find(&self, scope: &TenantScope, name: &PrincipalName) -> domain::Result<Found<Principal>> {
        let (tenant, name, vault) = (scope.tenant().clone(), name.clone(), self.vault());
        Ok(Found::of(self.read(move |connection| principals::find(connection, &vault, &tenant, &name)).await?))
    }

    async fn list(&self, scope: &TenantScope, query: &PrincipalQuery, page: &PageRequest) -> domain::Result<Found<Page<Principal>>> {
        let (list, vault) = (principals::List::new(scope.tenant().clone(), query.clone(), page)?, self.vault());
        Ok(Found::one(self.read(move |connection| list.page(connection, &vault)).await?))
    }

    async fn count_super_admins(&self, scope: &TenantScope) -> domain::Result<u64> {
        let tenant = scope.tenant().clone();
        Ok(self.read(move |connection| principals::count_ruling(connection, &tenant)).await?)
    }

    async fn commit(&self, scope: &TenantScope, change: PrincipalChange) -> domain::Result<Committed<Principal>> {
        check_tenant(scope, &change.principal.name)?;
        let (tenant, epochs, (now, since)) = (scope.tenant().clone(), self.epochs().clone(), self.request_window());
        let grantee = Grantee::Principal(change.principal.name.clone()).to_string();
        let vault = self.vault();
        let taken = change.deletes.then(|| Changed::Grants { tenant: tenant.clone(), grantee });
        let work = move |connection: &rusqlite::Connection| {
            if change.judged_at.is_some_and(|judged| judged != epochs.find(&tenant)) {
                return Ok(Committed::Conflict);
            }
            let committed = principals::commit(connection, &vault, &tenant, change, now, since)?;
            if committed == Committed::Stored {
                epochs.advance(&tenant);
            }
            Ok(committed)
        };
        Ok(self.change_identity(scope.tenant(), taken, work).await?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Principal>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        let vault = self.vault();
        let find = move |connection: &rusqlite::Connection| {
            principals::answer(connection, &vault, request::find(connection, &tenant, &request, since)?)
        };
        Ok(self.read(find).await?)
    }

    async fn find_deletion(&self, scope: &TenantScope, name: &PrincipalName) -> domain::Result<Option<Timestamp>> {
        let (tenant, name, vault) = (scope.tenant().clone(), name.clone(), self.vault());
        Ok(self.read(move |connection| principals::find_deletion(connection, &vault, &tenant, &name)).await?)
    }

    async fn rehash(&self, scope: &TenantScope, principal: &Principal) -> domain::Result<()> {
        check_tenant(scope, &principal.name)?;
        let (tenant, principal, vault) = (scope.tenant().clone(), principal.clone(), self.vault());
        let update = move |connection: &rusqlite::Connection| {
            principals::update(connection, &vault, &tenant, &principal, principal.revision).map(drop)
        };
        Ok(self.write(update).await?)
    }

    async fn epoch(&self, scope: &TenantScope) -> domain::Result<u64> {
        Ok(self.epochs().find(scope.tenant()))
    }
}

#[async_trait]
impl ApiKeyRepository for EmbeddedStore {
    async fn find_shown(&self, id: &ApiKeyId) -> domain::Result<Option<ApiKey>> {
        let id = id.clone();
        Ok(self.read(move |connection| api_keys::find_shown(connection, &id)).await?)
    }

    async fn find(&self, scope: &TenantScope, account: &PrincipalName, id: &ApiKeyId) -> domain::Result<Found<ApiKey>> {
        let (tenant, account, id) = (scope.tenant().clone(), account.clone(), id.clone());
        Ok(Found::of(self.read(move |connection| api_keys::find(connection, &tenant, &account, &id)).await?))
    }

    async fn list(&self, scope: &TenantScope, account: &PrincipalName, page: &PageRequest) -> domain::Result<Found<Page<ApiKey>>> {
        let (list, vault) = (api_keys::List::new(scope.tenant().clone(), account.clone(), page)?, self.vault());
        Ok(Found::one(self.read(move |connection| list.page(connection, &vault)).await?))
    }

    async fn commit(&self, scope: &TenantScope, change: ApiKeyChange) -> domain::Result<Committed<ApiKey>> {
        check_tenant(scope, &change.key.account)?;
        let (tenant, epochs, (now, since)) = (scope.tenant().clone(), self.epochs().clone(), self.request_window());
        let work = move |connection: &rusqlite::Connection| {
            let committed = api_keys::commit(connection, &tenant, &change, now, since)?;
            if committed == Committed::Stored {
                epochs.advance(&tenant);
            }
            Ok(committed)
        };
        Ok(self.change_identity(scope.tenant(), None, work).await?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<ApiKey>>> {
        let (tenant, request, (_, since)) = (scope.tenant().clone(), request.clone(), self.request_window());
        Ok(self.read(move |connection| api_keys::answer(request::find(connection, &tenant, &request, since)?)).await?)
    }

    async fn note_use(&self, scope: &TenantScope, id: &ApiKeyId, at: Timestamp) -> domain::Result<()> {
        let (tenant, id) = (scope.tenant().clone(), id.clone());
        Ok(self.write(move |connection| api_keys::note_use(connection, &tenant, &id, at)).await?)
    }
}

#[async_trait]
impl SessionRepository for EmbeddedStore {
    async fn find_shown(&self, id: &SessionId) -> domain::Result<Option<Session>> {
        let id = id.clone();
        Ok(self.read(move |connection| sessions::find_shown(connection, &id)).await?)
    }

    async fn find(&self, scope: &TenantScope, principal: &PrincipalName, id: &SessionId) -> domain::Result<Found<Session>> {
        let (tenant, principal, id) = (scope.tenant().clone(), principal.clone(), id.clone());
        Ok(Found::of(self.read(move |connection| sessions::find(connection, &tenant, &principal, &id)).await?))
    }

    async fn insert(&self, scope: &TenantScope, session: &Session, record: Option<&Entry>) -> domain::Result<()> {
        check_tenant(scope, &session.principal)?;
        let (tenant, session, record, vault) = (scope.tenant().clone(), session.clone(), record.cloned(), self.vault());
        let insert = move |connection: &rusqlite::Connection| {
            sessions::insert(connection, &tenant, &session)?;
            audit::add_all(connection, &vault, record.iter())
        };
        Ok(self.write(insert).await?)
    }

    async fn rotate(&self, scope: &TenantScope, session: &Session) -> domain::Result<bool> {
        check_tenant(scope, &session.principal)?;
        let (tenant, session) = (scope.tenant().clone(), session.clone());
        Ok(self.write(move |connection| sessions::rotate(connection, &tenant, &session)).await?)
    }

    async fn revoke(&self, scope: &TenantScope, id: &SessionId, at: Timestamp) -> domain::Result<bool> {
        let (tenant, id, epochs) = (scope.tenant().clone(), id.clone(), self.epochs().clone());
        let work = move |connection: &rusqlite::Connection| {
            let found = sessions::revoke(connection, &tenant, &id, at)?;
            if found {
                epochs.advance(&tenant);
            }
            Ok(found)
        };
        Ok(self.change_identity(scope.tenant(), None, work).await?)
    }
}

#[async_trait]
impl BootstrapRepository for EmbeddedStore {
    async fn offer(&self, code: Hash) -> domain::Result<bool> {
        Ok(self.write(move |connection| bootstrap::offer(connection, &code)).await?)
    }

    async fn redeem(&self, code: &Hash, principal: &Principal) -> domain::Result<bool> {
        let system = TenantScope::for_system(TenantId::system());
        check_tenant(&system, &principal.name)?;
        let (code, principal, epochs, vault) = (*code, principal.clone(), self.epochs().clone(), self.vault());
        let (now, _) = self.request_window();
        let work = move |connection: &rusqlite::Connection| {
            let redeemed = bootstrap::redeem(connection, &vault, &code, &principal, now)?;
            if redeemed {
                epochs.advance(principal.name.tenant());
            }
            Ok(redeemed)
        };
        Ok(self.change_identity(system.tenant(), None, work).await?)
    }
}

fn check_tenant(scope: &TenantScope, name: &PrincipalName) -> Result<(), Error> {
    if name.tenant() == scope.tenant() { Ok(()) } else { Err(Error::Misused("a principal of another tenant")) }
}
