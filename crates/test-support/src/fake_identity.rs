//! Hashes, secrets and tokens that can be foretold. They keep the promises of their ports but for secrecy.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::hash::Hash;
use domain::identity::{
    API_KEY_PREFIX, AccessToken, AuthorizationCode, BROWSER_PREFIX, CodeExchange, Issuer, PasswordHash, PasswordHasher, PasswordVerdict,
    REFRESH_PREFIX, Secret, SecretSource, SignInProblem, TokenIssuer, TokenVerifier, VerifiedToken, Vouched,
};
use domain::name::{ApiKeyId, SessionId, TenantId};
use domain::time::Timestamp;
use domain::{Error, Result};
use sha2::{Digest as _, Sha256};
use tokio::sync::Barrier;

/// Characters of a secret part.
const SECRET: usize = 43;

/// Hashes at once; hashes of before [`FakeHasher::raise`] are outdated.
#[derive(Default)]
pub struct FakeHasher {
    strength: AtomicU32,
    checks: AtomicU64,
}

impl FakeHasher {
    /// Asks more of hashes from now on.
    pub fn raise(&self) {
        self.strength.fetch_add(1, Ordering::SeqCst);
    }

    /// How many passwords were checked, with a hash or without.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl PasswordHasher for FakeHasher {
    async fn hash(&self, password: &Secret) -> Result<PasswordHash> {
        let digest = Hash::from_bytes(Sha256::digest(password.expose()).into());
        Ok(PasswordHash::new(format!("{}:{digest}", self.strength.load(Ordering::SeqCst))))
    }

    async fn verify(&self, password: &Secret, hash: Option<&PasswordHash>) -> Result<PasswordVerdict> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        let digest = Hash::from_bytes(Sha256::digest(password.expose()).into()).to_string();
        let Some((strength, stored)) = hash.and_then(|hash| hash.as_str().split_once(':')) else { return Ok(PasswordVerdict::Wrong) };
        Ok(match (stored == digest, strength == self.strength.load(Ordering::SeqCst).to_string()) {
            (false, _) => PasswordVerdict::Wrong,
            (true, true) => PasswordVerdict::Right,
            (true, false) => PasswordVerdict::RightButOutdated,
        })
    }
}

/// Counts up.
#[derive(Default)]
pub struct FakeSecrets {
    next: AtomicU64,
}

impl FakeSecrets {
    fn secret(&self, prefix: &str) -> (Secret, Hash) {
        let next = self.next.fetch_add(1, Ordering::SeqCst);
        let text = format!("{prefix}{next:0>SECRET$}");
        let hash = self.digest(&text);
        (Secret::new(text), hash)
    }
}

impl SecretSource for FakeSecrets {
    fn api_key(&self) -> (ApiKeyId, Secret, Hash) {
        let letters = self.next.fetch_add(1, Ordering::SeqCst).to_string().into_bytes();
        let letters: String = letters.into_iter().map(|digit| char::from(digit - b'0' + b'a')).collect();
        let id = ApiKeyId::parse("api_key", &format!("{letters:k>16}")).expect("16 letters are an id");
        let (secret, hash) = self.secret(&format!("{API_KEY_PREFIX}{id}_"));
        (id, secret, hash)
    }

    fn family(&self) -> (Secret, Hash) {
        self.secret("")
    }

    fn refresh(&self, session: &SessionId, family: &str) -> (Secret, Hash) {
        self.secret(&format!("{REFRESH_PREFIX}{session}_{family}"))
    }

    fn browser(&self, session: &SessionId) -> (Secret, Hash) {
        self.secret(&format!("{BROWSER_PREFIX}{session}_"))
    }

    fn bootstrap(&self) -> (Secret, Hash) {
        self.secret("zona_bootstrap_")
    }

    fn digest(&self, secret: &str) -> Hash {
        Hash::from_bytes(Sha256::digest(secret).into())
    }
}

/// Remembers what it has issued.
#[derive(Default)]
pub struct FakeTokens {
    issued: Mutex<HashMap<String, VerifiedToken>>,
    dropped: Mutex<HashSet<Arc<str>>>,
    meeting: Mutex<Option<Arc<Barrier>>>,
}

impl FakeTokens {
    /// Trusts a token of an outside issuer, too.
    pub fn trust(&self, text: &str, token: VerifiedToken) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned(), token);
    }

    /// Has so many who redeem codes wait for each other, from now on.
    pub fn meet(&self, many: usize) {
        *self.meeting.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(Barrier::new(many)));
    }

    /// Trusts an outside issuer no more.
    pub fn drop_issuer(&self, issuer: &str) {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).insert(issuer.into());
    }
}

/// A code is what it is redeemed for, and serves as often as it is shown: that one sign-in begins one session is nobody's merit here.
#[async_trait]
impl CodeExchange for FakeTokens {
    async fn redeem(&self, code: &AuthorizationCode, now: Timestamp) -> Result<VerifiedToken> {
        let meeting = self.meeting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(meeting) = meeting {
            meeting.wait().await;
        }
        let token = self.verify(code.code.expose(), now).await;
        token.map_err(|_unknown| SignInProblem::Refused.into())
    }
}

impl TokenIssuer for FakeTokens {
    fn issue(&self, token: &AccessToken) -> Result<Secret> {
        let text = format!("access.{}", token.id);
        let verified = VerifiedToken {
            issuer: Issuer::Own,
            principal: token.principal.clone(),
            session: Some(token.session.clone()),
            role: Some(token.role),
            issued: token.issued,
            expires: token.expires,
            id: token.id.clone(),
        };
        self.trust(&text, verified);
        Ok(Secret::new(text))
    }

    fn key_set(&self) -> String {
        "{\"keys\":[]}".to_owned()
    }
}

#[async_trait]
impl TokenVerifier for FakeTokens {
    async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken> {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.get(token).filter(|token| now < token.expires).cloned().ok_or(Error::Unauthenticated)
    }

    fn stands_by(&self, _tenant: &TenantId, vouched: &Vouched) -> bool {
        !self.dropped.lock().unwrap_or_else(PoisonError::into_inner).contains(&vouched.issuer)
    }
}
