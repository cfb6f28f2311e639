//! Commands against a server that knows the contract: what they ask for, what they print, and how they end.

#![allow(clippy::unwrap_used, reason = "test code throughout; the lint knows only test functions")]

mod administration;
mod following;
mod identities;
mod line;
mod peer;
mod runs;
mod signing_in;
mod utilities;
