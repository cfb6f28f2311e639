//! Zona's store for one machine: the domain's repositories on SQLite, in one data directory that one server owns.
//!
//! Every answered write is on disk. Writes that wait together share one commit (see `writer`); reads run beside them on a
//! bounded pool of connections (see `readers`). Rows are documents with tenant-led keys, shaped like the collections of a
//! document database. It knows nothing of use cases: what a change means is the domain's.

mod added;
mod audit;
mod config;
mod connection;
mod contents;
mod cursor;
mod directory;
mod epochs;
mod error;
mod events;
mod executions;
mod grants;
mod identity;
mod keys_port;
mod leases;
mod migration;
mod operations;
mod personal;
mod platform;
mod policies;
mod readers;
mod request;
mod retention;
mod schedules;
mod secrets;
mod signals;
mod store;
mod subjects;
mod tenants;
mod utilities;
mod vault;
mod webhooks;
mod writer;

pub use config::Config;
pub use error::Error;
pub use signals::LocalSignals;
pub use store::EmbeddedStore;

#[cfg(test)]
mod tests;
