//! Zona's store for many servers: the domain's repositories on MongoDB, in one database that any number of servers share.
//!
//! A document holds the key fields and what queries select and order by, and in the field `document` the domain document as the same
//! JSON text that every store keeps (see `storage-documents`): one form to read and to migrate, numbers of 64 bits without loss, and
//! equality of documents is equality of texts. Every document's `_id` is a text that begins with its tenant, and `tenant` stands beside
//! it, so that all of a tenant lies together on one shard or few. A write is a transaction (see `transaction`); it is acknowledged by a
//! majority and on disk. It knows nothing of use cases: what a change means is the domain's.

mod audit;
mod collections;
mod config;
mod connect;
mod contents;
mod counts;
mod deadline;
mod epochs;
mod error;
mod events;
mod executions;
mod feed;
mod grants;
mod identity;
mod keys_port;
mod leases;
mod migrations;
mod news;
mod operations;
mod operator;
mod platform;
mod policies;
mod request;
mod retention;
mod roles;
mod row;
mod schedules;
mod secrets;
mod session;
mod shared;
mod signals;
mod store;
mod subjects;
mod tasks;
mod tenants;
mod transaction;
mod turns;
mod utilities;
mod vault;
mod webhooks;

pub use config::Config;
pub use error::Error;
pub use feed::HEARD_WITHIN;
pub use operator::{Counted, Operator, Status};
pub use store::MongoStore;

#[cfg(test)]
mod tests;
