//! The whole API through a real client, a real socket and the real layers, on fakes of the domain's ports.

#![allow(clippy::unwrap_used, reason = "test code throughout; the lint knows only test functions")]

mod access;
mod audit;
mod audit_report;
mod audit_watch;
mod catalogue;
mod client_certificates;
mod encrypted;
mod errors;
mod events;
mod executions;
mod explanations;
mod fakes;
mod floods;
mod foreign;
mod generic;
mod grants;
mod halting;
mod harness;
mod identity;
mod identity_repetitions;
mod installation;
mod invalid;
mod keys;
mod lists;
mod matrix;
mod outside_tokens;
mod permissions;
mod policies;
mod refresh_tokens;
mod repetitions;
mod requests;
mod revocation;
mod roles;
mod settling;
mod shares;
mod sign_in_records;
mod streams;
mod subjects;
mod suspended;
mod tenants;
mod totals;
mod transport;
mod unread;
mod utilities;
