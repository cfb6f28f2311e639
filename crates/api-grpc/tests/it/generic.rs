//! Calls any method of the contract, known only by its descriptor: what holds for all of them is tested on all of them.

use api_proto::DESCRIPTOR_SET;
use api_proto::zona::annotations::v1::Who;
use prost::Message as _;
use prost::bytes::{Buf, BufMut, Bytes};
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage as _, Value};
use test_support::in_time;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

const EXECUTION: &str = "executions/00000000-0000-7000-8000-000000000001";

/// Every method of ours.
pub fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
    let services: Vec<_> = pool.services().filter(|service| service.package_name().starts_with("zona.")).collect();
    let methods: Vec<_> = services.iter().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert!(!methods.is_empty());
    methods
}

/// Methods that are about the installation, or about their caller, and name no resource. Each has a cross-tenant test of its own.
const UNNAMED: [&str; 18] = [
    "/zona.server.v1.ServerService/GetServerInfo",
    "/zona.server.v1.ServerService/GetKeyStatus",
    "/zona.server.v1.ServerService/RotateKeys",
    "/zona.identity.v1.IdentityService/WhoAmI",
    "/zona.tenant.v1.TenantService/CreateTenant",
    "/zona.tenant.v1.TenantService/ListTenants",
    "/zona.process.v1.ProcessService/ApplyManifest",
    "/zona.process.v1.ProcessService/GetPlatform",
    "/zona.process.v1.ProcessService/GetService",
    "/zona.process.v1.ProcessService/GetStatus",
    "/zona.process.v1.ProcessService/ListServices",
    "/zona.process.v1.ProcessService/PlanManifest",
    "/zona.process.v1.ProcessService/ReadLogs",
    "/zona.process.v1.ProcessService/RestartService",
    "/zona.process.v1.ProcessService/ScaleService",
    "/zona.process.v1.ProcessService/StartService",
    "/zona.process.v1.ProcessService/StopService",
    "/zona.process.v1.ProcessService/WatchStatus",
];

/// Every method of ours that names a resource: all but [`UNNAMED`], which really name none.
pub fn methods_about_tenants() -> Vec<MethodDescriptor> {
    let (unnamed, named): (Vec<_>, Vec<_>) = demanding().into_iter().partition(|method| UNNAMED.contains(&path(method).as_str()));
    assert_eq!(unnamed.len(), UNNAMED.len());
    let names = |method: &MethodDescriptor| ["name", "parent"].iter().any(|field| method.input().get_field_by_name(field).is_some());
    assert!(!unnamed.iter().any(names), "a method with a name says whom it is about");
    named
}

/// Every method of ours that demands a permission: all but those that the contract opens to anyone.
pub fn demanding() -> Vec<MethodDescriptor> {
    let permissions = api_proto::permissions();
    methods().into_iter().filter(|method| permissions[&path(method)].who() != Who::Anyone).collect()
}

pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// A request of which only the resource name is set, to one of `tenant`.
pub fn named_request(method: &MethodDescriptor, tenant: &str) -> DynamicMessage {
    let mut request = DynamicMessage::new(method.input());
    if UNNAMED.contains(&path(method).as_str()) || set_name(&mut request, tenant) {
        return request;
    }
    let inner: Vec<FieldDescriptor> = method.input().fields().filter(|field| field.kind().as_message().is_some()).collect();
    for field in inner {
        let mut message = DynamicMessage::new(field.kind().as_message().unwrap().clone());
        if ["utility", "policy", "user"].contains(&field.name()) && set_name(&mut message, tenant) {
            request.set_field(&field, Value::Message(message));
            return request;
        }
    }
    panic!("{} names no resource", method.full_name());
}

/// The resource name that such a request carries, if any.
pub fn name_in(request: &DynamicMessage) -> Option<String> {
    let text = |message: &DynamicMessage| {
        let named = ["parent", "name"].into_iter().filter_map(|field| message.get_field_by_name(field));
        named.filter_map(|value| value.as_str().map(str::to_owned)).find(|name| !name.is_empty())
    };
    let inner =
        || ["utility", "policy", "user"].into_iter().filter_map(|field| text(request.get_field_by_name(field)?.as_message()?)).next();
    text(request).or_else(inner)
}

/// Sets `parent` or `name` to what its type asks for.
fn set_name(message: &mut DynamicMessage, tenant: &str) -> bool {
    let descriptor = message.descriptor();
    let Some(field) = descriptor.get_field_by_name("parent").or_else(|| descriptor.get_field_by_name("name")) else { return false };
    let name = match resource_type(&field).as_deref() {
        Some("zona.dev/Utility") => format!("tenants/{tenant}/utilities/some"),
        Some("zona.dev/UtilityVersion") => format!("tenants/{tenant}/utilities/some/versions/1"),
        Some("zona.dev/Execution") => format!("tenants/{tenant}/{EXECUTION}"),
        Some("zona.dev/CodePolicy") => format!("tenants/{tenant}/codePolicy"),
        Some("zona.dev/Runtime") => format!("tenants/{tenant}/runtimes/python"),
        Some("zona.dev/User" | "*") => format!("tenants/{tenant}/users/some"),
        Some("zona.dev/Webhook") => format!("tenants/{tenant}/webhooks/some"),
        Some("zona.dev/Schedule") => format!("tenants/{tenant}/schedules/some"),
        Some("zona.dev/Operation") => format!("tenants/{tenant}/operations/018f0000-0000-7000-8000-000000000001"),
        Some("zona.dev/Secret") => format!("tenants/{tenant}/secrets/some"),
        Some("zona.dev/ServiceAccount") => format!("tenants/{tenant}/serviceAccounts/some"),
        Some("zona.dev/ApiKey") => format!("tenants/{tenant}/serviceAccounts/some/apiKeys/abcdefghij234567"),
        Some("child" | "zona.dev/Tenant") => format!("tenants/{tenant}"),
        // The resource itself, inside an update.
        None if descriptor.name() == "CodePolicy" => format!("tenants/{tenant}/codePolicy"),
        None if descriptor.name() == "User" => format!("tenants/{tenant}/users/some"),
        None => format!("tenants/{tenant}/utilities/some"),
        Some(other) => panic!("{}: no sample of {other}", field.full_name()),
    };
    message.set_field(&field, Value::String(name));
    true
}

fn resource_type(field: &FieldDescriptor) -> Option<String> {
    let option = field.parent_pool().get_extension_by_name("google.api.resource_reference").unwrap();
    let options = field.options();
    let reference = options.get_extension(&option);
    let reference = reference.as_message().unwrap();
    let text = |name: &str| reference.get_field_by_name(name).unwrap().as_str().unwrap().to_owned();
    match (text("type"), text("child_type")) {
        (own, child) if own.is_empty() && child.is_empty() => None,
        (own, _) if own.is_empty() => Some("child".to_owned()),
        (own, _) => Some(own),
    }
}

/// Calls a method and answers its first message.
pub async fn call(channel: &Channel, path: &str, body: Vec<u8>) -> Result<Option<Bytes>, Status> {
    send(channel, path, Request::new(Bytes::from(body))).await
}

/// Sends a request of any headers and answers its first message.
pub async fn send(channel: &Channel, path: &str, request: Request<Bytes>) -> Result<Option<Bytes>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.expect("the channel is open");
    let stream = grpc.server_streaming(request, path.parse().unwrap(), Raw).await?;
    in_time(stream.into_inner().message()).await
}

/// Calls a method with a message that was made from its descriptor.
pub async fn call_with(channel: &Channel, method: &MethodDescriptor, request: &DynamicMessage) -> Result<Option<Bytes>, Status> {
    call(channel, &path(method), request.encode_to_vec()).await
}

/// Messages as they are on the wire.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
