//! The agent at work: real namespaces, a real interpreter, hostile programs. A host that cannot do this fails the tests; nothing
//! is skipped.

#![allow(clippy::unwrap_used)]

mod harness;

mod blame;
mod boundary;
mod control;
mod denials;
mod differential;
mod failures;
mod parameters;
mod printing;
mod programs;
mod remains;
mod results;
mod rounds;
mod unable;

#[path = "../../build_support.rs"]
mod build_support;
