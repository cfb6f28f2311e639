//! What happens, for others: each change of utilities, executions, tenants and access is an event that is stored in the same commit.
//!
//! An event says what changed and not who changed it, which is the audit log's; it holds neither code nor output nor secrets.

pub mod actions;
mod entity;
mod happened;
mod kind;
mod log;
mod repository;
mod selection;
mod subscription;

pub use entity::{Detail, Details, Event};
pub use happened::Happened;
pub use kind::EventKind;
pub use log::{EventLog, EventPorts};
pub use repository::{EventRepository, EventSpan, MAX_EVENTS_AT_ONCE};
pub use selection::EventSelection;
pub use subscription::{Heard, Subscription};

#[cfg(test)]
mod tests;
