//! The harness of the end-to-end stories: finds the `zona` binary and the pinned tools, runs a real server on a free port with
//! a data directory of its own, looks at it from outside through `/proc`, and runs other programs with a deadline.
//!
//! A story that cannot have what it needs fails and says what to do; it never passes silently. Nothing here knows the server's
//! inside: everything goes through the command line, the network and the file system.

pub mod command;
pub mod database;
pub mod health;
pub mod host;
pub mod installation;
pub mod network;
pub mod rpc;
pub mod server;
pub mod workspace;
