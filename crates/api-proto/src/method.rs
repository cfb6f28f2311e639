//! The methods of the contract, read out of the descriptors: their names, how they stream, whether HTTP knows them as reads, and
//! the permission of each. It decides nothing: who holds a permission is the policy's matter, and that each RPC has one is
//! checked when this crate is built.

use prost::Message;

use crate::DESCRIPTOR_SET;
use crate::zona::annotations::v1::Permission;

/// One method of the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// Full name of its service, e.g. `zona.utility.v1.UtilityService`.
    pub service: String,
    /// Its name, e.g. `GetUtility`.
    pub name: String,
    /// Whether it takes or answers more than one message.
    pub streams: bool,
    /// Whether its HTTP annotation is a GET, which changes nothing.
    pub is_get: bool,
    /// What a caller must be allowed to do.
    pub permission: Permission,
}

impl Method {
    /// The path as gRPC names it, e.g. `/zona.utility.v1.UtilityService/GetUtility`.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.service, self.name)
    }
}

/// Every method of the contract, in its order. Decodes the descriptors: call it once, at start.
pub fn methods() -> Vec<Method> {
    let set = FileSet::decode(DESCRIPTOR_SET).expect("the build script has encoded and decoded the same bytes");
    let services = set.file.into_iter().flat_map(|file| {
        let package = file.package;
        file.service.into_iter().map(move |service| (format!("{package}.{}", service.name), service.method))
    });
    services.flat_map(|(service, methods)| methods.into_iter().map(move |method| read(service.clone(), method))).collect()
}

fn read(service: String, method: MethodDescriptor) -> Method {
    let options = method.options.unwrap_or_default();
    Method {
        service,
        name: method.name,
        streams: method.client_streaming || method.server_streaming,
        is_get: options.http.is_some_and(|rule| !rule.get.is_empty()),
        permission: options.permission.expect("the build script refuses an RPC without a permission"),
    }
}

// prost drops extensions, so these are the few fields of descriptor.proto and of google/api/http.proto on the way to ours, under
// their own numbers.

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
    method: Vec<MethodDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodDescriptor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<MethodOptions>,
    #[prost(bool, tag = "5")]
    client_streaming: bool,
    #[prost(bool, tag = "6")]
    server_streaming: bool,
}

#[derive(Clone, PartialEq, Message)]
struct MethodOptions {
    #[prost(message, optional, tag = "50001")]
    permission: Option<Permission>,
    #[prost(message, optional, tag = "72295728")]
    http: Option<HttpRule>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpRule {
    #[prost(string, tag = "2")]
    get: String,
}
