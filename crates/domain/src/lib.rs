//! Zona's domain: entities, value types, state machines, ports, use-case services and errors.
//!
//! It does no IO and knows neither the wire nor a store: adapters implement its ports and own their own documents.

pub mod access;
pub mod checker;
pub mod error;
pub mod event;
pub mod execution;
pub mod finding;
pub mod limits;
pub mod name;
pub mod parameter;
pub mod policy;
pub mod repository;
pub mod runtime;
pub mod sandbox;
pub mod server;
pub mod service;
pub mod time;
pub mod utility;

pub use error::{Error, ErrorKind, Result, Violation};
