//! Issuers that an operator trusts: whose tokens are taken, how their keys are found, and what their claims mean here.
//!
//! An issuer speaks for the tenants that the configuration names and for no others, never for the tenant of the installation itself,
//! and makes nobody a super administrator.

use std::sync::Arc;

use domain::identity::{AuthorizationCode, Issuer, MAX_EXTERNAL_TOKEN_LIFE, Role, SignInProblem, VerifiedToken};
use domain::name::{PrincipalName, TenantId};
use domain::time::Timestamp;
use domain::{Error, Result};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::claims::{Claims, Present};
use crate::compact::Compact;
use crate::refusal::Refusal;

mod description;
mod fetch;
mod key_set;
mod key_source;
mod sign_in;

pub use fetch::KeyPlace;
use key_source::KeySource;
use sign_in::Client;
pub use sign_in::{Config as SignInConfig, SignInPage};

/// Most roles that one token names.
const MAX_ROLES: usize = 256;

/// What is known of an issuer.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its `iss`, letter by letter.
    pub issuer: String,
    /// The `aud` that its tokens for Zona have.
    pub audience: String,
    /// The `typ` of its tokens.
    pub token_type: String,
    /// The algorithms that it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Where its public keys are.
    pub keys: KeyPlace,
    /// The tenants that it may speak for.
    pub tenants: Vec<TenantId>,
    /// The claim that says which of them; `None` where there is only one.
    pub tenant_claim: Option<String>,
    /// The claim with the user's id.
    pub subject_claim: String,
    /// The claim with roles, a text or a list of them; `None` where Zona alone says which role somebody has.
    pub role_claim: Option<String>,
    /// What its roles mean here.
    pub roles: Vec<(String, Role)>,
    /// How people sign in at its page; `None` where it has none for Zona.
    pub sign_in: Option<SignInConfig>,
}

/// An issuer that is not Zona.
pub struct External {
    config: Config,
    name: Arc<str>,
    keys: KeySource,
    client: Option<Client>,
}

// === impl External ===

impl External {
    /// An issuer. Its keys are asked for when its first token comes.
    pub fn new(config: Config) -> Self {
        let client = config.sign_in.clone().map(Client::new);
        External { name: config.issuer.as_str().into(), keys: KeySource::new(config.keys.clone()), client, config }
    }

    pub(crate) fn is(&self, issuer: &str) -> bool {
        self.config.issuer == issuer
    }

    pub(crate) async fn verify(&self, token: &Compact<'_>, present: Present) -> Result<Result<VerifiedToken, Refusal>> {
        // What needs no key is looked at first: not every token is worth asking somebody else.
        if let Err(refusal) = token.has_type(&self.config.token_type) {
            return Ok(Err(refusal));
        }
        let signed = self.is_own(token, present).await?;
        Ok(signed.and_then(|()| {
            let claims = Claims(&token.claims);
            claims.is_for(&self.config.audience)?;
            self.said(&claims, present)
        }))
    }

    /// Whether people sign in there, and the configuration calls it so.
    pub(crate) fn signs_in_as(&self, name: &str) -> bool {
        self.client.as_ref().is_some_and(|client| client.name() == name)
    }

    /// Whether people of this tenant sign in there, and it may give this role, where it is to give one.
    pub(crate) fn stands_by(&self, tenant: &TenantId, role: Option<Role>) -> bool {
        let speaks = self.client.is_some() && !tenant.is_system() && self.config.tenants.contains(tenant);
        speaks && role.is_none_or(|role| self.config.roles.iter().any(|(_, given)| *given == role))
    }

    /// The sign-in page.
    pub(crate) async fn page(&self, now: Timestamp) -> Result<SignInPage> {
        self.client()?.page(now).await
    }

    /// What the ID token says that comes for a code.
    pub(crate) async fn redeem(&self, code: &AuthorizationCode, present: Present) -> Result<VerifiedToken> {
        let client = self.client()?;
        let token = client.id_token(code, present.now).await?;
        let verified = match Compact::read(token.expose()) {
            Ok(token) => self.verify_id_token(&token, client, code, present).await?,
            Err(refusal) => Err(refusal),
        };
        verified.map_err(|refusal| {
            tracing::debug!(issuer = client.name(), cause = %refusal, "an ID token is refused");
            match refusal {
                // Everything about the token is right but whom it names.
                Refusal::Claim("tenant" | "sub" | "role") => SignInProblem::Nobody.into(),
                _ => SignInProblem::IdToken.into(),
            }
        })
    }

    async fn verify_id_token(
        &self,
        token: &Compact<'_>,
        client: &Client,
        code: &AuthorizationCode,
        present: Present,
    ) -> Result<Result<VerifiedToken, Refusal>> {
        let signed = self.is_own(token, present).await?;
        Ok(signed.and_then(|()| {
            client.has_asked_for(token, &code.verifier)?;
            self.said(&Claims(&token.claims), present)
        }))
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(|| Error::NotFound { resource: format!("issuers/{}", self.name) })
    }

    /// Refuses what the issuer has not signed.
    async fn is_own(&self, token: &Compact<'_>, present: Present) -> Result<Result<(), Refusal>> {
        let named = token.algorithm(&self.config.algorithms).and_then(|algorithm| Ok((algorithm, token.key_id()?)));
        Ok(match named {
            Ok((algorithm, id)) => match self.keys.find(id, present.now).await? {
                Some(key) => token.is_signed_by(&key, algorithm),
                None => Err(Refusal::Key),
            },
            Err(refusal) => Err(refusal),
        })
    }

    /// What claims of the issuer mean here.
    fn said(&self, claims: &Claims<'_>, present: Present) -> Result<VerifiedToken, Refusal> {
        let times = claims.times(present, MAX_EXTERNAL_TOKEN_LIFE)?;
        Ok(VerifiedToken {
            issuer: Issuer::External(Arc::clone(&self.name)),
            principal: self.principal(claims)?,
            session: None,
            role: self.role(claims)?,
            issued: times.issued,
            expires: times.expires,
            id: claims.optional_text("jti")?.unwrap_or_default().to_owned(),
        })
    }

    fn principal(&self, claims: &Claims<'_>) -> Result<PrincipalName, Refusal> {
        let tenant = match &self.config.tenant_claim {
            Some(claim) => {
                let claimed = claims.at(claim).and_then(Value::as_str);
                self.config.tenants.iter().find(|tenant| Some(tenant.as_str()) == claimed)
            }
            None => self.config.tenants.first(),
        };
        let tenant = tenant.filter(|tenant| !tenant.is_system()).ok_or(Refusal::Claim("tenant"))?;
        let user = claims.at(&self.config.subject_claim).and_then(Value::as_str).ok_or(Refusal::Claim("sub"))?;
        // A slash would make another name of it; the parser refuses that.
        PrincipalName::parse("sub", &format!("tenants/{tenant}/users/{user}")).or(Err(Refusal::Claim("sub")))
    }

    /// The strongest role that one of the claimed ones means; where roles are asked for, one must mean something.
    fn role(&self, claims: &Claims<'_>) -> Result<Option<Role>, Refusal> {
        let Some(claim) = &self.config.role_claim else { return Ok(None) };
        let claimed: Vec<&str> = match claims.at(claim) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) if several.len() <= MAX_ROLES => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let meant = self.config.roles.iter().filter(|(name, _)| claimed.contains(&name.as_str())).map(|(_, role)| *role);
        meant.filter(|role| *role < Role::SuperAdmin).max().map(Some).ok_or(Refusal::Claim("role"))
    }
}

#[cfg(test)]
mod tests;
