//! Sessions: what a login begins, and a chain of refresh tokens or the one secret of a browser goes on with.

use crate::access::{Resource, Target};
use crate::hash::Hash;
use crate::identity::{Principal, Vouched};
use crate::name::{ApiKeyId, PrincipalName, SessionId, SessionName};
use crate::time::Timestamp;

/// What every refresh token starts with; the session's id, an underscore and the secret part follow.
pub const REFRESH_PREFIX: &str = "zona_refresh_";
/// What the secret of a browser's session starts with; the session's id, an underscore and the secret part follow.
pub const BROWSER_PREFIX: &str = "zona_session_";
/// Characters of [`crate::identity::SecretSource::family`].
const FAMILY: usize = 43;

/// What goes on with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Refresh tokens, each of which serves once.
    Refreshed,
    /// One secret, which a browser keeps where its pages cannot read it, and shows with each call. It stays the same: the tabs of a browser
    /// share it, and an answer with a next one may be lost.
    Browser,
}

/// A session. Whoever shows an earlier refresh token of it ends it: one of the two who have it is a thief. That it is one of this
/// session, however old, its family says; so nobody who only knows the session's id, which is no secret, can end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, which also stands in its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub principal: PrincipalName,
    /// What goes on with it.
    pub kind: SessionKind,
    /// The API key that it was begun with; it ends with the key.
    pub key: Option<ApiKeyId>,
    /// When it began.
    pub created: Timestamp,
    /// When it ends, however often it is refreshed.
    pub expires: Timestamp,
    /// Since when it is revoked.
    pub revoked: Option<Timestamp>,
    /// How often it was refreshed.
    pub generation: u32,
    /// The [`crate::identity::SecretSource::digest`] of the newest refresh token, or of the browser's secret.
    pub refresh: Hash,
    /// The digest of what all its refresh tokens have in common; of a browser's session, which has none, that of its secret again.
    pub family: Hash,
    /// The principal's [`crate::identity::Principal::valid_after`] when it began: void once that is another one.
    pub issued_under: Timestamp,
    /// Which outside issuer it was begun at, if any. Where the store did not know its principal then, it is void once it does.
    pub vouched: Option<Vouched>,
}

impl Session {
    /// Its full name.
    pub fn name(&self) -> SessionName {
        self.principal.session(self.id.clone())
    }

    /// Whether it goes on, for its principal as that is now.
    pub(super) fn is_live(&self, principal: &Principal, now: Timestamp) -> bool {
        let is_current = principal.is_active() && self.principal == principal.name && self.issued_under == principal.valid_after;
        let was_known = self.vouched.as_ref().is_none_or(|vouched| vouched.role.is_none());
        is_current && was_known && self.is_open(now)
    }

    /// Whether it goes on as far as it depends on nobody.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }

    /// The session in the text of a refresh token; `None` for what is none.
    pub fn id_of(text: &str) -> Option<SessionId> {
        id_behind(REFRESH_PREFIX, text)
    }

    /// The session in the text of a browser's secret; `None` for what is none.
    pub fn id_of_browser(text: &str) -> Option<SessionId> {
        id_behind(BROWSER_PREFIX, text)
    }

    /// The family in the text of a refresh token; `None` for what is none.
    pub(super) fn family_of(text: &str) -> Option<&str> {
        let (_id, secret) = text.strip_prefix(REFRESH_PREFIX)?.split_once('_')?;
        secret.split_at_checked(FAMILY).map(|(family, _)| family)
    }
}

fn id_behind(prefix: &str, text: &str) -> Option<SessionId> {
    let (id, secret) = text.strip_prefix(prefix)?.split_once('_')?;
    SessionId::parse("session", id).ok().filter(|_| !secret.is_empty())
}

impl Resource for Session {
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.principal)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => tenant == self.principal.tenant(),
            Target::Principal(name) => *name == self.principal,
            Target::Session(name) => name.principal == self.principal && name.session == self.id,
            _ => false,
        }
    }
}
