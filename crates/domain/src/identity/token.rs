//! Access tokens as ports: what they say, who signs them, and who checks them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::identity::{Role, Secret, Vouched};
use crate::name::{PrincipalName, SessionId, TenantId};
use crate::time::Timestamp;

/// The longest life of an access token.
pub const MAX_TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// The longest life of a token of an outside issuer: a day, so that one that was lost does not work forever.
pub const MAX_EXTERNAL_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What an access token of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Who it is for. The tenant is this one's.
    pub principal: PrincipalName,
    /// The session that it was issued in.
    pub session: SessionId,
    /// The role at that time, for whoever reads the token elsewhere; Zona itself asks its store.
    pub role: Role,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends, at most [`MAX_TOKEN_LIFE`] later.
    pub expires: Timestamp,
    /// Unique.
    pub id: String,
}

/// Who issued a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// Zona.
    Own,
    /// Somebody whom the configuration trusts, by its `iss`.
    External(Arc<str>),
}

/// What a token says, once its signature and its times were found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Who issued it.
    pub issuer: Issuer,
    /// Who it is for.
    pub principal: PrincipalName,
    /// The session; every token of ours has one.
    pub session: Option<SessionId>,
    /// The role that an outside issuer gives to whom Zona does not know.
    pub role: Option<Role>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Unique at its issuer; empty where that gives none.
    pub id: String,
}

/// Port: signs access tokens.
pub trait TokenIssuer: Send + Sync {
    /// A signed token that says this.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it cannot be signed.
    fn issue(&self, token: &AccessToken) -> Result<Secret>;
    /// The public keys by which tokens can be checked, as a JWK set in JSON.
    fn key_set(&self) -> String;
}

/// Port: checks tokens, ours and those of outside issuers.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// What `token` says. The cause of a refusal goes to the log, without the token.
    ///
    /// # Errors
    /// [`crate::Error::Unauthenticated`] for every token that is not right.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken>;

    /// Whether what an outside issuer has said still counts: it signs people of the tenant in, and may give the role.
    fn stands_by(&self, tenant: &TenantId, vouched: &Vouched) -> bool;
}
