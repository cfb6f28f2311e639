//! The real binary from outside: its command line, its local tools, and servers that are started, stopped and killed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod check;
mod command_line;
mod configuration;
mod differential;
mod landlock;
mod proof;
mod ps;
mod sandbox;
mod secrets;
mod server;
mod signed_in;
mod story;
mod support;
mod traces;
mod verdicts;
