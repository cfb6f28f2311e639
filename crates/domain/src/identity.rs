//! Who is known: users and service accounts, what they prove themselves with, and what is issued to them.
//!
//! It hashes no password, signs no token and rolls no dice: those are ports, whose adapters are elsewhere. Who may do what is
//! [`crate::access`]'s matter.

pub mod actions;
mod api_key;
mod api_keys;
mod attempts;
mod authentication;
mod bootstrap;
mod certificate;
mod changed;
mod common_password;
mod outside;
mod password;
mod principal;
mod principals;
mod repository;
mod role;
mod rules;
mod secret;
mod session;
mod sign_in;
mod subject;
mod subjects;
mod token;
mod use_cases;
mod vouched;

pub use api_key::{API_KEY_PREFIX, ApiKey};
pub use api_keys::{ApiKeyDraft, MAX_LIVE_KEYS};
pub use authentication::{Authentication, AuthenticationPorts};
pub use bootstrap::BootstrapDraft;
pub use certificate::CertificateNames;
pub use outside::{AuthorizationCode, CodeExchange, SignInProblem};
pub use password::{PasswordHash, PasswordHasher, PasswordVerdict};
pub use principal::{Principal, PrincipalState};
pub use principals::{PrincipalDraft, UserPatch};
pub use repository::{
    ApiKeyChange, ApiKeyRepository, BootstrapRepository, DELETION_REMEMBERED, PrincipalChange, PrincipalQuery, PrincipalRepository,
    SessionRepository,
};
pub use role::Role;
pub use secret::{Secret, SecretSource};
pub use session::{BROWSER_PREFIX, REFRESH_PREFIX, Session, SessionKind};
pub use sign_in::{BrowserSession, Issued, Proof, is_checkable};
pub use subject::{Erasure, SubjectPart, SubjectRepository, SubjectState};
pub use subjects::SubjectExport;
pub use token::{AccessToken, Issuer, MAX_EXTERNAL_TOKEN_LIFE, MAX_TOKEN_LIFE, TokenIssuer, TokenVerifier, VerifiedToken};
pub use use_cases::{Asked, Identities, IdentityPorts, Lives};
pub use vouched::Vouched;
