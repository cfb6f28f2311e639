//! Use cases of sessions: beginning one with a password or an API key, going on with it, and making things void.

use std::net::IpAddr;
use std::time::Duration;

use crate::access::{Permit, TenantScope};
use crate::audit::{FieldChange, Notes, unaudited};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::identity::outside::{is_blameless, role_of, session_of};
use crate::identity::principals::check_ruled;
use crate::identity::rules::MAX_PASSWORD;
use crate::identity::use_cases::{Asked, Identities, settled};
use crate::identity::{
    AccessToken, ApiKey, AuthorizationCode, Issuer, PasswordVerdict, Principal, PrincipalChange, Secret, Session, SessionKind,
    SignInProblem, Vouched, actions,
};
use crate::name::{ApiKeyId, CredentialName, PrincipalName, SessionId};
use crate::request::{Expected, once};
use crate::tenant::require_active;

/// What proves who wants to sign in.
#[derive(Debug)]
pub enum Proof {
    /// A user's password.
    Password {
        /// Who.
        user: PrincipalName,
        /// The password.
        password: Secret,
    },
    /// A whole API key.
    ApiKey(Secret),
}

/// What is issued. Both tokens are shown once.
#[derive(Debug)]
pub struct Issued {
    /// The access token.
    pub access: Secret,
    /// How long it is valid.
    pub expires_in: Duration,
    /// The refresh token.
    pub refresh: Secret,
    /// The session.
    pub session: Session,
}

/// What a browser is given.
#[derive(Debug)]
pub struct BrowserSession {
    /// What it shows with each call, until the session ends.
    pub secret: Secret,
    /// The session.
    pub session: Session,
}

impl Identities {
    /// Begins a session, and notes whose. A wrong password, an unknown user and a disabled one get the same answer after the same time.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Exhausted`] after too many failures of the user or from the address; [`Error::Closed`] for
    /// who has proven to be of a suspended tenant.
    pub async fn issue(&self, proof: Proof, address: Option<IpAddr>, notes: &Notes) -> Result<Issued> {
        let (principal, key) = self.proven(proof, address, notes).await?;
        let id = self.new_session(&principal).await?;
        let (family, family_hash) = self.ports.secrets.family();
        let (refresh, hash) = self.ports.secrets.refresh(&id, family.expose());
        let digests = Digests { refresh: hash, family: family_hash };
        let session = self.session(&principal, key, id, SessionKind::Refreshed, digests);
        // Made before it is stored, so that no session begins of which nobody gets tokens.
        let issued = self.issued(&principal, session, refresh)?;
        self.begin(&issued.session, notes).await?;
        Ok(issued)
    }

    /// Begins a session of a browser, and notes whose.
    ///
    /// # Errors
    /// Those of [`Identities::issue`].
    pub async fn open_browser(&self, proof: Proof, address: Option<IpAddr>, notes: &Notes) -> Result<BrowserSession> {
        let (principal, key) = self.proven(proof, address, notes).await?;
        let id = self.new_session(&principal).await?;
        let (secret, hash) = self.ports.secrets.browser(&id);
        let digests = Digests { refresh: hash, family: hash };
        let session = self.session(&principal, key, id, SessionKind::Browser, digests);
        self.begin(&session, notes).await?;
        Ok(BrowserSession { secret, session })
    }

    /// Begins a session of a browser that comes from the sign-in page of an outside issuer, and notes whose. Each sign-in begins one.
    ///
    /// # Errors
    /// [`Error::SignIn`] where the issuer refuses the code or says what is not taken, or the sign-in has begun a session already; otherwise
    /// those of [`Identities::issue`], and [`Error::Unavailable`] while the issuer does not answer.
    pub async fn open_outside(&self, code: AuthorizationCode, address: Option<IpAddr>, notes: &Notes) -> Result<BrowserSession> {
        let now = self.ports.clock.now();
        self.attempts.begin(None, address, now)?;
        let id = session_of(&self.ports.secrets.digest(&format!("{} {}", code.issuer, code.verifier.expose())))?;
        if self.ports.sessions.find_shown(&id).await?.is_some() {
            return Err(SignInProblem::Used.into());
        }
        let redeemed = self.ports.codes.redeem(&code, now).await;
        if redeemed.as_ref().err().is_none_or(is_blameless) {
            // Others may share the address, and need their attempts where an issuer is set up wrongly.
            self.attempts.succeeded(None, address);
        }
        let token = redeemed?;
        notes.resource(&token.principal);
        let Issuer::External(issuer) = &token.issuer else { return Err(Error::Unauthenticated) };
        let scope = TenantScope::for_system(token.principal.tenant().clone());
        let known = self.ports.principals.find(&scope, &token.principal).await?.open_for_system();
        // What stands for somebody who was erased is nobody's name, whatever an issuer calls its users.
        let is_name = token.principal.erased_id().is_none();
        let role = role_of(self.ports.principals.as_ref(), &scope, known.as_ref(), &token).await?.filter(|_| is_name);
        let role = role.ok_or(SignInProblem::Nobody)?;
        require_active(self.ports.tenants.as_ref(), token.principal.tenant()).await?;
        let (secret, hash) = self.ports.secrets.browser(&id);
        let vouched = Vouched { issuer: issuer.clone(), role: known.is_none().then_some(role), issued: token.issued };
        let session = Session {
            id,
            principal: token.principal,
            kind: SessionKind::Browser,
            key: None,
            created: now,
            expires: now.plus(self.lives.browser),
            revoked: None,
            generation: 0,
            refresh: hash,
            family: hash,
            issued_under: known.as_ref().map_or(token.issued, |known| known.valid_after),
            vouched: Some(vouched),
        };
        match self.begin(&session, notes).await {
            // Of two who finish the same sign-in at once, the store takes one.
            Err(error) => match self.ports.sessions.find_shown(&session.id).await {
                Ok(Some(other)) if other.refresh != session.refresh => Err(SignInProblem::Used.into()),
                _ => Err(error),
            },
            Ok(()) => Ok(BrowserSession { secret, session }),
        }
    }

    /// Who it is that wants to sign in, and by which API key.
    async fn proven(&self, proof: Proof, address: Option<IpAddr>, notes: &Notes) -> Result<(Principal, Option<ApiKeyId>)> {
        Ok(match proof {
            Proof::Password { user, password } => {
                notes.resource(&user);
                self.attempts.begin(Some(&user), address, self.ports.clock.now())?;
                let principal = self.check_password(&user, &password).await?;
                self.attempts.succeeded(Some(&user), address);
                (principal, None)
            }
            Proof::ApiKey(secret) => {
                self.attempts.begin(None, address, self.ports.clock.now())?;
                let (principal, key) = self.check_key(&secret).await?;
                self.attempts.succeeded(None, address);
                (principal, Some(key.id))
            }
        })
    }

    /// Goes on with a session, and notes which: the newest refresh token is exchanged for the next. An earlier one of the session ends
    /// it, as one of the two who have it must be a thief; one that never was the session's ends nothing.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Error::Exhausted`] after too many failures from the address; [`Error::Closed`] for a session of a
    /// suspended tenant, which stays as it is.
    pub async fn refresh(&self, token: &Secret, address: Option<IpAddr>, notes: &Notes) -> Result<Issued> {
        self.attempts.begin(None, address, self.ports.clock.now())?;
        let issued = self.go_on(token, notes).await;
        // A token that is right is no failed attempt, whatever else is in its way: others may share the address.
        if matches!(issued, Ok(_) | Err(Error::Closed { .. })) {
            self.attempts.succeeded(None, address);
        }
        issued
    }

    async fn go_on(&self, token: &Secret, notes: &Notes) -> Result<Issued> {
        let id = Session::id_of(token.expose()).ok_or(Error::Unauthenticated)?;
        let family = Session::family_of(token.expose()).ok_or(Error::Unauthenticated)?;
        let session = self.ports.sessions.find_shown(&id).await?.ok_or(Error::Unauthenticated)?;
        let scope = TenantScope::for_system(session.principal.tenant().clone());
        let principal = self.ports.principals.find(&scope, &session.principal).await?.open_for_system().ok_or(Error::Unauthenticated)?;
        let now = self.ports.clock.now();
        let is_of_session = self.ports.secrets.digest(family) == session.family;
        if !is_of_session
            || session.kind != SessionKind::Refreshed
            || !session.is_live(&principal, now)
            || !self.key_is_live(&scope, &session, &principal).await?
        {
            return Err(Error::Unauthenticated);
        }
        notes.resource(&session.name());
        let (refresh, hash) = self.ports.secrets.refresh(&session.id, family);
        let next = Session { generation: session.generation.saturating_add(1), refresh: hash, ..session.clone() };
        let is_newest = self.ports.secrets.digest(token.expose()) == session.refresh;
        if is_newest {
            require_active(self.ports.tenants.as_ref(), principal.name.tenant()).await?;
        }
        if !is_newest || !self.ports.sessions.rotate(&scope, &next).await? {
            self.ports.sessions.revoke(&scope, &session.id, now).await?;
            return Err(Error::Unauthenticated);
        }
        note_session(notes, &next);
        self.issued(&principal, next, refresh)
    }

    /// Makes void a session, an API key, or everything that was issued to a principal.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] for what is of somebody above the caller.
    pub async fn revoke(&self, permit: &Permit<actions::Revoke>, asked: Asked) -> Result<()> {
        if !asked.violations.is_empty() {
            return Err(Error::Invalid(asked.violations));
        }
        match permit.target() {
            CredentialName::Principal(name) => {
                let request = asked.request.clone();
                once(|| self.answered(permit, request.as_ref()), self.revoke_principal(permit, name, asked)).await.map(drop)
            }
            // Both are void for good, so that a repetition changes nothing whether it is remembered or not.
            CredentialName::Session(name) => self.revoke_session(permit, &name.principal, &name.session).await,
            CredentialName::ApiKey(name) => match self.revoke_key(permit, name, None).await {
                // Somebody else was faster.
                Err(Error::Stale { .. }) => self.revoke_key(permit, name, None).await.map(drop),
                revoked => revoked.map(drop),
            },
        }
    }

    async fn revoke_principal(&self, permit: &Permit<actions::Revoke>, name: &PrincipalName, asked: Asked) -> Result<Principal> {
        let old = self.load(permit, name).await?;
        check_ruled(permit, &old)?;
        let now = self.ports.clock.now();
        let changed = Principal { valid_after: old.voided(now), updated: now, revision: old.revision.next(), ..old.clone() };
        let expected = Expected::Revision(old.revision);
        let change = PrincipalChange { expected, principal: changed.clone(), deletes: false, judged_at: None, request: asked.request };
        settled(self.ports.principals.commit(&permit.scope(), change).await?, changed, false, name)
    }

    async fn revoke_session(&self, permit: &Permit<actions::Revoke>, principal: &PrincipalName, id: &SessionId) -> Result<()> {
        let scope = permit.scope();
        let session = permit.open(self.ports.sessions.find(&scope, principal, id).await?, permit.target())?;
        if let Some(owner) = self.ports.principals.find(&scope, principal).await?.open_for_system() {
            check_ruled(permit, &owner)?;
        }
        self.ports.sessions.revoke(&scope, &session.id, self.ports.clock.now()).await.map(drop)
    }

    async fn check_password(&self, user: &PrincipalName, password: &Secret) -> Result<Principal> {
        let scope = TenantScope::for_system(user.tenant().clone());
        let found = self.ports.principals.find(&scope, user).await?.open_for_system();
        let hash = found.as_ref().and_then(|principal| principal.password.as_ref());
        // Without a hash the check takes the same time.
        let verdict = self.ports.hasher.verify(password, hash).await?;
        let principal = found.filter(Principal::is_active).ok_or(Error::Unauthenticated)?;
        match verdict {
            PasswordVerdict::Wrong => Err(Error::Unauthenticated),
            PasswordVerdict::Right => Ok(principal),
            PasswordVerdict::RightButOutdated => {
                let password = self.hashed(Some(password)).await?;
                self.ports.principals.rehash(&scope, &Principal { password, ..principal.clone() }).await?;
                Ok(principal)
            }
        }
    }

    async fn check_key(&self, secret: &Secret) -> Result<(Principal, ApiKey)> {
        let id = ApiKey::id_of(secret.expose()).ok_or(Error::Unauthenticated)?;
        let key = self.ports.api_keys.find_shown(&id).await?.ok_or(Error::Unauthenticated)?;
        let scope = TenantScope::for_system(key.account.tenant().clone());
        let account = self.ports.principals.find(&scope, &key.account).await?.open_for_system().ok_or(Error::Unauthenticated)?;
        let is_right = self.ports.secrets.digest(secret.expose()) == key.hash;
        if is_right && key.is_valid(&account, self.ports.clock.now()) { Ok((account, key)) } else { Err(Error::Unauthenticated) }
    }

    /// Whether the API key that a session was begun with, if any, is still good.
    async fn key_is_live(&self, scope: &TenantScope, session: &Session, account: &Principal) -> Result<bool> {
        let Some(id) = &session.key else { return Ok(true) };
        let key = self.ports.api_keys.find(scope, &session.principal, id).await?.open_for_system();
        Ok(key.is_some_and(|key| key.is_valid(account, self.ports.clock.now())))
    }

    /// The id of a session that somebody may begin.
    async fn new_session(&self, principal: &Principal) -> Result<SessionId> {
        require_active(self.ports.tenants.as_ref(), principal.name.tenant()).await?;
        SessionId::parse("session", &self.ports.ids.unique())
    }

    fn session(&self, principal: &Principal, key: Option<ApiKeyId>, id: SessionId, kind: SessionKind, digests: Digests) -> Session {
        let now = self.ports.clock.now();
        let life = match kind {
            SessionKind::Refreshed => self.lives.session,
            SessionKind::Browser => self.lives.browser,
        };
        Session {
            id,
            principal: principal.name.clone(),
            kind,
            key,
            created: now,
            expires: now.plus(life),
            revoked: None,
            generation: 0,
            refresh: digests.refresh,
            family: digests.family,
            issued_under: principal.valid_after,
            vouched: None,
        }
    }

    /// Stores a session in one commit with the record of its beginning.
    async fn begin(&self, session: &Session, notes: &Notes) -> Result<()> {
        let scope = TenantScope::for_system(session.principal.tenant().clone());
        note_session(notes, session);
        let begun_at = session.vouched.as_ref().map(|vouched| &*vouched.issuer);
        notes.changes(FieldChange::named("issuer", None, begun_at).into_iter().collect());
        let record = notes.take_record();
        let stored = self.ports.sessions.insert(&scope, session, record.as_ref()).await;
        stored.map_err(|error| match error.kind() {
            ErrorKind::Unavailable if record.is_some() && !matches!(error, Error::Unsettled { .. }) => unaudited(error),
            _ => error,
        })
    }

    fn issued(&self, principal: &Principal, session: Session, refresh: Secret) -> Result<Issued> {
        let issued = self.ports.clock.now();
        // No token outlives its session.
        let expires = issued.plus(self.lives.token).min(session.expires);
        let token = AccessToken {
            principal: principal.name.clone(),
            session: session.id.clone(),
            role: principal.role,
            issued,
            expires,
            id: self.ports.ids.unique(),
        };
        let access = self.ports.issuer.issue(&token)?;
        Ok(Issued { access, expires_in: expires.since(issued), refresh, session })
    }
}

/// What a store knows the secrets of a session by.
struct Digests {
    refresh: Hash,
    family: Hash,
}

fn note_session(notes: &Notes, session: &Session) {
    notes.resource(&session.name());
    notes.actor(&session.principal, Some(&session.id), session.key.as_ref());
}

/// That a password could be one at all: longer ones are not hashed.
pub fn is_checkable(password: &str) -> bool {
    !password.is_empty() && password.chars().count() <= MAX_PASSWORD
}
