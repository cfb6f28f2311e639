//! What can be done to runtimes.

use crate::access::actions;
use crate::name::{RuntimeName, TenantName};

actions! {
    /// Read what runtimes hold.
    GetRuntime(RuntimeName) = "runtime.get", Read, "runtime", Tenant;
    /// List runtimes.
    ListRuntimes(TenantName) = "runtime.list", Read, "runtime", Tenant;
}
