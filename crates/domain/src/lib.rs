//! Zona's domain: entities, value types, state machines, ports, use-case services and errors.
//!
//! It does no IO and knows neither the wire nor a store: adapters implement its ports and own their own documents.

pub mod error;
pub mod finding;
pub mod limits;
pub mod name;
pub mod parameter;
pub mod time;
pub mod utility;

pub use error::{Error, ErrorKind, Result, Violation};
