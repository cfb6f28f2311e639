//! Roles: how much of its tenant a principal may use. What each may do is the access rules' matter.

/// A role; a later one may do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Makes and executes its own.
    User,
    /// Also deletes its own.
    Creator,
    /// Everything in its tenant.
    Admin,
    /// Everything in every tenant; only in the tenant of the installation itself.
    SuperAdmin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Role; 4] = [Role::User, Role::Creator, Role::Admin, Role::SuperAdmin];

    /// The stable name, as documents and tokens have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Creator => "creator",
            Role::Admin => "admin",
            Role::SuperAdmin => "super_admin",
        }
    }

    /// Reads a stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}
