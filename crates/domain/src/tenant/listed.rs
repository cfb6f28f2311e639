//! Tenants as lists show them: what is stored of one may be damaged, and hides no other.

use crate::access::{Resource, Target};
use crate::name::{PrincipalName, TenantId, TenantName};
use crate::tenant::{Tenant, TenantNumber, TenantState};

/// A tenant in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// As it is kept.
    Whole(Box<Tenant>),
    /// Nothing but what stands beside what cannot be read.
    Unreadable(Unreadable),
}

/// What is known of a tenant that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its code.
    pub code: TenantId,
    /// Its number.
    pub number: TenantNumber,
    /// Its state; `None` where that cannot be read either.
    pub state: Option<TenantState>,
}

impl Listed {
    /// The code of the tenant.
    pub fn code(&self) -> &TenantId {
        match self {
            Listed::Whole(tenant) => &tenant.code,
            Listed::Unreadable(unreadable) => &unreadable.code,
        }
    }
}

impl Unreadable {
    /// The tenant's full name.
    pub fn name(&self) -> TenantName {
        TenantName { tenant: self.code.clone() }
    }
}

impl Resource for Listed {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Installation => true,
            Target::Tenant(tenant) => tenant == self.code(),
            _ => false,
        }
    }
}
