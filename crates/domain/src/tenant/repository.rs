//! The port to where tenants are stored.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::identity::Secret;
use crate::name::TenantId;
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey};
use crate::revision::Revision;
use crate::tenant::{Listed, Tenant, TenantStates};
use crate::time::Timestamp;

/// Which tenants, in the order of their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantQuery {
    /// Deleted ones too.
    pub show_deleted: bool,
}

/// One change of a tenant, stored whole or not at all.
#[derive(Debug)]
pub struct TenantChange {
    /// The revision that the store must hold for the change to apply.
    pub expected: Revision,
    /// The tenant after the change; its code and number stay what they are.
    pub tenant: Tenant,
    /// The password of its database, which is sealed and never read back; an empty one takes it away.
    pub db_password: Option<Secret>,
    /// Whether the keys of the tenant and of all its persons are destroyed with it, and their names.
    pub shreds: bool,
    /// The request to remember with its answer.
    pub request: Option<RequestKey>,
}

/// Port: tenants. Whether there is one, and in which state, [`TenantStates`] says of the same store.
#[async_trait]
pub trait TenantRepository: TenantStates {
    /// The tenant of this scope.
    async fn find(&self, scope: &TenantScope) -> Result<Found<Tenant>>;
    /// A page of tenants: no tenant's own, so whoever asks must reach the installation. One that cannot be read hides no other.
    async fn list(&self, query: TenantQuery, page: &PageRequest) -> Result<Found<Page<Listed>>>;
    /// The codes of all tenants, deleted ones included; also of those that cannot be read.
    async fn codes(&self) -> Result<Vec<TenantId>>;
    /// Stores a new tenant with the next number of the store, and answers it; remembers the request in the scope of who asked. Never
    /// [`Committed::Stored`]: what was made is the answer. A taken code is a conflict.
    async fn create(
        &self,
        asked_in: &TenantScope,
        tenant: Tenant,
        db_password: Option<Secret>,
        request: Option<RequestKey>,
    ) -> Result<Committed<Tenant>>;
    /// Stores a change, whole or not at all.
    async fn commit(&self, scope: &TenantScope, change: TenantChange) -> Result<Committed<Tenant>>;
    /// What a request was answered with, if it was: looked for before anything about it is judged.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Tenant>>>;
    /// Makes those of these tenants that there are not, as a server does that starts. Those that are stay as they are, deleted ones too.
    async fn ensure(&self, codes: &[TenantId], now: Timestamp) -> Result<()>;
}
