//! What an action is done to. A target goes into the decision and into the permit, so that a grant can be about one single
//! resource, and a permit opens nothing else.

use std::fmt;

use crate::name::{
    ApiKeyName, CodePolicyName, CredentialName, ExecutionName, PrincipalName, RuntimeName, SessionName, TenantId, TenantName, UtilityName,
    VersionName,
};

/// What a call is about, as rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// What belongs to no tenant.
    Installation,
    /// Whatever a tenant has: lists, and what is not there yet.
    Tenant(&'a TenantId),
    /// One utility.
    Utility(&'a UtilityName),
    /// One version of a utility.
    Version(&'a VersionName),
    /// One execution.
    Execution(&'a ExecutionName),
    /// The code policy of a tenant.
    CodePolicy(&'a TenantId),
    /// One runtime, as a tenant sees it.
    Runtime(&'a RuntimeName),
    /// One user or service account.
    Principal(&'a PrincipalName),
    /// One session of a principal.
    Session(&'a SessionName),
    /// One API key of a service account.
    ApiKey(&'a ApiKeyName),
}

/// A name that permits can be about. The type of a name says which kind of target it is.
pub trait Targeted: fmt::Debug + Send + Sync + 'static {
    /// The target that is named.
    fn target(&self) -> Target<'_>;
}

/// A name of something that a tenant has.
pub trait OfTenant: Targeted {
    /// The tenant.
    fn tenant(&self) -> &TenantId;
}

/// The name of what belongs to no tenant: the servers and what they stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installation;

// === impls ===

impl<'a> Target<'a> {
    /// Whose it is; nobody's where it belongs to the installation.
    pub fn tenant(self) -> Option<&'a TenantId> {
        match self {
            Target::Installation => None,
            Target::Tenant(tenant) | Target::CodePolicy(tenant) => Some(tenant),
            Target::Utility(name) => Some(&name.tenant),
            Target::Version(name) => Some(&name.utility.tenant),
            Target::Execution(name) => Some(&name.tenant),
            Target::Runtime(name) => Some(&name.tenant),
            Target::Principal(name) => Some(name.tenant()),
            Target::Session(name) => Some(name.principal.tenant()),
            Target::ApiKey(name) => Some(name.account.tenant()),
        }
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Installation => f.write_str("the installation"),
            Target::Tenant(tenant) => write!(f, "tenants/{tenant}"),
            Target::Utility(name) => name.fmt(f),
            Target::Version(name) => name.fmt(f),
            Target::Execution(name) => name.fmt(f),
            Target::CodePolicy(tenant) => write!(f, "tenants/{tenant}/codePolicy"),
            Target::Runtime(name) => name.fmt(f),
            Target::Principal(name) => name.fmt(f),
            Target::Session(name) => name.fmt(f),
            Target::ApiKey(name) => name.fmt(f),
        }
    }
}

impl Targeted for Installation {
    fn target(&self) -> Target<'_> {
        Target::Installation
    }
}

macro_rules! names_of_tenants {
    ($($name:ty: |$this:ident| $target:expr, $tenant:expr;)*) => {
        $(impl Targeted for $name {
            fn target(&self) -> Target<'_> {
                let $this = self;
                $target
            }
        }

        impl OfTenant for $name {
            fn tenant(&self) -> &TenantId {
                let $this = self;
                $tenant
            }
        })*
    };
}

names_of_tenants! {
    TenantName: |name| Target::Tenant(&name.tenant), &name.tenant;
    UtilityName: |name| Target::Utility(name), &name.tenant;
    VersionName: |name| Target::Version(name), &name.utility.tenant;
    ExecutionName: |name| Target::Execution(name), &name.tenant;
    CodePolicyName: |name| Target::CodePolicy(&name.tenant), &name.tenant;
    RuntimeName: |name| Target::Runtime(name), &name.tenant;
    PrincipalName: |name| Target::Principal(name), PrincipalName::tenant(name);
    SessionName: |name| Target::Session(name), name.principal.tenant();
    ApiKeyName: |name| Target::ApiKey(name), name.account.tenant();
}

impl Targeted for CredentialName {
    fn target(&self) -> Target<'_> {
        match self {
            CredentialName::Principal(name) => Target::Principal(name),
            CredentialName::Session(name) => Target::Session(name),
            CredentialName::ApiKey(name) => Target::ApiKey(name),
        }
    }
}

impl OfTenant for CredentialName {
    fn tenant(&self) -> &TenantId {
        self.principal().tenant()
    }
}
