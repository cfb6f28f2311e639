//! The failures that rules speak of: something stored that does not decode or open, and what a tenant may have no more of, or never again.

use std::error::Error;

use domain::error::Source;
use domain::name::TenantId;

/// A store's error, as far as the rules know it.
pub trait Failure: Error + Sized + Send + Sync + 'static {
    /// What is stored under a key does not decode.
    fn undecodable(table: &'static str, key: String, source: Source) -> Self;

    /// What is sealed under a key does not open.
    fn unopened(table: &'static str, key: String, source: keys::Error) -> Self;

    /// What is asked for was sealed by the key of a deleted tenant, which was destroyed: nobody's fault, and nothing to be mended.
    fn destroyed(tenant: &TenantId) -> Self;

    /// Whether it is about one thing that is stored, and hides none of the others: one of the three above.
    fn is_of_one_thing(&self) -> bool;
}

/// That a tenant has as many of something as it may have, or that what it had is gone for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Utilities.
    #[error("the tenant {tenant} has {most} utilities, and may have no more")]
    Utilities {
        /// Whose.
        tenant: TenantId,
        /// How many it may have.
        most: u32,
    },
    /// Webhooks.
    #[error("the tenant {tenant} has as many webhooks as it may have")]
    Webhooks {
        /// Whose.
        tenant: TenantId,
    },
    /// Named secrets.
    #[error("the tenant {tenant} has as many secrets as it may have")]
    Secrets {
        /// Whose.
        tenant: TenantId,
    },
    /// Schedules.
    #[error("the tenant {tenant} has as many schedules as it may have")]
    Schedules {
        /// Whose.
        tenant: TenantId,
    },
    /// Operations that have not ended.
    #[error("the tenant {tenant} has as many operations as it may have")]
    Operations {
        /// Whose.
        tenant: TenantId,
    },
    /// What its key has sealed.
    #[error("the keys of the tenant {tenant}, which was deleted, are destroyed")]
    Destroyed {
        /// Whose.
        tenant: TenantId,
    },
}

impl From<&Refusal> for domain::Error {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Utilities { tenant, most } => domain::tenant::Quota::utilities_full(tenant, *most),
            Refusal::Webhooks { tenant } => domain::webhook::too_many(tenant),
            Refusal::Secrets { tenant } => domain::secret::too_many(tenant),
            Refusal::Schedules { tenant } => domain::schedule::too_many(tenant),
            Refusal::Operations { tenant } => domain::operation::too_many(tenant),
            Refusal::Destroyed { tenant } => domain::tenant::keys_destroyed(tenant),
        }
    }
}
