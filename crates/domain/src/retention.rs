//! Removing what has been kept long enough: of each tenant as it has settled, of all others as the server says. A legal hold keeps
//! everything.

mod job;
mod store;

pub use job::{Retention, RetentionConfig, RetentionPorts};
pub use store::{Due, Removed, RetentionStore, Step};
