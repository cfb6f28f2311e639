//! Zona's domain: entities, value types, state machines, ports, use-case services and errors.
//!
//! It does no IO and knows neither the wire nor a store: adapters implement its ports and own their own documents.

// Ground: what every area stands on.
pub mod change;
pub mod error;
pub mod hash;
pub mod id;
pub mod incident;
pub mod json;
pub mod name;
pub mod news;
pub mod page;
pub mod request;
pub mod revision;
pub mod time;
pub mod violation;
pub mod work;

// Areas, each with its entity, rules, use cases and ports.
pub mod access;
pub mod admission;
pub mod archive;
pub mod audit;
pub mod code;
pub mod code_policy;
pub mod event;
pub mod execution;
pub mod identity;
pub mod lease;
pub mod limit;
pub mod operation;
pub mod process;
pub mod retention;
pub mod runtime;
pub mod sandbox;
pub mod schedule;
pub mod secret;
pub mod server;
pub mod tenant;
pub mod utility;
pub mod webhook;

mod actions;

pub use actions::actions;
pub(crate) use actions::kinds_of;
pub use error::{Error, ErrorKind, Result};
pub use violation::Violation;
