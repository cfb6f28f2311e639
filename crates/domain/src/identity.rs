//! Who is known: users and service accounts, what they prove themselves with, and what is issued to them.
//!
//! It hashes no password, signs no token and rolls no dice: those are ports, whose adapters are elsewhere. Who may do what is
//! [`crate::access`]'s matter.

mod api_key;
mod password;
mod principal;
mod repository;
mod role;
mod secret;
mod session;
mod token;

pub use api_key::{API_KEY_PREFIX, ApiKey};
pub use password::{PasswordHash, PasswordHasher, PasswordVerdict};
pub use principal::{Principal, PrincipalState};
pub use repository::{
    ApiKeyChange, ApiKeyRepository, BootstrapRepository, PrincipalChange, PrincipalQuery, PrincipalRepository, SessionRepository,
};
pub use role::Role;
pub use secret::{Secret, SecretSource};
pub use session::{REFRESH_PREFIX, Session};
pub use token::{AccessToken, Issuer, MAX_TOKEN_LIFE, TokenIssuer, TokenVerifier, VerifiedToken};
