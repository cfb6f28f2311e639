//! Who calls, found out from what is shown: in the metadata of the call, or else when its connection began. What the store says is kept under its tenant's epoch, which is asked on each call: what
//! is revoked on any server is refused by the next call on every other.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::access::{Authenticator, Caller, ClientCertificate, Credential, CredentialKind, Origin, Presented, TenantScope};
use crate::error::{Error, Result};
use crate::identity::outside::{outlives_deletion, role_of};
use crate::identity::{
    API_KEY_PREFIX, ApiKey, ApiKeyRepository, BROWSER_PREFIX, CertificateNames, Issuer, Principal, PrincipalRepository, Role, SecretSource,
    Session, SessionKind, SessionRepository, TokenVerifier, VerifiedToken,
};
use crate::name::{ApiKeyId, PrincipalName, SessionId};
use crate::tenant::{TenantStates, require_active};
use crate::time::{Clock, Timestamp};

/// How credentials are shown, whatever its letters' case.
const SCHEME: &str = "bearer ";
/// Longest text that is looked at.
const MAX_CREDENTIAL: usize = 16 * 1024;
/// How often a use of a key is noted.
const NOTE_USE_EVERY: Duration = Duration::from_secs(60);
/// Entries of each kind that are kept in memory; beyond it all are dropped and loaded anew as they are asked for.
const MAX_KEPT: usize = 10_000;

/// Finds out who calls, from an API key, a token, the secret of a browser's session, or the certificate of a client.
pub struct Authentication {
    ports: AuthenticationPorts,
    certificates: CertificateNames,
    /// For calls that show nothing.
    without: Option<Arc<dyn Authenticator>>,
    principals: Kept<PrincipalName, Principal>,
    sessions: Kept<SessionId, Session>,
    keys: Kept<ApiKeyId, ApiKey>,
    uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

/// The ports of [`Authentication`].
#[allow(missing_docs, reason = "each field is named like its port")]
pub struct AuthenticationPorts {
    pub principals: Arc<dyn PrincipalRepository>,
    pub api_keys: Arc<dyn ApiKeyRepository>,
    pub sessions: Arc<dyn SessionRepository>,
    pub secrets: Arc<dyn SecretSource>,
    pub verifier: Arc<dyn TokenVerifier>,
    pub tenants: Arc<dyn TenantStates>,
    pub clock: Arc<dyn Clock>,
}

impl Authentication {
    /// Wires it to its ports; `without` answers calls that show nothing, which are refused where it is `None`.
    pub fn new(ports: AuthenticationPorts, certificates: CertificateNames, without: Option<Arc<dyn Authenticator>>) -> Self {
        let (principals, sessions, keys) = (Kept::default(), Kept::default(), Kept::default());
        Authentication { ports, certificates, without, principals, sessions, keys, uses: Mutex::default() }
    }

    async fn by_certificate(&self, certificate: &ClientCertificate) -> Result<(PrincipalName, Role, Credential)> {
        let name = self.certificates.account(certificate).ok_or(Error::Unauthenticated)?;
        let (scope, epoch) = self.at_epoch(&name).await?;
        let account = self.principal(&scope, epoch, &name).await?.ok_or(Error::Unauthenticated)?;
        let credential = certificate.credential();
        if !account.accepts_certificate(&credential, self.ports.clock.now()) {
            return Err(Error::Unauthenticated);
        }
        Ok((name, account.role, credential))
    }

    /// Whom the metadata of a call proves.
    async fn by_authorization(&self, shown: &str) -> Result<(PrincipalName, Role, Credential)> {
        let (scheme, text) = shown.split_at_checked(SCHEME.len()).ok_or(Error::Unauthenticated)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) || text.len() > MAX_CREDENTIAL {
            return Err(Error::Unauthenticated);
        }
        match text {
            _ if text.starts_with(API_KEY_PREFIX) => self.by_key(text).await,
            _ if text.starts_with(BROWSER_PREFIX) => self.by_browser(text).await,
            _ => self.by_token(text).await,
        }
    }

    /// Whom the secret of a browser's session proves.
    async fn by_browser(&self, text: &str) -> Result<(PrincipalName, Role, Credential)> {
        let id = Session::id_of_browser(text).ok_or(Error::Unauthenticated)?;
        let load = async || self.ports.sessions.find_shown(&id).await;
        let known = match self.sessions.find_any(&id) {
            Some(session) => session.principal.clone(),
            None => load().await?.ok_or(Error::Unauthenticated)?.principal,
        };
        let (scope, epoch) = self.at_epoch(&known).await?;
        // Loaded anew where it was not known before the epoch was read.
        let session = self.sessions.find(&id, epoch, load).await?.ok_or(Error::Unauthenticated)?;
        if session.kind != SessionKind::Browser || self.ports.secrets.digest(text) != session.refresh {
            return Err(Error::Unauthenticated);
        }
        let principal = self.principal(&scope, epoch, &session.principal).await?;
        let role = self.role_in(&scope, epoch, &session, principal.as_deref()).await?.ok_or(Error::Unauthenticated)?;
        let credential = Credential {
            kind: CredentialKind::Session,
            session: Some(id),
            key: session.key.clone(),
            issuer: session.vouched.as_ref().filter(|vouched| vouched.role.is_some()).map(|vouched| Arc::clone(&vouched.issuer)),
            issued: session.created,
            expires: Some(session.expires),
        };
        Ok((session.principal.clone(), role, credential))
    }

    async fn by_key(&self, text: &str) -> Result<(PrincipalName, Role, Credential)> {
        let id = ApiKey::id_of(text).ok_or(Error::Unauthenticated)?;
        let (scope, epoch) = match self.keys.find_any(&id) {
            Some(key) => self.at_epoch(&key.account).await?,
            None => {
                let key = self.ports.api_keys.find_shown(&id).await?.ok_or(Error::Unauthenticated)?;
                self.at_epoch(&key.account).await?
            }
        };
        // Loaded anew where it was not known before the epoch was read.
        let load = async || self.ports.api_keys.find_shown(&id).await;
        let key = self.keys.find(&id, epoch, load).await?.ok_or(Error::Unauthenticated)?;
        let account = self.principal(&scope, epoch, &key.account).await?.ok_or(Error::Unauthenticated)?;
        let now = self.ports.clock.now();
        if self.ports.secrets.digest(text) != key.hash || !key.is_valid(&account, now) {
            return Err(Error::Unauthenticated);
        }
        self.note_use(&scope, &key.id, now).await;
        let credential = Credential {
            kind: CredentialKind::ApiKey,
            session: None,
            key: Some(key.id.clone()),
            issuer: None,
            issued: key.created,
            expires: key.expires,
        };
        Ok((account.name.clone(), account.role, credential))
    }

    async fn by_token(&self, text: &str) -> Result<(PrincipalName, Role, Credential)> {
        let token = self.ports.verifier.verify(text, self.ports.clock.now()).await?;
        // What stands for somebody who was erased is nobody's name, whatever an issuer calls its users.
        if token.principal.erased_id().is_some() {
            return Err(Error::Unauthenticated);
        }
        let (scope, epoch) = self.at_epoch(&token.principal).await?;
        match &token.issuer {
            Issuer::Own => self.by_own_token(&scope, epoch, &token).await,
            Issuer::External(issuer) => {
                let role = self.external_role(&scope, epoch, &token).await?.ok_or(Error::Unauthenticated)?;
                let issuer = Some(Arc::clone(issuer));
                Ok((token.principal.clone(), role, credential_of(CredentialKind::ExternalToken, &token, issuer, None)))
            }
        }
    }

    /// The role of whom an outside issuer names.
    async fn external_role(&self, scope: &TenantScope, epoch: u64, token: &VerifiedToken) -> Result<Option<Role>> {
        let known = self.principal(scope, epoch, &token.principal).await?;
        role_of(self.ports.principals.as_ref(), scope, known.as_deref(), token).await
    }

    /// Whether what was issued then to somebody whom the store does not know still counts.
    async fn outlives_deletion(&self, scope: &TenantScope, name: &PrincipalName, issued: Timestamp) -> Result<bool> {
        outlives_deletion(self.ports.principals.as_ref(), scope, name, issued).await
    }

    /// The role that a session gives, where it goes on. Of somebody whom the store does not know, it is the one that their issuer gave.
    async fn role_in(&self, scope: &TenantScope, epoch: u64, session: &Session, known: Option<&Principal>) -> Result<Option<Role>> {
        match (known, &session.vouched) {
            (Some(known), _) => Ok(self.session_is_live(scope, epoch, session, known).await?.then_some(known.role)),
            (None, Some(vouched)) if session.is_open(self.ports.clock.now()) && self.is_backed(session) => {
                let stands = self.outlives_deletion(scope, &session.principal, vouched.issued).await?;
                Ok(vouched.role.filter(|_| stands))
            }
            (None, _) => Ok(None),
        }
    }

    async fn by_own_token(&self, scope: &TenantScope, epoch: u64, token: &VerifiedToken) -> Result<(PrincipalName, Role, Credential)> {
        let id = token.session.as_ref().ok_or(Error::Unauthenticated)?;
        let session = self.session(scope, epoch, &token.principal, id).await?.ok_or(Error::Unauthenticated)?;
        let principal = self.principal(scope, epoch, &token.principal).await?.ok_or(Error::Unauthenticated)?;
        if !self.session_is_live(scope, epoch, &session, &principal).await? {
            return Err(Error::Unauthenticated);
        }
        let credential = credential_of(CredentialKind::AccessToken, token, None, session.key.clone());
        Ok((principal.name.clone(), principal.role, credential))
    }

    /// The role that a caller has now, where nothing that its credential rests on was taken away. An access token that ends lets what it
    /// began go on.
    async fn role_of_now(&self, caller: &Caller, credential: &Credential) -> Result<Option<Role>> {
        let name = &caller.principal;
        require_active(self.ports.tenants.as_ref(), name.tenant()).await?;
        let (scope, epoch) = self.at_epoch(name).await?;
        let Some(principal) = self.principal(&scope, epoch, name).await? else {
            // Only an outside issuer vouches for somebody whom the store does not know, with the role that it claimed.
            return match (credential.kind, &credential.session) {
                (CredentialKind::ExternalToken, _) => {
                    let stands = self.outlives_deletion(&scope, name, credential.issued).await?;
                    Ok(caller.role.filter(|_| stands))
                }
                (CredentialKind::Session, Some(id)) => match self.session(&scope, epoch, name, id).await? {
                    Some(session) => self.role_in(&scope, epoch, &session, None).await,
                    None => Ok(None),
                },
                _ => Ok(None),
            };
        };
        let holds = match (credential.kind, &credential.session, &credential.key) {
            (CredentialKind::ExternalToken, _, _) => principal.accepts(credential.issued),
            (CredentialKind::Certificate, _, _) => principal.accepts_certificate(credential, self.ports.clock.now()),
            (CredentialKind::Absence, _, _) => principal.is_active() && principal.created <= credential.issued,
            (_, Some(id), _) => match self.session(&scope, epoch, name, id).await? {
                Some(session) => self.session_is_live(&scope, epoch, &session, &principal).await?,
                None => false,
            },
            (_, None, Some(id)) => self.key_is_valid(&scope, epoch, id, &principal).await?,
            (_, None, None) => false,
        };
        Ok(holds.then_some(principal.role))
    }

    async fn session_is_live(&self, scope: &TenantScope, epoch: u64, session: &Session, principal: &Principal) -> Result<bool> {
        if !session.is_live(principal, self.ports.clock.now()) || !self.is_backed(session) {
            return Ok(false);
        }
        match &session.key {
            Some(id) => self.key_is_valid(scope, epoch, id, principal).await,
            None => Ok(true),
        }
    }

    /// Whether the issuer that a session was begun at, if any, is still trusted to begin it.
    fn is_backed(&self, session: &Session) -> bool {
        session.vouched.as_ref().is_none_or(|vouched| self.ports.verifier.stands_by(session.principal.tenant(), vouched))
    }

    async fn key_is_valid(&self, scope: &TenantScope, epoch: u64, id: &ApiKeyId, account: &Principal) -> Result<bool> {
        let load = async || Ok(self.ports.api_keys.find(scope, &account.name, id).await?.open_for_system());
        let key = self.keys.find(id, epoch, load).await?;
        Ok(key.is_some_and(|key| key.account == account.name && key.is_valid(account, self.ports.clock.now())))
    }

    async fn session(&self, scope: &TenantScope, epoch: u64, name: &PrincipalName, id: &SessionId) -> Result<Option<Arc<Session>>> {
        let load = async || Ok(self.ports.sessions.find(scope, name, id).await?.open_for_system());
        let session = self.sessions.find(id, epoch, load).await?;
        Ok(session.filter(|session| session.principal == *name))
    }

    async fn principal(&self, scope: &TenantScope, epoch: u64, name: &PrincipalName) -> Result<Option<Arc<Principal>>> {
        let load = async || Ok(self.ports.principals.find(scope, name).await?.open_for_system());
        self.principals.find(name, epoch, load).await
    }

    /// The scope of a principal, and the epoch from before anything of it is loaded.
    async fn at_epoch(&self, name: &PrincipalName) -> Result<(TenantScope, u64)> {
        let scope = TenantScope::for_system(name.tenant().clone());
        let epoch = self.ports.principals.epoch(&scope).await?;
        Ok((scope, epoch))
    }

    async fn note_use(&self, scope: &TenantScope, id: &ApiKeyId, now: Timestamp) {
        let is_due = {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = uses.get(id).is_none_or(|last| now.since(*last) >= NOTE_USE_EVERY);
            if is_due {
                if uses.len() >= MAX_KEPT {
                    uses.clear();
                }
                uses.insert(id.clone(), now);
            }
            is_due
        };
        if is_due {
            // The time of a use is for people who tidy up: a call must not fail for it.
            let _ = self.ports.api_keys.note_use(scope, id, now).await;
        }
    }
}

#[async_trait]
impl Authenticator for Authentication {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Caller> {
        // What a call shows decides, right or wrong; then what its connection began with does. Neither gives way to the next.
        let (principal, role, credential) = match (presented.authorization, presented.certificate) {
            (Some(shown), _) => self.by_authorization(shown).await?,
            (None, Some(certificate)) => self.by_certificate(certificate).await?,
            (None, None) => {
                let without = self.without.as_ref().ok_or(Error::Unauthenticated)?;
                return without.authenticate(presented).await;
            }
        };
        Ok(Caller { principal, origin: Origin::Credential(credential), role: Some(role), address: presented.peer })
    }

    async fn as_of_now(&self, caller: &Caller) -> Result<Option<Caller>> {
        match (caller.credential(), &self.without) {
            (Some(credential), _) => {
                let role = self.role_of_now(caller, credential).await?;
                Ok(role.map(|role| Caller { role: Some(role), ..caller.clone() }))
            }
            (None, Some(without)) => without.as_of_now(caller).await,
            (None, None) => Ok(None),
        }
    }

    async fn in_absence(&self, principal: &PrincipalName, since: Timestamp) -> Result<Option<Caller>> {
        require_active(self.ports.tenants.as_ref(), principal.tenant()).await?;
        let (scope, epoch) = self.at_epoch(principal).await?;
        let Some(known) = self.principal(&scope, epoch, principal).await? else {
            return match &self.without {
                Some(without) => without.in_absence(principal, since).await,
                None => Ok(None),
            };
        };
        let credential = Credential { kind: CredentialKind::Absence, session: None, key: None, issuer: None, issued: since, expires: None };
        let caller =
            || Caller { principal: principal.clone(), origin: Origin::Credential(credential), role: Some(known.role), address: None };
        // Somebody who was made under the name of one that was deleted inherits nothing.
        Ok((known.is_active() && known.created <= since).then(caller))
    }
}

fn credential_of(kind: CredentialKind, token: &VerifiedToken, issuer: Option<Arc<str>>, key: Option<ApiKeyId>) -> Credential {
    let session = token.session.clone().filter(|_| kind == CredentialKind::AccessToken);
    Credential { kind, session, key, issuer, issued: token.issued, expires: Some(token.expires) }
}

/// What was loaded, each with the epoch from before it was.
struct Kept<K, V>(Mutex<HashMap<K, (u64, Arc<V>)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Kept(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// What is kept, however old.
    fn find_any(&self, key: &K) -> Option<Arc<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(|(_, value)| Arc::clone(value))
    }

    /// What is kept of this epoch, or else what `load` finds. That there is nothing is not kept.
    async fn find(&self, key: &K, epoch: u64, load: impl AsyncFnOnce() -> Result<Option<V>>) -> Result<Option<Arc<V>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some((_, value)) = kept.filter(|(at, _)| *at == epoch) {
            return Ok(Some(value));
        }
        let Some(value) = load().await?.map(Arc::new) else { return Ok(None) };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT && !kept.contains_key(key) {
            kept.clear();
        }
        kept.insert(key.clone(), (epoch, Arc::clone(&value)));
        Ok(Some(value))
    }
}
