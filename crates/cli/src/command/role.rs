//! Roles, as the contract names them.

use api_proto::zona::identity::v1 as pb;
use clap::ValueEnum;

/// How much of its tenant a principal may use.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Makes, reads and executes its own; deletes nothing.
    User,
    /// Also deletes its own.
    Creator,
    /// Everything in its tenant.
    Admin,
    /// Everything everywhere; only in the tenant `system`.
    SuperAdmin,
}

impl Role {
    /// As it stands in the name of a role: `tenants/{tenant}/roles/{role}`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Creator => "creator",
            Role::Admin => "admin",
            Role::SuperAdmin => "super_admin",
        }
    }

    /// The value of the contract.
    pub fn proto(self) -> pb::Role {
        match self {
            Role::User => pb::Role::User,
            Role::Creator => pb::Role::Creator,
            Role::Admin => pb::Role::Admin,
            Role::SuperAdmin => pb::Role::SuperAdmin,
        }
    }
}
