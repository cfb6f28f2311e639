//! TLS 1.3, and nothing older, in both directions: what a server shows and whom it believes, and whom a client believes. Older versions
//! are not compiled in, so no setting and no peer can bring them back.
//!
//! It deliberately knows no accounts and no protocol above: what a client's certificate says is handed on as it stands there.

mod client;
mod error;
mod files;
mod peer;
mod provider;
mod server;

pub use client::{Client, ClientStream, Protocol, Trust};
pub use error::Error;
pub use peer::PeerCertificate;
pub use server::{Server, ServerFiles, ServerStream};

#[cfg(test)]
mod tests;
