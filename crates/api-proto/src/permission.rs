//! Reads the permission of each RPC out of the descriptors. It does not decide anything: who holds a permission is the
//! policy's matter, and that each RPC has one is checked when this crate is built.

use std::collections::BTreeMap;

use prost::Message;

use crate::DESCRIPTOR_SET;
use crate::zona::annotations::v1::Permission;

#[cfg(test)]
mod complete;

/// The permission of every RPC of the contract, by its path as gRPC names it, e.g.
/// `/zona.utility.v1.UtilityService/CreateUtility`. Decodes the descriptors: call it once, at start.
pub fn permissions() -> BTreeMap<String, Permission> {
    let set = FileSet::decode(DESCRIPTOR_SET).expect("the build script has encoded and decoded the same bytes");
    let mut permissions = BTreeMap::new();
    for file in set.file {
        for service in file.service {
            for method in service.method {
                let path = format!("/{}.{}/{}", file.package, service.name, method.name);
                let permission = method.options.and_then(|options| options.permission);
                permissions.insert(path, permission.expect("the build script refuses an RPC without a permission"));
            }
        }
    }
    permissions
}

// prost drops extensions, so these are the few fields of descriptor.proto on the way to ours, under their own numbers.

#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<Method>,
}

#[derive(Clone, PartialEq, Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<MethodOptions>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodOptions {
    #[prost(message, optional, tag = "50001")]
    permission: Option<Permission>,
}

#[cfg(test)]
mod tests;
