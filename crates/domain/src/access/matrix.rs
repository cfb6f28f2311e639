//! The matrix of roles as a pure function: how far a role reaches with an action, whatever the store holds. Grants are not in it;
//! they come on top, and never open a column that the role does not have.

use crate::access::{ActionSpec, Operation, Target, Who};
use crate::identity::Role;
use crate::name::TenantId;

/// Resources that nobody owns and that every member of a tenant needs to write code that passes and runs.
const SHARED: [&str; 2] = ["runtime", "policy"];

/// A column of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Making resources, and changing them: who may make a version may make the next one, too.
    Create,
    /// Reading, listing, comparing, watching.
    Read,
    /// Running utilities, and stopping what runs.
    Execute,
    /// Deleting, and taking that back.
    Delete,
    /// Functions of administrators.
    Admin,
}

/// What stands in a cell of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    No,
    /// What the principal owns.
    Own,
    /// Everything of the principal's tenant.
    Tenant,
    /// Of the administration, what concerns the principal's own tenant.
    Limited,
    /// Everything everywhere.
    Everywhere,
}

/// How far a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Nothing,
    Own,
    Tenant,
}

/// Why something is allowed or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The resource belongs to another tenant than the principal.
    OtherTenant,
    /// Only super admins may, and they belong to the tenant `system`.
    SuperAdminsOnly,
    /// Every member of the tenant may read what the tenant shares.
    Shared,
    /// Whoever calls may.
    Anyone,
    /// So says the matrix.
    Matrix {
        /// The row.
        role: Role,
        /// The column.
        column: Column,
        /// What stands there.
        cell: Cell,
    },
}

/// The printed matrix.
pub const fn cell(role: Role, column: Column) -> Cell {
    match (role, column) {
        (Role::User, Column::Create | Column::Read | Column::Execute) => Cell::Own,
        (Role::User, Column::Delete | Column::Admin) => Cell::No,
        (Role::Creator, Column::Create | Column::Read | Column::Execute | Column::Delete) => Cell::Own,
        (Role::Creator, Column::Admin) => Cell::No,
        (Role::Admin, Column::Create | Column::Read | Column::Execute | Column::Delete) => Cell::Tenant,
        (Role::Admin, Column::Admin) => Cell::Limited,
        (Role::SuperAdmin, _) => Cell::Everywhere,
    }
}

impl Column {
    /// Its name, as the documents print it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Column::Create => "Create",
            Column::Read => "Read",
            Column::Execute => "Execute",
            Column::Delete => "Delete",
            Column::Admin => "Admin functions",
        }
    }

    /// The column that an action falls under. What only administrators' reach is enough for is administration, whatever it does.
    pub const fn of(action: ActionSpec) -> Self {
        match (action.who, action.operation) {
            (Who::Limited | Who::All, _) | (_, Operation::Administer) => Column::Admin,
            (_, Operation::Create | Operation::Update) => Column::Create,
            (_, Operation::Read) => Column::Read,
            (_, Operation::Execute) => Column::Execute,
            (_, Operation::Delete) => Column::Delete,
        }
    }
}

/// How far a principal of the tenant `home` reaches by its role.
///
/// An ADMIN of the tenant `system` counts as a CREATOR: who could change the principals of that tenant could become a super admin.
pub(super) fn judge(role: Role, home: &TenantId, action: ActionSpec, target: Target<'_>) -> (Extent, Because) {
    if action.who == Who::Anyone {
        return (Extent::Own, Because::Anyone);
    }
    let role = match role {
        Role::SuperAdmin if !home.is_system() => return (Extent::Nothing, Because::SuperAdminsOnly),
        Role::Admin if home.is_system() => Role::Creator,
        role => role,
    };
    let column = Column::of(action);
    let cell = cell(role, column);
    let by_matrix = Because::Matrix { role, column, cell };
    if cell == Cell::Everywhere {
        return (Extent::Tenant, by_matrix);
    }
    match target.tenant() {
        None => return (Extent::Nothing, Because::SuperAdminsOnly),
        Some(tenant) if tenant != home => return (Extent::Nothing, Because::OtherTenant),
        Some(_) => {}
    }
    match (action.who, cell) {
        (Who::All, _) => (Extent::Nothing, Because::SuperAdminsOnly),
        (Who::Own | Who::Anyone, Cell::Own) => (Extent::Own, by_matrix),
        (Who::Tenant, Cell::Own) if column == Column::Read && SHARED.contains(&action.resource) => (Extent::Tenant, Because::Shared),
        (Who::Own | Who::Anyone | Who::Tenant | Who::Limited, Cell::Tenant | Cell::Limited | Cell::Everywhere) => {
            (Extent::Tenant, by_matrix)
        }
        (Who::Tenant | Who::Limited, Cell::Own) | (_, Cell::No) => (Extent::Nothing, by_matrix),
    }
}

#[cfg(test)]
mod tests;
