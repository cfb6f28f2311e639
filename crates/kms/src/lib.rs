//! What protects the files of wrapping keys: a key of AWS KMS, or of Vault's transit engine. Either hands its key out to nobody; a server
//! asks it to open its wrapping keys when it starts, and to protect one when it makes it. Nothing is asked while calls are served.
//!
//! It deliberately keeps nothing: neither keys nor answers, and what it authenticates with is read anew each time.

mod aws;
mod credentials;
mod endpoint;
mod error;
mod vault;

pub use aws::{AwsConfig, AwsKms};
pub use credentials::AwsCredentials;
pub use endpoint::Endpoint;
pub use error::Error;
pub use vault::{VaultConfig, VaultTransit};

#[cfg(test)]
mod tests;
