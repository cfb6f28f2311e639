//! Passwords, secrets and tokens: the cryptography behind the ports of `domain::identity`, and the only crate that knows argon2, JSON
//! Web Tokens and key files.
//!
//! It deliberately knows no principals and no store: what a token that it has verified may do is decided elsewhere.

mod algorithm;
mod claims;
mod compact;
mod external;
mod known;
mod passwords;
mod public_key;
mod refusal;
mod ring;
mod secrets;
mod signing_key;
mod strict;
mod tokens;

pub use algorithm::Algorithm;
pub use external::{Config as ExternalConfig, External, KeyPlace, SignInConfig, SignInPage};
pub use passwords::{Argon2Passwords, Config as PasswordConfig, LEAST_ITERATIONS, LEAST_MEMORY_KIB, LEAST_PARALLELISM};
pub use ring::{Config as KeyRingConfig, Error as KeyRingError, KeyChange, KeyRing};
pub use secrets::RandomSecrets;
pub use tokens::{Config as TokenConfig, Tokens};
