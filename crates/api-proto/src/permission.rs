//! The permission of each RPC by its path. It does not decide anything: who holds a permission is the policy's matter, and that
//! each RPC has one is checked when this crate is built.

use std::collections::BTreeMap;

use crate::methods;
use crate::zona::annotations::v1::Permission;

#[cfg(test)]
mod complete;

/// The permission of every RPC of the contract, by its path as gRPC names it, e.g.
/// `/zona.utility.v1.UtilityService/CreateUtility`. Decodes the descriptors: call it once, at start.
pub fn permissions() -> BTreeMap<String, Permission> {
    methods().into_iter().map(|method| (method.path(), method.permission)).collect()
}

#[cfg(test)]
mod tests;
