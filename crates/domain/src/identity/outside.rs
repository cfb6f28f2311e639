//! People for whom an outside issuer vouches: what its sign-in page has answered, and which role somebody has whom it
//! names. It speaks to no issuer; that is a port.

use async_trait::async_trait;

use crate::access::TenantScope;
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::identity::principal::is_after;
use crate::identity::{Principal, PrincipalRepository, Role, Secret, VerifiedToken};
use crate::name::{PrincipalName, SessionId};
use crate::time::Timestamp;

/// What an issuer's sign-in page has sent a browser back with, and what was kept since the browser was sent there.
#[derive(Debug)]
pub struct AuthorizationCode {
    /// The issuer, by the name that the configuration gives it.
    pub issuer: String,
    /// The code, which the issuer takes once.
    pub code: Secret,
    /// What the challenge was made of that the page was given (RFC 7636), and that the ID token must name as its `nonce`: no two sign-ins
    /// have the same.
    pub verifier: Secret,
}

/// Port: redeems codes of sign-in pages.
#[async_trait]
pub trait CodeExchange: Send + Sync {
    /// What the ID token says that the issuer gives for the code. The cause of a refusal goes to the log, without code and token.
    ///
    /// # Errors
    /// [`Error::SignIn`], one of [`SignInProblem`], where the issuer refuses the code, or the token is not right; [`Error::Unavailable`] while the issuer does not
    /// answer; [`Error::NotFound`] for an issuer that has no sign-in page.
    async fn redeem(&self, code: &AuthorizationCode, now: Timestamp) -> Result<VerifiedToken>;
}

/// Why nobody comes in by an issuer's sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInProblem {
    /// The sign-in has begun a session already.
    Used,
    /// The issuer does not take the code.
    Refused,
    /// The ID token is not of this issuer, for this sign-in, and of now.
    IdToken,
    /// The issuer names nobody who may come in.
    Nobody,
}

impl From<SignInProblem> for Error {
    fn from(problem: SignInProblem) -> Self {
        match problem {
            SignInProblem::Used => {
                Error::SignIn { reason: "SIGN_IN_UNKNOWN", description: "this sign-in has ended already; begin a new one" }
            }
            SignInProblem::Refused => {
                Error::SignIn { reason: "SIGN_IN_REFUSED", description: "the issuer does not let this sign-in go on; begin a new one" }
            }
            SignInProblem::IdToken => Error::SignIn {
                reason: "ID_TOKEN_REFUSED",
                description: "what the issuer says is not taken; an operator finds the cause in the log at the level debug",
            },
            SignInProblem::Nobody => Error::SignIn {
                reason: "SIGN_IN_OF_NOBODY",
                description: "the issuer knows you, and you have no access here; an administrator can let you in",
            },
        }
    }
}

/// Whether somebody has failed by no fault of their own: the issuer does not answer, or has taken their code, so that it was no guess.
pub(super) fn is_blameless(failed: &Error) -> bool {
    let taken = [SignInProblem::IdToken, SignInProblem::Nobody].map(|problem| Error::from(problem).reason());
    matches!(failed, Error::Unavailable { .. }) || taken.contains(&failed.reason())
}

/// The role of whom an outside issuer names: what the store says of whom it knows, otherwise what the token claims.
pub(super) async fn role_of(
    principals: &dyn PrincipalRepository,
    scope: &TenantScope,
    known: Option<&Principal>,
    token: &VerifiedToken,
) -> Result<Option<Role>> {
    if let Some(known) = known {
        return Ok(known.accepts(token.issued).then_some(known.role));
    }
    let claimed = token.role.filter(|role| *role != Role::SuperAdmin || token.principal.tenant().is_system());
    Ok(if outlives_deletion(principals, scope, &token.principal, token.issued).await? { claimed } else { None })
}

/// Whether what was issued then to somebody whom the store does not know is not of before a deletion: that gives back nothing of what was
/// taken away before.
pub(super) async fn outlives_deletion(
    principals: &dyn PrincipalRepository,
    scope: &TenantScope,
    name: &PrincipalName,
    issued: Timestamp,
) -> Result<bool> {
    Ok(principals.find_deletion(scope, name).await?.is_none_or(|deletion| is_after(issued, deletion)))
}

/// The id of the session that a sign-in begins. It follows from the sign-in, so that the store, which every server asks, takes one of each.
pub(super) fn session_of(sign_in: &Hash) -> Result<SessionId> {
    const VERSION: u8 = 0x80;
    const VARIANT: u8 = 0x80;
    let mut id: [u8; 16] = *sign_in.as_bytes().first_chunk().expect("a hash has 32 bytes");
    // A UUID of the version for ids that follow from something (RFC 9562, 5.8).
    id[6] = id[6] & 0x0f | VERSION;
    id[8] = id[8] & 0x3f | VARIANT;
    let digits: Vec<String> = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let groups = [&digits[..4], &digits[4..6], &digits[6..8], &digits[8..10], &digits[10..]].map(|group| group.concat());
    SessionId::parse("session", &groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_in_has_one_session() {
        let (one, other) = (Hash::from_bytes([0xab; 32]), Hash::from_bytes([0xac; 32]));
        assert_eq!(session_of(&one).unwrap().as_str(), "abababab-abab-8bab-abab-abababababab");
        assert_ne!(session_of(&one).unwrap(), session_of(&other).unwrap());
    }
}
