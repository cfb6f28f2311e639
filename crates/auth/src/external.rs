//! Issuers that an operator trusts: whose tokens are taken, how their keys are found, and what their claims mean here.
//!
//! An issuer speaks for the tenants that the configuration names and for no others, never for the tenant of the installation itself,
//! and makes nobody a super administrator.

use std::sync::Arc;

use domain::Result;
use domain::identity::{Issuer, MAX_EXTERNAL_TOKEN_LIFE, Role, VerifiedToken};
use domain::name::{PrincipalName, TenantId};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::claims::{Claims, Present};
use crate::compact::Compact;
use crate::public_key::PublicKey;
use crate::refusal::Refusal;

mod fetch;
mod key_set;
mod key_source;

pub use fetch::KeyPlace;
use key_source::KeySource;

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
}

/// An issuer that is not Zona.
pub struct External {
    config: Config,
    name: Arc<str>,
    keys: KeySource,
}

// === impl External ===

impl External {
    /// An issuer. Its keys are asked for when its first token comes.
    pub fn new(config: Config) -> Self {
        External { name: config.issuer.as_str().into(), keys: KeySource::new(config.keys.clone()), config }
    }

    pub(crate) fn is(&self, issuer: &str) -> bool {
        self.config.issuer == issuer
    }

    pub(crate) async fn verify(&self, token: &Compact<'_>, present: Present) -> Result<Result<VerifiedToken, Refusal>> {
        // What needs no key is looked at first: not every token is worth asking somebody else.
        let named = token.has_type(&self.config.token_type).and_then(|()| token.algorithm(&self.config.algorithms));
        let named = named.and_then(|algorithm| Ok((algorithm, token.key_id()?)));
        Ok(match named {
            Ok((algorithm, id)) => match self.keys.find(id, present.now).await? {
                Some(key) => self.signed_by(&key, algorithm, token, present),
                None => Err(Refusal::Key),
            },
            Err(refusal) => Err(refusal),
        })
    }

    fn signed_by(&self, key: &PublicKey, algorithm: Algorithm, token: &Compact<'_>, present: Present) -> Result<VerifiedToken, Refusal> {
        token.is_signed_by(key, algorithm)?;
        let claims = Claims(&token.claims);
        claims.is_for(&self.config.audience)?;
        let times = claims.times(present, MAX_EXTERNAL_TOKEN_LIFE)?;
        Ok(VerifiedToken {
            issuer: Issuer::External(Arc::clone(&self.name)),
            principal: self.principal(&claims)?,
            session: None,
            role: self.role(&claims)?,
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
