//! Access tokens: ours are issued and verified here, those of others are verified under what the configuration says of their issuers.
//!
//! A token is a JSON Web Token by RFC 9068. Everything about it is fixed by the issuer that it names and nothing by itself: type,
//! algorithms, keys, audience. Every refusal is answered alike; the cause is logged where an operator asks for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::identity::{
    AccessToken, AuthorizationCode, CodeExchange, Issuer, MAX_TOKEN_LIFE, Role, Secret, TokenIssuer, TokenVerifier, VerifiedToken, Vouched,
};
use domain::name::{PrincipalName, SessionId, TenantId};
use domain::time::Timestamp;
use domain::{Error, Result};
use serde_json::json;

use crate::algorithm::Algorithm;
use crate::claims::{Claims, Present};
use crate::compact::Compact;
use crate::external::{External, SignInPage};
use crate::public_key::PublicKey;
use crate::refusal::Refusal;
use crate::ring::KeyRing;

/// The type of access tokens. Source: RFC 9068.
pub(crate) const TYPE: &str = "at+jwt";

/// How tokens are issued and verified.
#[derive(Debug, Clone)]
pub struct Config {
    /// What our tokens name as their issuer: the same on every server of an installation.
    pub issuer: String,
    /// Whom our tokens are meant for.
    pub audience: String,
    /// By how much the clocks of servers may differ.
    pub leeway: Duration,
}

/// Access tokens. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    config: Arc<Config>,
    ring: Arc<KeyRing>,
    externals: Arc<[External]>,
}

// === impl Tokens ===

impl Tokens {
    /// Tokens of ours, signed with the keys of this ring, and those of other issuers.
    pub fn new(config: Config, ring: Arc<KeyRing>, externals: impl IntoIterator<Item = External>) -> Self {
        Tokens { config: Arc::new(config), ring, externals: externals.into_iter().collect() }
    }

    /// The sign-in page of the issuer of this name.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the issuer does not say where it is; [`Error::NotFound`] for an issuer that has none.
    pub async fn sign_in_page(&self, issuer: &str, now: Timestamp) -> Result<SignInPage> {
        self.signs_in(issuer)?.page(now).await
    }

    fn signs_in(&self, name: &str) -> Result<&External> {
        let found = self.externals.iter().find(|external| external.signs_in_as(name));
        found.ok_or_else(|| Error::NotFound { resource: format!("issuers/{name}") })
    }

    async fn verified(&self, text: &str, now: Timestamp) -> Result<Result<VerifiedToken, Refusal>> {
        let present = Present { now, leeway: self.config.leeway };
        let compact = match Compact::read(text) {
            Ok(compact) => compact,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Ok(issuer) = Claims(&compact.claims).text("iss") else { return Ok(Err(Refusal::Claim("iss"))) };
        if issuer == self.config.issuer {
            return self.own(&compact, present).await;
        }
        match self.externals.iter().find(|external| external.is(issuer)) {
            Some(external) => external.verify(&compact, present).await,
            None => Ok(Err(Refusal::Issuer)),
        }
    }

    async fn own(&self, token: &Compact<'_>, present: Present) -> Result<Result<VerifiedToken, Refusal>> {
        let named = token.has_own_header().and_then(|()| token.has_type(TYPE)).and_then(|()| token.key_id());
        Ok(match named {
            Ok(id) => match self.key(id, present.now).await? {
                Some(key) => self.own_signed_by(&key, token, present),
                None => Err(Refusal::Key),
            },
            Err(refusal) => Err(refusal),
        })
    }

    fn own_signed_by(&self, key: &PublicKey, token: &Compact<'_>, present: Present) -> Result<VerifiedToken, Refusal> {
        let algorithm = token.algorithm(&[Algorithm::EdDsa])?;
        token.is_signed_by(key, algorithm)?;
        let claims = Claims(&token.claims);
        // Others may be several, ours has one.
        claims.is("aud", &self.config.audience)?;
        if !token.claims.contains_key("nbf") {
            return Err(Refusal::Claim("nbf"));
        }
        let times = claims.times(present, MAX_TOKEN_LIFE)?;
        // Claims are parsed like names in a request, whose complaints nobody reads here.
        let principal = PrincipalName::parse("sub", claims.text("sub")?).or(Err(Refusal::Claim("sub")))?;
        claims.is("tenant", principal.tenant().as_str())?;
        Role::parse(claims.text("role")?).ok_or(Refusal::Claim("role"))?;
        let session = SessionId::parse("sid", claims.text("sid")?).or(Err(Refusal::Claim("sid")))?;
        Ok(VerifiedToken {
            issuer: Issuer::Own,
            principal,
            session: Some(session),
            role: None,
            issued: times.issued,
            expires: times.expires,
            id: claims.text("jti")?.to_owned(),
        })
    }

    /// A key of ours; another server may have made it since we looked.
    async fn key(&self, id: &str, now: Timestamp) -> Result<Option<PublicKey>> {
        if let Some(key) = self.ring.find(id) {
            return Ok(Some(key.public.clone()));
        }
        let (ring, id) = (Arc::clone(&self.ring), id.to_owned());
        let found = tokio::task::spawn_blocking(move || ring.look_for(&id, now)).await;
        let found = found.map_err(|panic| Error::internal("look for a key of tokens", panic))?;
        Ok(found.map(|key| key.public.clone()))
    }
}

impl TokenIssuer for Tokens {
    fn issue(&self, token: &AccessToken) -> Result<Secret> {
        let key = self.ring.signing(token.issued);
        let issued = token.issued.as_millis() / 1_000;
        let expires = token.expires.min(token.issued.plus(MAX_TOKEN_LIFE)).as_millis() / 1_000;
        let header = json!({"alg": "EdDSA", "kid": key.id(), "typ": TYPE});
        let claims = json!({
            "iss": self.config.issuer,
            "aud": self.config.audience,
            "sub": token.principal.as_str(),
            "tenant": token.principal.tenant().as_str(),
            "role": token.role.as_str(),
            "sid": token.session.as_str(),
            "jti": token.id,
            "iat": issued,
            "nbf": issued,
            "exp": expires,
        });
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = key.sign(&signed).map_err(|error| Error::internal("sign an access token", error))?;
        Ok(Secret::new(format!("{signed}.{signature}")))
    }

    fn key_set(&self) -> String {
        self.ring.key_set()
    }
}

#[async_trait]
impl TokenVerifier for Tokens {
    async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken> {
        self.verified(token, now).await?.map_err(Refusal::answer)
    }

    fn stands_by(&self, tenant: &TenantId, vouched: &Vouched) -> bool {
        self.externals.iter().any(|external| external.is(&vouched.issuer) && external.stands_by(tenant, vouched.role))
    }
}

#[async_trait]
impl CodeExchange for Tokens {
    async fn redeem(&self, code: &AuthorizationCode, now: Timestamp) -> Result<VerifiedToken> {
        self.signs_in(&code.issuer)?.redeem(code, Present { now, leeway: self.config.leeway }).await
    }
}

#[cfg(test)]
mod tests;
