//! What can happen. The names are API: they are never renamed or reused.

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A utility was made.
    UtilityCreated,
    /// A utility was changed.
    UtilityUpdated,
    /// A utility was deleted.
    UtilityDeleted,
    /// The deletion of a utility was taken back.
    UtilityUndeleted,
    /// An old version of a utility became the newest.
    UtilityRestored,
    /// An execution has ended.
    ExecutionEnded,
    /// A tenant was made.
    TenantCreated,
    /// A tenant was changed.
    TenantUpdated,
    /// A tenant was suspended.
    TenantSuspended,
    /// The suspension or the deletion of a tenant was taken back.
    TenantResumed,
    /// A tenant was deleted.
    TenantDeleted,
    /// Somebody was given access to a utility.
    AccessGranted,
    /// Access to a utility was taken back.
    AccessRevoked,
    /// A user or a service account was made.
    PrincipalCreated,
    /// One has another role.
    PrincipalRoleChanged,
    /// One was disabled.
    PrincipalDisabled,
    /// One was enabled again.
    PrincipalEnabled,
    /// One was deleted, with all that was granted to it.
    PrincipalDeleted,
    /// The platform shall be something else.
    PlatformChanged,
    /// What the platform was to be was reached, taken back or given up.
    PlatformEnded,
    /// A service of the platform is in another state.
    ServiceStateChanged,
    /// A service of the platform has ended too often and is not started again by itself: somebody must look at it.
    ServiceGivenUp,
    /// An integration is in another state.
    IntegrationStateChanged,
    /// An integration has ended too often, likewise.
    IntegrationGivenUp,
    /// Something that the store cannot read any more. It happens by no change, and is told to everybody in its place.
    Unreadable,
}

impl EventKind {
    /// Every kind that changes have.
    pub const ALL: [Self; 24] = [
        Self::UtilityCreated,
        Self::UtilityUpdated,
        Self::UtilityDeleted,
        Self::UtilityUndeleted,
        Self::UtilityRestored,
        Self::ExecutionEnded,
        Self::TenantCreated,
        Self::TenantUpdated,
        Self::TenantSuspended,
        Self::TenantResumed,
        Self::TenantDeleted,
        Self::AccessGranted,
        Self::AccessRevoked,
        Self::PrincipalCreated,
        Self::PrincipalRoleChanged,
        Self::PrincipalDisabled,
        Self::PrincipalEnabled,
        Self::PrincipalDeleted,
        Self::PlatformChanged,
        Self::PlatformEnded,
        Self::ServiceStateChanged,
        Self::ServiceGivenUp,
        Self::IntegrationStateChanged,
        Self::IntegrationGivenUp,
    ];

    /// Its name, the type of a CloudEvent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UtilityCreated => "dev.zona.utility.created",
            Self::UtilityUpdated => "dev.zona.utility.updated",
            Self::UtilityDeleted => "dev.zona.utility.deleted",
            Self::UtilityUndeleted => "dev.zona.utility.undeleted",
            Self::UtilityRestored => "dev.zona.utility.restored",
            Self::ExecutionEnded => "dev.zona.execution.ended",
            Self::TenantCreated => "dev.zona.tenant.created",
            Self::TenantUpdated => "dev.zona.tenant.updated",
            Self::TenantSuspended => "dev.zona.tenant.suspended",
            Self::TenantResumed => "dev.zona.tenant.resumed",
            Self::TenantDeleted => "dev.zona.tenant.deleted",
            Self::AccessGranted => "dev.zona.access.granted",
            Self::AccessRevoked => "dev.zona.access.revoked",
            Self::PrincipalCreated => "dev.zona.principal.created",
            Self::PrincipalRoleChanged => "dev.zona.principal.role_changed",
            Self::PrincipalDisabled => "dev.zona.principal.disabled",
            Self::PrincipalEnabled => "dev.zona.principal.enabled",
            Self::PrincipalDeleted => "dev.zona.principal.deleted",
            Self::PlatformChanged => "dev.zona.platform.changed",
            Self::PlatformEnded => "dev.zona.platform.ended",
            Self::ServiceStateChanged => "dev.zona.service.state_changed",
            Self::ServiceGivenUp => "dev.zona.service.given_up",
            Self::IntegrationStateChanged => "dev.zona.integration.state_changed",
            Self::IntegrationGivenUp => "dev.zona.integration.given_up",
            Self::Unreadable => "dev.zona.event.unreadable",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Unreadable]).find(|kind| kind.as_str() == name)
    }
}
