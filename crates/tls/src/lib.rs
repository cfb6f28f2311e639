//! TLS 1.3, and nothing older, in both directions: what a server shows and whom it believes, and whom a client believes. Older versions
//! are not compiled in, so no setting and no peer can bring them back.
//!
//! It deliberately knows no accounts and no protocol above: what a client's certificate says is handed on as it stands there.

mod client;
mod error;
mod files;
mod peer;
mod server;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

pub use client::{Client, ClientStream, Protocol, Trust};
pub use error::Error;
pub use peer::PeerCertificate;
pub use server::{Server, ServerFiles, ServerStream};

/// The one provider of cryptography. Named wherever it is needed: a default of the whole process would be anybody's to install.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests;
