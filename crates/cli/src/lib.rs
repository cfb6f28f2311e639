//! The client commands: what a command line asks a server for, and how answers, failures and exit codes look.
//!
//! Everything is known from the contract. Rules of the domain are the server's to apply: a name is read here only as far as it
//! takes to complete what people type.

mod choice;
pub mod client;
pub mod command;
mod context;
pub mod contexts;
mod credential;
mod csv;
pub mod developer;
pub mod document;
pub mod exit;
pub mod failure;
pub mod input;
pub mod interrupt;
pub mod output;
mod pending;
mod private_file;
pub mod secret;
pub mod settings;
pub mod terminal;

pub use choice::Setup;
pub use context::Context;
pub use credential::Credential;
pub use exit::Exit;
pub use failure::{Failure, Result};
pub use pending::Pending;
