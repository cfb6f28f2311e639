//! The port to where grants are stored.

use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, Grant, Grantee, HeldGrants, TenantScope};
use crate::name::UtilityId;
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey};
use crate::time::Timestamp;

/// Port: grants, one for each utility and grantee. Whoever reads after a change was answered sees it.
#[async_trait]
pub trait GrantRepository: Send + Sync {
    /// Stores a grant in place of the one that its grantee has of its utility. Grants of the grantee that have expired at `now` are
    /// removed with it. [`Committed::Conflict`] where the grantee has [`crate::access::MAX_GRANTS`] others.
    async fn put(&self, scope: &TenantScope, grant: &Grant, now: Timestamp, request: Option<&RequestKey>) -> Result<Committed<Grant>>;
    /// Removes a grant. [`Committed::Conflict`] where the stored one is another, or there is none.
    async fn remove(&self, scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>) -> Result<Committed<Grant>>;
    /// One grant.
    async fn find(&self, scope: &TenantScope, utility: &UtilityId, grantee: &Grantee) -> Result<Found<Grant>>;
    /// A page of the grants of a utility, by grantee.
    async fn list(&self, scope: &TenantScope, utility: &UtilityId, page: &PageRequest) -> Result<Found<Page<Grant>>>;
    /// Everything that a grantee was granted.
    async fn held_by(&self, scope: &TenantScope, grantee: &Grantee) -> Result<Arc<HeldGrants>>;
    /// What a request was answered with, if it was: looked for before anything about it is judged.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Grant>>>;
}
