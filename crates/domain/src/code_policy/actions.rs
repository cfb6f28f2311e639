//! What can be done to code policies.

use crate::access::actions;
use crate::name::CodePolicyName;

actions! {
    /// Read a tenant's code policy.
    GetCodePolicy(CodePolicyName) = "policy.get", Read, "policy", Tenant;
    /// Change a tenant's code policy, and grant exceptions.
    UpdateCodePolicy(CodePolicyName) = "policy.update", Administer, "policy";
}
