//! The ports of identity: principals, API keys, sessions, and the code for the first super administrator.
//!
//! Whatever takes something away advances the epoch of its tenant in the same transaction, so that every server knows it in time, and so
//! that of two changes of one tenant's identity the second sees the first.

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
use storage_rules::PageById;

use crate::error::{Error, Result};
use crate::session::Session as DatabaseSession;
use crate::store::MongoStore;
use crate::transaction::{read, transact};
use crate::{audit, epochs, request};

mod api_keys;
mod bootstrap;
mod deletions;
mod names;
pub(crate) mod principals;
pub(crate) mod sessions;

#[async_trait]
impl PrincipalRepository for MongoStore {
    async fn find(&self, scope: &TenantScope, name: &PrincipalName) -> domain::Result<Found<Principal>> {
        let vault = &self.shared.vault;
        Ok(Found::of(read!(self, "reading a principal", |session| principals::find(session, vault, scope.tenant(), name).await)?))
    }

    async fn list(&self, scope: &TenantScope, query: &PrincipalQuery, page: &PageRequest) -> domain::Result<Found<Page<Principal>>> {
        let (page, vault) = (PageById::new(page, principals::ORDER)?, &self.shared.vault);
        let list = read!(self, "listing principals", |session| principals::list(session, vault, scope.tenant(), query, &page).await);
        Ok(Found::one(list?))
    }

    async fn count_super_admins(&self, scope: &TenantScope) -> domain::Result<u64> {
        Ok(read!(self, "counting super administrators", |session| principals::count_ruling(session, scope.tenant()).await)?)
    }

    async fn commit(&self, scope: &TenantScope, change: PrincipalChange) -> domain::Result<Committed<Principal>> {
        check_tenant(scope, &change.principal.name)?;
        let (tenant, vault, window) = (scope.tenant(), &self.shared.vault, self.request_window());
        let committed = transact!(self, "storing a principal", tenant, |session| {
            if !is_judged_now(session, tenant, change.judged_at).await? {
                return Ok(Committed::Conflict);
            }
            let committed = principals::commit(session, vault, tenant, &change, window).await?;
            if committed == Committed::Stored {
                session.advance_identity(tenant).await?;
                if change.deletes {
                    session.tell(taken(&change.principal.name));
                }
            }
            Ok(committed)
        });
        Ok(committed?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<Principal>>> {
        let (tenant, vault, (_, since)) = (scope.tenant(), &self.shared.vault, self.request_window());
        let look = read!(self, "reading an answered request", |session| {
            let remembered = request::find(session, tenant, request, since).await?;
            principals::answer(session, vault, remembered).await
        });
        Ok(look?)
    }

    async fn find_deletion(&self, scope: &TenantScope, name: &PrincipalName) -> domain::Result<Option<Timestamp>> {
        let vault = &self.shared.vault;
        Ok(read!(self, "reading a deletion", |session| deletions::find(session, vault, scope.tenant(), name).await)?)
    }

    async fn rehash(&self, scope: &TenantScope, principal: &Principal) -> domain::Result<()> {
        check_tenant(scope, &principal.name)?;
        let (tenant, vault) = (scope.tenant(), &self.shared.vault);
        let update = transact!(self, "storing a hash", tenant, |session| {
            principals::update(session, vault, tenant, principal, principal.revision).await.map(drop)
        });
        Ok(update?)
    }

    async fn epoch(&self, scope: &TenantScope) -> domain::Result<u64> {
        Ok(self.identity_epoch(scope.tenant()).await?)
    }
}

#[async_trait]
impl ApiKeyRepository for MongoStore {
    async fn find_shown(&self, id: &ApiKeyId) -> domain::Result<Option<ApiKey>> {
        Ok(read!(self, "reading an API key", |session| api_keys::find_shown(session, id).await)?)
    }

    async fn find(&self, scope: &TenantScope, account: &PrincipalName, id: &ApiKeyId) -> domain::Result<Found<ApiKey>> {
        Ok(Found::of(read!(self, "reading an API key", |session| api_keys::find(session, scope.tenant(), account, id).await)?))
    }

    async fn list(&self, scope: &TenantScope, account: &PrincipalName, page: &PageRequest) -> domain::Result<Found<Page<ApiKey>>> {
        let page = PageById::new(page, api_keys::ORDER)?;
        Ok(Found::one(read!(self, "listing API keys", |session| api_keys::list(session, scope.tenant(), account, &page).await)?))
    }

    async fn commit(&self, scope: &TenantScope, change: ApiKeyChange) -> domain::Result<Committed<ApiKey>> {
        check_tenant(scope, &change.key.account)?;
        let (tenant, window) = (scope.tenant(), self.request_window());
        let committed = transact!(self, "storing an API key", tenant, |session| {
            let committed = api_keys::commit(session, tenant, &change, window).await?;
            if committed == Committed::Stored {
                session.advance_identity(tenant).await?;
            }
            Ok(committed)
        });
        Ok(committed?)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> domain::Result<Option<Committed<ApiKey>>> {
        let (tenant, (_, since)) = (scope.tenant(), self.request_window());
        let look = read!(self, "reading an answered request", |session| {
            api_keys::answer(request::find(session, tenant, request, since).await?)
        });
        Ok(look?)
    }

    async fn note_use(&self, scope: &TenantScope, id: &ApiKeyId, at: Timestamp) -> domain::Result<()> {
        // One statement that may be done twice: it needs no transaction.
        Ok(read!(self, "noting the use of an API key", |session| api_keys::note_use(session, scope.tenant(), id, at).await)?)
    }
}

#[async_trait]
impl SessionRepository for MongoStore {
    async fn find_shown(&self, id: &SessionId) -> domain::Result<Option<Session>> {
        Ok(read!(self, "reading a session", |session| sessions::find_shown(session, id).await)?)
    }

    async fn find(&self, scope: &TenantScope, principal: &PrincipalName, id: &SessionId) -> domain::Result<Found<Session>> {
        Ok(Found::of(read!(self, "reading a session", |session| sessions::find(session, scope.tenant(), principal, id).await)?))
    }

    async fn insert(&self, scope: &TenantScope, session: &Session, record: Option<&Entry>) -> domain::Result<()> {
        check_tenant(scope, &session.principal)?;
        let (tenant, begun) = (scope.tenant(), session);
        let inserted = transact!(self, "storing a session", tenant, |session| {
            sessions::insert(session, tenant, begun).await?;
            audit::add_all(session, record).await
        });
        inserted?;
        let forgotten = read!(self, "forgetting sessions", |session| sessions::forget_some(session, tenant, begun.created).await);
        if let Err(error) = forgotten {
            // The next one that begins forgets them.
            tracing::warn!(error = &error as &dyn std::error::Error, "sessions that have ended were not forgotten");
        }
        Ok(())
    }

    async fn rotate(&self, scope: &TenantScope, session: &Session) -> domain::Result<bool> {
        check_tenant(scope, &session.principal)?;
        let (tenant, next) = (scope.tenant(), session);
        Ok(transact!(self, "storing a session", tenant, |session| sessions::rotate(session, tenant, next).await)?)
    }

    async fn revoke(&self, scope: &TenantScope, id: &SessionId, at: Timestamp) -> domain::Result<bool> {
        let tenant = scope.tenant();
        let revoked = transact!(self, "revoking a session", tenant, |session| {
            let found = sessions::revoke(session, tenant, id, at).await?;
            if found {
                session.advance_identity(tenant).await?;
            }
            Ok(found)
        });
        Ok(revoked?)
    }
}

#[async_trait]
impl BootstrapRepository for MongoStore {
    async fn offer(&self, code: Hash) -> domain::Result<bool> {
        let system = TenantId::system();
        Ok(transact!(self, "keeping a code", &system, |session| bootstrap::offer(session, &code).await)?)
    }

    async fn redeem(&self, code: &Hash, principal: &Principal) -> domain::Result<bool> {
        let system = TenantScope::for_system(TenantId::system());
        check_tenant(&system, &principal.name)?;
        let (vault, (now, _)) = (&self.shared.vault, self.request_window());
        let redeemed = transact!(self, "redeeming a code", system.tenant(), |session| {
            let redeemed = bootstrap::redeem(session, vault, code, principal, now).await?;
            if redeemed {
                session.advance_identity(system.tenant()).await?;
            }
            Ok(redeemed)
        });
        Ok(redeemed?)
    }
}

/// Whether a change was judged at the epoch that it is stored at. The second of two that were judged at the same one finds another, as
/// both advance it.
pub(crate) async fn is_judged_now(session: &mut DatabaseSession, tenant: &TenantId, judged_at: Option<u64>) -> Result<bool> {
    match judged_at {
        Some(judged) => Ok(judged == epochs::of_identity(session, tenant).await?),
        None => Ok(true),
    }
}

/// What copies of what was granted to a principal are voided by.
pub(crate) fn taken(name: &PrincipalName) -> Changed {
    Changed::Grants { tenant: name.tenant().clone(), grantee: Grantee::Principal(name.clone()).to_string() }
}

fn check_tenant(scope: &TenantScope, name: &PrincipalName) -> Result<()> {
    if name.tenant() == scope.tenant() { Ok(()) } else { Err(Error::Misused("a principal of another tenant")) }
}
