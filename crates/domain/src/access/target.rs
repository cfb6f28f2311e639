//! What an action is done to. A target goes into the decision and into the permit, so that a grant can be about one single
//! resource, and a permit opens nothing else.

use std::fmt;

use crate::name::{
    ApiKeyName, CodePolicyName, CredentialName, ExecutionName, OperationName, PrincipalName, RuntimeName, ScheduleName, SecretName,
    SessionName, TenantId, TenantName, UtilityName, VersionName, WebhookName,
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
    /// One webhook of a tenant.
    Webhook(&'a WebhookName),
    /// One secret of a tenant.
    Secret(&'a SecretName),
    /// One schedule of a tenant.
    Schedule(&'a ScheduleName),
    /// One operation.
    Operation(&'a OperationName),
}

/// What kind of thing a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is a variant of Target")]
pub enum TargetKind {
    Installation,
    Tenant,
    Utility,
    Version,
    Execution,
    CodePolicy,
    Runtime,
    Principal,
    Session,
    ApiKey,
    Webhook,
    Secret,
    Schedule,
    Operation,
}

/// A name that permits can be about. The type of a name says which kind of target it is.
pub trait Targeted: Clone + fmt::Debug + Send + Sync + 'static {
    /// The kinds that it can name.
    const KINDS: &'static [TargetKind];

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

impl TargetKind {
    /// The form of its names.
    pub const fn pattern(self) -> &'static str {
        match self {
            TargetKind::Installation => "the empty name of the installation",
            TargetKind::Tenant => "tenants/{tenant}",
            TargetKind::Utility => "tenants/{tenant}/utilities/{utility}",
            TargetKind::Version => "tenants/{tenant}/utilities/{utility}/versions/{number}",
            TargetKind::Execution => "tenants/{tenant}/executions/{execution}",
            TargetKind::CodePolicy => "tenants/{tenant}/codePolicy",
            TargetKind::Runtime => "tenants/{tenant}/runtimes/{runtime}",
            TargetKind::Principal => "tenants/{tenant}/users/{user} or tenants/{tenant}/serviceAccounts/{account}",
            TargetKind::Session => "tenants/{tenant}/users/{user}/sessions/{session}",
            TargetKind::ApiKey => "tenants/{tenant}/serviceAccounts/{account}/apiKeys/{key}",
            TargetKind::Webhook => "tenants/{tenant}/webhooks/{webhook}",
            TargetKind::Secret => "tenants/{tenant}/secrets/{secret}",
            TargetKind::Schedule => "tenants/{tenant}/schedules/{schedule}",
            TargetKind::Operation => "tenants/{tenant}/operations/{operation}",
        }
    }
}

impl<'a> Target<'a> {
    /// What kind of thing it is.
    pub const fn kind(self) -> TargetKind {
        match self {
            Target::Installation => TargetKind::Installation,
            Target::Tenant(_) => TargetKind::Tenant,
            Target::Utility(_) => TargetKind::Utility,
            Target::Version(_) => TargetKind::Version,
            Target::Execution(_) => TargetKind::Execution,
            Target::CodePolicy(_) => TargetKind::CodePolicy,
            Target::Runtime(_) => TargetKind::Runtime,
            Target::Principal(_) => TargetKind::Principal,
            Target::Session(_) => TargetKind::Session,
            Target::ApiKey(_) => TargetKind::ApiKey,
            Target::Webhook(_) => TargetKind::Webhook,
            Target::Secret(_) => TargetKind::Secret,
            Target::Schedule(_) => TargetKind::Schedule,
            Target::Operation(_) => TargetKind::Operation,
        }
    }

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
            Target::Webhook(name) => Some(&name.tenant),
            Target::Secret(name) => Some(&name.tenant),
            Target::Schedule(name) => Some(&name.tenant),
            Target::Operation(name) => Some(&name.tenant),
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
            Target::Webhook(name) => name.fmt(f),
            Target::Secret(name) => name.fmt(f),
            Target::Schedule(name) => name.fmt(f),
            Target::Operation(name) => name.fmt(f),
        }
    }
}

impl Targeted for Installation {
    const KINDS: &'static [TargetKind] = &[TargetKind::Installation];

    fn target(&self) -> Target<'_> {
        Target::Installation
    }
}

macro_rules! names_of_tenants {
    ($($name:ty: $kind:ident, |$this:ident| $target:expr, $tenant:expr;)*) => {
        $(impl Targeted for $name {
            const KINDS: &'static [TargetKind] = &[TargetKind::$kind];

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
    TenantName: Tenant, |name| Target::Tenant(&name.tenant), &name.tenant;
    UtilityName: Utility, |name| Target::Utility(name), &name.tenant;
    VersionName: Version, |name| Target::Version(name), &name.utility.tenant;
    ExecutionName: Execution, |name| Target::Execution(name), &name.tenant;
    CodePolicyName: CodePolicy, |name| Target::CodePolicy(&name.tenant), &name.tenant;
    RuntimeName: Runtime, |name| Target::Runtime(name), &name.tenant;
    PrincipalName: Principal, |name| Target::Principal(name), PrincipalName::tenant(name);
    SessionName: Session, |name| Target::Session(name), name.principal.tenant();
    ApiKeyName: ApiKey, |name| Target::ApiKey(name), name.account.tenant();
    WebhookName: Webhook, |name| Target::Webhook(name), &name.tenant;
    SecretName: Secret, |name| Target::Secret(name), &name.tenant;
    ScheduleName: Schedule, |name| Target::Schedule(name), &name.tenant;
    OperationName: Operation, |name| Target::Operation(name), &name.tenant;
}

impl Targeted for CredentialName {
    const KINDS: &'static [TargetKind] = &[TargetKind::Principal, TargetKind::Session, TargetKind::ApiKey];

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
