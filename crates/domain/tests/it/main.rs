//! Use cases together, on fakes of the ports.

#![allow(clippy::unwrap_used, reason = "test code throughout; the lint knows only test functions")]

mod access;
mod audit;
mod disclosure;
mod failures;
mod following;
mod gate;
mod instances;
mod launches;
mod secrets;
mod unstored;
mod versions;
mod webhooks;
mod world;
