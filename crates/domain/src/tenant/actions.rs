//! What can be done to tenants. Making, stopping and listing them is the installation's matter; of their own, administrators read
//! and change what is no limit.

use crate::access::{Installation, actions};
use crate::name::TenantName;

actions! {
    /// Create a tenant.
    CreateTenant(Installation) = "tenant.create", Administer, "tenant", All;
    /// Read a tenant.
    GetTenant(TenantName) = "tenant.get", Read, "tenant", Limited;
    /// List tenants.
    ListTenants(Installation) = "tenant.list", Read, "tenant", All;
    /// Change a tenant.
    UpdateTenant(TenantName) = "tenant.update", Administer, "tenant";
    /// Let nothing of a tenant happen.
    SuspendTenant(TenantName) = "tenant.suspend", Administer, "tenant", All;
    /// Take a suspension or a deletion back.
    ResumeTenant(TenantName) = "tenant.resume", Administer, "tenant", All;
    /// Delete a tenant.
    DeleteTenant(TenantName) = "tenant.delete", Administer, "tenant", All;
    /// Destroy the keys of a deleted tenant.
    ShredTenant(TenantName) = "tenant.shred", Administer, "tenant", All;
}
