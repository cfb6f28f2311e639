//! The ports to where principals, API keys and sessions are stored. All three are one store: a change of any of them that takes
//! something away advances the epoch of its tenant in the same commit.

use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::audit::Entry;
use crate::hash::Hash;
use crate::identity::{ApiKey, MAX_EXTERNAL_TOKEN_LIFE, Principal, Session};
use crate::name::{ApiKeyId, PrincipalKind, PrincipalName, SessionId};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey};
use crate::time::Timestamp;

/// How long it is remembered that a user was deleted: longer than what outside issuers issued to them lives, however clocks differ. Of a
/// service account it is remembered for good: its certificates live for as long as an authority pleases.
pub const DELETION_REMEMBERED: Duration = MAX_EXTERNAL_TOKEN_LIFE.saturating_mul(2);

/// One change of a principal, stored whole or not at all.
#[derive(Debug, Clone)]
pub struct PrincipalChange {
    /// What the store must hold for the change to apply.
    pub expected: Expected,
    /// The principal after the change; the last it was, where it is deleted, with what was issued to it void.
    pub principal: Principal,
    /// Whether it is deleted, with its API keys, its sessions and what was granted to it.
    pub deletes: bool,
    /// The tenant's epoch that the change was judged at, where it depends on more than the principal: another one is a conflict.
    pub judged_at: Option<u64>,
    /// The request to remember with its answer, which never holds the password.
    pub request: Option<RequestKey>,
}

/// Which principals of a tenant, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalQuery {
    /// Users or service accounts.
    pub kind: PrincipalKind,
    /// Only this one, where a caller reaches no other.
    pub only: Option<PrincipalName>,
}

/// One change of an API key.
#[derive(Debug, Clone)]
pub struct ApiKeyChange {
    /// What the store must hold for the change to apply.
    pub expected: Expected,
    /// The key after the change.
    pub key: ApiKey,
    /// The request to remember with its answer, which never holds the key itself.
    pub request: Option<RequestKey>,
}

/// Port: users and service accounts.
#[async_trait]
pub trait PrincipalRepository: Send + Sync {
    /// The principal of this name.
    async fn find(&self, scope: &TenantScope, name: &PrincipalName) -> Result<Found<Principal>>;
    /// A page of principals.
    async fn list(&self, scope: &TenantScope, query: &PrincipalQuery, page: &PageRequest) -> Result<Found<Page<Principal>>>;
    /// How many super administrators of the tenant are active.
    async fn count_super_admins(&self, scope: &TenantScope) -> Result<u64>;
    /// Stores a change, whole or not at all.
    async fn commit(&self, scope: &TenantScope, change: PrincipalChange) -> Result<Committed<Principal>>;
    /// What a request was answered with, if it was: looked for before anything about it is judged.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Principal>>>;
    /// The [`Principal::valid_after`] with which the principal of this name was deleted last: of a user remembered for
    /// [`DELETION_REMEMBERED`] at least, of a service account for good.
    async fn find_deletion(&self, scope: &TenantScope, name: &PrincipalName) -> Result<Option<Timestamp>>;
    /// Takes the new hash of the same password, unless the stored principal has another revision. Not a change: neither revision nor
    /// epoch grow.
    async fn rehash(&self, scope: &TenantScope, principal: &Principal) -> Result<()>;
    /// How often something of the tenant's principals, API keys and sessions was changed or taken away. It grows at least once
    /// with each such change, before that is answered, so what was loaded is current as long as the epoch is the one from before the
    /// load. Asked on each call; a number says nothing to another server.
    async fn epoch(&self, scope: &TenantScope) -> Result<u64>;
}

/// Port: API keys.
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// The key with this id, of whichever tenant: for one that was shown, before it is known who calls.
    async fn find_shown(&self, id: &ApiKeyId) -> Result<Option<ApiKey>>;
    /// A key of an account.
    async fn find(&self, scope: &TenantScope, account: &PrincipalName, id: &ApiKeyId) -> Result<Found<ApiKey>>;
    /// A page of an account's keys, in the order of their ids.
    async fn list(&self, scope: &TenantScope, account: &PrincipalName, page: &PageRequest) -> Result<Found<Page<ApiKey>>>;
    /// Stores a change, whole or not at all.
    async fn commit(&self, scope: &TenantScope, change: ApiKeyChange) -> Result<Committed<ApiKey>>;
    /// What a request was answered with, if it was.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<ApiKey>>>;
    /// Takes note of a use; not a change.
    async fn note_use(&self, scope: &TenantScope, id: &ApiKeyId, at: Timestamp) -> Result<()>;
}

/// Port: sessions.
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// The session with this id, of whichever tenant: for a refresh token that was shown, before it is known who calls.
    async fn find_shown(&self, id: &SessionId) -> Result<Option<Session>>;
    /// A session of a principal.
    async fn find(&self, scope: &TenantScope, principal: &PrincipalName, id: &SessionId) -> Result<Found<Session>>;
    /// Stores a session that begins together with the record of its beginning, both or neither, and forgets some that have ended. Fails
    /// where there is a session of its id, whosever it is: that one stays as it is.
    async fn insert(&self, scope: &TenantScope, session: &Session, record: Option<&Entry>) -> Result<()>;
    /// Stores a session's next generation, where the stored one is the generation before and is not revoked. Says whether it was.
    async fn rotate(&self, scope: &TenantScope, session: &Session) -> Result<bool>;
    /// Revokes a session; one that is revoked already stays as it is. Says whether there is one.
    async fn revoke(&self, scope: &TenantScope, id: &SessionId, at: Timestamp) -> Result<bool>;
}

/// Port: the code by which the first super administrator is made.
#[async_trait]
pub trait BootstrapRepository: Send + Sync {
    /// Keeps the hash of the one code that counts, unless there is an active super administrator. Says whether it was kept.
    async fn offer(&self, code: Hash) -> Result<bool>;
    /// Stores the first super administrator and forgets the code, where this is the code that counts and the name is free. Says
    /// whether it was so.
    async fn redeem(&self, code: &Hash, principal: &Principal) -> Result<bool>;
}
