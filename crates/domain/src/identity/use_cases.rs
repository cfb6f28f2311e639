//! What the use cases of identity share: their ports, their settings, and how a change is asked for.

use std::sync::Arc;
use std::time::Duration;

use crate::access::GrantRepository;
use crate::audit::AuditRepository;
use crate::error::{Error, Result};
use crate::event::EventRepository;
use crate::execution::ExecutionRepository;
use crate::id::IdSource;
use crate::identity::attempts::Attempts;
use crate::identity::{
    ApiKeyRepository, BootstrapRepository, CodeExchange, MAX_TOKEN_LIFE, PasswordHasher, PrincipalRepository, SecretSource,
    SessionRepository, SubjectRepository, TokenIssuer,
};
use crate::request::{Committed, RequestKey, key_reused};
use crate::revision::Etag;
use crate::tenant::TenantStates;
use crate::time::Clock;
use crate::utility::UtilityRepository;
use crate::violation::Violation;

/// The use cases of identity. Cheap to clone.
#[derive(Clone)]
pub struct Identities {
    pub(super) ports: IdentityPorts,
    pub(super) lives: Lives,
    pub(super) attempts: Arc<Attempts>,
}

/// The ports of the use cases.
#[derive(Clone)]
#[allow(missing_docs, reason = "each field is named like its port")]
pub struct IdentityPorts {
    pub principals: Arc<dyn PrincipalRepository>,
    pub api_keys: Arc<dyn ApiKeyRepository>,
    pub sessions: Arc<dyn SessionRepository>,
    pub bootstrap: Arc<dyn BootstrapRepository>,
    pub subjects: Arc<dyn SubjectRepository>,
    pub grants: Arc<dyn GrantRepository>,
    pub utilities: Arc<dyn UtilityRepository>,
    pub executions: Arc<dyn ExecutionRepository>,
    pub audit: Arc<dyn AuditRepository>,
    pub events: Arc<dyn EventRepository>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub secrets: Arc<dyn SecretSource>,
    pub issuer: Arc<dyn TokenIssuer>,
    pub codes: Arc<dyn CodeExchange>,
    pub tenants: Arc<dyn TenantStates>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
}

/// How long what is issued lasts.
#[derive(Debug, Clone, Copy)]
pub struct Lives {
    /// Of an access token; never more than [`MAX_TOKEN_LIFE`].
    pub token: Duration,
    /// Of a session, however often it is refreshed.
    pub session: Duration,
    /// Of a browser's session.
    pub browser: Duration,
}

/// How a change is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The revision that the caller saw; empty for any.
    pub etag: Etag,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already, reported together with what is found here.
    pub violations: Vec<Violation>,
}

impl Identities {
    /// Wires the use cases to their ports.
    pub fn new(ports: IdentityPorts, lives: Lives) -> Self {
        let lives = Lives { token: lives.token.min(MAX_TOKEN_LIFE), ..lives };
        Identities { ports, lives, attempts: Arc::default() }
    }

    /// The public keys by which tokens can be checked, as a JWK set in JSON.
    pub fn key_set(&self) -> String {
        self.ports.issuer.key_set()
    }
}

/// What a store has said to a change of `resource`, as its answer.
pub(super) fn settled<T>(committed: Committed<T>, stored: T, taken: bool, resource: &dyn std::fmt::Display) -> Result<T> {
    match committed {
        Committed::Stored => Ok(stored),
        Committed::Conflict if taken => Err(Error::AlreadyExists { resource: resource.to_string() }),
        Committed::Conflict => Err(Error::Stale { resource: resource.to_string() }),
        Committed::Answered(first) => Ok(*first),
        Committed::Removed { resource } => Err(Error::NotFound { resource }),
        Committed::KeyReused => Err(key_reused()),
    }
}

/// What a store remembers of a request.
pub(super) fn remembered<T>(found: Option<Committed<T>>) -> Result<Option<T>> {
    match found {
        Some(Committed::Answered(first)) => Ok(Some(*first)),
        Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
        Some(Committed::KeyReused) => Err(key_reused()),
        Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
    }
}
