//! Who calls. Finding that out is a port: a token may have to be checked against keys that are elsewhere.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::identity::Role;
use crate::name::{ApiKeyId, PrincipalName, SessionId};
use crate::time::Timestamp;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The principal.
    pub principal: PrincipalName,
    /// What it is known by.
    pub origin: Origin,
    /// How much it may do; `None` for a stranger.
    pub role: Option<Role>,
    /// Where the connection comes from; `None` where the transport does not know.
    pub address: Option<IpAddr>,
}

/// What a caller is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It shows nothing, and comes over the loopback interface.
    Local,
    /// It shows nothing, and comes from elsewhere.
    Elsewhere,
    /// It has proven who it is.
    Credential(Credential),
}

/// What a caller has proven itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// The session of an access token of ours, or of a browser.
    pub session: Option<SessionId>,
    /// The API key that was shown, or that the session was begun with.
    pub key: Option<ApiKeyId>,
    /// The outside issuer of a token.
    pub issuer: Option<Arc<str>>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends; `None` for never.
    pub expires: Option<Timestamp>,
}

/// What proves who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// An access token of ours.
    AccessToken,
    /// The secret of a browser's session.
    Session,
    /// A token of an outside issuer.
    ExternalToken,
    /// An API key.
    ApiKey,
    /// The certificate of a client, shown when its connection began.
    Certificate,
    /// Nothing that was shown: the server does what the principal has left to it.
    Absence,
}

/// What a transport knows of a call before it is known who calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presented<'a> {
    /// Where the connection comes from; `None` where the transport does not know.
    pub peer: Option<IpAddr>,
    /// Whether the call came by a port to which pages in browsers can speak: there, to come from this machine proves nothing.
    pub of_web: bool,
    /// What the caller shows to prove who it is, as it stands in the metadata `authorization`. Never logged.
    pub authorization: Option<&'a str>,
    /// What the certificate says that the connection began with, where there was one.
    pub certificate: Option<&'a ClientCertificate>,
}

/// What a client's certificate says. The transport has verified it: an authority that the operator trusts has signed it, and the client
/// has its key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientCertificate {
    /// The URIs among its alternative names.
    pub uris: Vec<String>,
    /// From when on it is valid.
    pub issued: Timestamp,
    /// From when on it is not valid any more.
    pub expires: Timestamp,
}

/// Port: finds out who calls.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The caller of a call.
    ///
    /// # Errors
    /// [`crate::Error::Unauthenticated`] for a call of nobody who is known; [`crate::Error::Unavailable`] while that cannot be
    /// found out.
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Caller>;

    /// The caller with the role of now, if what it showed would still be accepted: it was not revoked. For calls that last.
    ///
    /// # Errors
    /// [`crate::Error::Closed`] where its tenant is suspended or deleted by now; [`crate::Error::Unavailable`] while that cannot be found
    /// out.
    async fn as_of_now(&self, caller: &Caller) -> Result<Option<Caller>>;

    /// The caller that a principal is while it shows nothing, for what it has left to the server `since` then to do later, with the role of
    /// now; `None` where it is not known here, or is disabled or deleted. Who was made later under the same name is somebody else.
    ///
    /// # Errors
    /// As [`Authenticator::as_of_now`].
    async fn in_absence(&self, principal: &PrincipalName, since: Timestamp) -> Result<Option<Caller>>;
}

/// Callers while there is no identity: everybody is the same principal, and all that is known is whether the connection comes
/// from this host. Whoever comes from elsewhere is known as a stranger, whom the rules then refuse.
pub struct LoopbackAuthenticator {
    principal: PrincipalName,
}

impl Caller {
    /// Who comes over the loopback interface and shows nothing: it administers its tenant.
    pub fn loopback(principal: PrincipalName) -> Self {
        Caller { principal, origin: Origin::Local, role: Some(Role::Admin), address: None }
    }

    /// Whether it is known only by coming over the loopback interface.
    pub fn local(&self) -> bool {
        self.origin == Origin::Local
    }

    /// What it has proven itself with.
    pub fn credential(&self) -> Option<&Credential> {
        match &self.origin {
            Origin::Credential(credential) => Some(credential),
            Origin::Local | Origin::Elsewhere => None,
        }
    }
}

impl LoopbackAuthenticator {
    /// Takes every caller for `principal`.
    pub fn new(principal: PrincipalName) -> Self {
        LoopbackAuthenticator { principal }
    }
}

#[async_trait]
impl Authenticator for LoopbackAuthenticator {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Caller> {
        let caller = Caller { address: presented.peer, ..Caller::loopback(self.principal.clone()) };
        // An IPv4 peer of a dual-stack socket shows up inside an IPv6 address.
        let local = !presented.of_web && presented.peer.is_some_and(|address| address.to_canonical().is_loopback());
        Ok(if local { caller } else { Caller { origin: Origin::Elsewhere, role: None, ..caller } })
    }

    async fn as_of_now(&self, caller: &Caller) -> Result<Option<Caller>> {
        Ok(Some(caller.clone()))
    }

    async fn in_absence(&self, principal: &PrincipalName, _since: Timestamp) -> Result<Option<Caller>> {
        Ok((*principal == self.principal).then(|| Caller::loopback(principal.clone())))
    }
}
