//! The port to where code policies are stored.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::code_policy::CodePolicy;
use crate::revision::Revision;

/// Port: code policies, one a tenant.
#[async_trait]
pub trait CodePolicyRepository: Send + Sync {
    /// The tenant's policy, if one was stored.
    async fn find(&self, scope: &TenantScope) -> Result<Found<CodePolicy>>;
    /// Stores a policy when the stored one has the `expected` revision ([`Revision::NONE`]: there is none). Says whether it had.
    async fn commit(&self, scope: &TenantScope, expected: Revision, policy: &CodePolicy) -> Result<bool>;
}

/// The policy in force for a tenant: the stored one, or the default.
///
/// # Errors
/// Those of the store.
pub(crate) async fn policy_in_force(policies: &dyn CodePolicyRepository, scope: &TenantScope) -> Result<Found<CodePolicy>> {
    Ok(policies.find(scope).await?.or_else(|| CodePolicy::default_of(scope.tenant().clone())))
}
