//! The port to where grants are stored.

use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, Grant, Grantee, HeldGrants, TenantScope};
use crate::name::{UtilityId, UtilityName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey};
use crate::time::Timestamp;

/// From which side shares are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the tenant shares with others.
    Given,
    /// What others share with the tenant.
    Received,
}

/// Port: grants, one for each utility and grantee. Whoever reads after a change was answered sees it.
#[async_trait]
pub trait GrantRepository: Send + Sync {
    /// Stores a grant in place of the one that its grantee has of its utility. Grants of the grantee that have expired at `now` are
    /// removed with it, but for what is offered to another tenant or shared with it. [`Committed::Conflict`] where the grantee has
    /// [`crate::access::MAX_GRANTS`] others; for an offer also where the tenant gives [`crate::access::MAX_GIVEN`] others, and where the
    /// grantee has accepted what it would replace: that is removed before.
    async fn put(&self, scope: &TenantScope, grant: &Grant, now: Timestamp, request: Option<&RequestKey>) -> Result<Committed<Grant>>;
    /// Removes a grant. [`Committed::Conflict`] where the stored one is another, or there is none.
    async fn remove(&self, scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>) -> Result<Committed<Grant>>;
    /// One grant.
    async fn find(&self, scope: &TenantScope, utility: &UtilityId, grantee: &Grantee) -> Result<Found<Grant>>;
    /// A page of the grants of a utility, by grantee.
    async fn list(&self, scope: &TenantScope, utility: &UtilityId, page: &PageRequest) -> Result<Found<Page<Grant>>>;
    /// What another tenant has offered to this one, or shares with it.
    async fn find_received(&self, scope: &TenantScope, utility: &UtilityName) -> Result<Found<Grant>>;
    /// Stores what the tenant has made of what it was offered in place of `before`: `after`, or nothing. [`Committed::Conflict`] where
    /// another one stands there, or where the tenant has accepted [`crate::access::MAX_GRANTS`] others.
    async fn answer(
        &self,
        scope: &TenantScope,
        before: &Grant,
        after: Option<&Grant>,
        request: Option<&RequestKey>,
    ) -> Result<Committed<Grant>>;
    /// A page of what is shared, by utility and tenant.
    async fn list_shares(&self, scope: &TenantScope, side: Side, page: &PageRequest) -> Result<Found<Page<Grant>>>;
    /// Everything that a grantee was granted, and where it is the tenant, what others share with it.
    async fn held_by(&self, scope: &TenantScope, grantee: &Grantee) -> Result<Arc<HeldGrants>>;
    /// What a request was answered with, if it was: looked for before anything about it is judged.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Grant>>>;
}
