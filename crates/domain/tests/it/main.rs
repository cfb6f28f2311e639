//! Use cases together, on fakes of the ports.

#![allow(clippy::unwrap_used, reason = "test code throughout; the lint knows only test functions")]

mod access;
mod archive;
mod audit;
mod audit_log;
mod callers;
mod copies;
mod disclosure;
mod events;
mod explained;
mod failures;
mod following;
mod gate;
mod installation;
mod instances;
mod kept_webhooks;
mod launches;
mod lives;
mod named_secrets;
mod operations;
mod platform;
mod principals;
mod queue;
mod retention;
mod schedules;
mod secrets;
mod shares;
mod sign_in;
mod subjects;
mod tenants;
mod tenure;
mod turns;
mod unstored;
mod versions;
mod webhooks;
mod world;
