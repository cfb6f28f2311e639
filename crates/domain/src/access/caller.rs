//! Who calls. Finding that out is a port: a token may have to be checked against keys that are elsewhere.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::error::Result;
use crate::name::PrincipalName;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The principal.
    pub principal: PrincipalName,
    /// Whether the request came over the loopback interface.
    pub local: bool,
}

/// What a transport knows of a call before it is known who calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presented<'a> {
    /// Where the connection comes from; `None` where the transport does not know.
    pub peer: Option<IpAddr>,
    /// What the caller shows to prove who it is, as it stands in the metadata `authorization`. Never logged.
    pub authorization: Option<&'a str>,
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
}

/// Callers while there is no identity: everybody is the same principal, and all that is known is whether the connection comes
/// from this host. Whoever comes from elsewhere is known as a stranger, whom the rules then refuse.
pub struct LoopbackAuthenticator {
    principal: PrincipalName,
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
        // An IPv4 peer of a dual-stack socket shows up inside an IPv6 address.
        let local = presented.peer.is_some_and(|address| address.to_canonical().is_loopback());
        Ok(Caller { principal: self.principal.clone(), local })
    }
}
