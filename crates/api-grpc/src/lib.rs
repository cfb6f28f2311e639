//! The gRPC side of Zona: handlers, the one way in which calls are answered, conversions between the contract and the domain, the layers that every call passes, and
//! the one mapper from errors to statuses. It holds no business rule, opens no store, and reads no environment.

mod access_handler;
mod audit_handler;
mod audited;
mod budget;
mod call;
mod certificate;
mod code_policy_handler;
mod compression;
mod convert;
mod copy_handler;
mod ending;
mod error;
mod event_handler;
mod execution_handler;
mod handler;
mod identity_handler;
mod layer;
mod method;
mod operation_handler;
mod perform;
mod permission;
mod process_handler;
mod refusal;
mod runtime_handler;
mod schedule_handler;
mod secret_handler;
mod server;
mod server_handler;
mod settle;
mod status;
mod stream;
mod tenant_handler;
mod timeline;
mod utility_handler;
mod webhook_handler;

pub use error::Error;
pub use layer::{CallLayer, CallMetrics, Deadlines, LinkTrace, NoMetrics};
pub use method::RecordedSingly;
pub use permission::check_permissions;
pub use server::{Calls, Config, Health, Server, Services, Web};
pub use status::{ERROR_DOMAIN, REASONS, REQUEST_ID_HEADER};
