//! The contract in Rust: messages, clients and servers generated from `proto/`, and the descriptor set that reflection and
//! authorization read. It holds no logic beside reading methods and permissions out of the descriptors; conversions to the
//! domain are `api-grpc`'s.

mod contract;
mod method;
mod permission;
mod secret;

pub use contract::{DESCRIPTOR_SET, zona};
pub use method::{Method, methods};
pub use permission::permissions;

#[cfg(test)]
mod tests;
