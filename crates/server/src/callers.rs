//! Who calls: passwords, secrets and tokens put behind the ports of identity.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::{Argon2Passwords, KeyRing, KeyRingConfig, PasswordConfig, RandomSecrets, TokenConfig, Tokens};
use domain::access::{Authenticator, LoopbackAuthenticator};
use domain::id::IdSource;
use domain::identity::{Authentication, AuthenticationPorts, Identities, IdentityPorts, Lives, MAX_TOKEN_LIFE};
use domain::time::Clock;
use storage_embedded::EmbeddedStore;

use super::Error;
use crate::loopback::local_user;

/// Where keys are in the data directory.
const DIRECTORY: &str = "identity";
/// What tokens name as their issuer and their audience.
const NAME: &str = "zona";
/// By how much clocks of servers may differ.
const LEEWAY: Duration = Duration::from_secs(5);
/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(30 * 24 * 3_600);
/// A key of this age is followed by a new one.
const ROTATE_AFTER: Duration = Duration::from_secs(30 * 24 * 3_600);
/// What a password costs.
const PASSWORDS: PasswordConfig = PasswordConfig {
    memory_kib: auth::LEAST_MEMORY_KIB,
    iterations: auth::LEAST_ITERATIONS,
    parallelism: auth::LEAST_PARALLELISM,
    at_once: NonZeroUsize::MIN,
};

/// What knows callers.
pub(crate) struct Callers {
    /// Finds out who calls.
    pub authenticator: Arc<dyn Authenticator>,
    /// The use cases.
    pub identities: Identities,
}

impl Callers {
    /// Opens the keys of the data directory, and wires everything to the store.
    ///
    /// # Errors
    /// Keys that cannot be used.
    pub(crate) async fn open(
        data: &Path,
        store: &Arc<EmbeddedStore>,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn IdSource>,
    ) -> Result<Self, Error> {
        let keys = KeyRingConfig { directory: data.join(DIRECTORY), rotate_after: ROTATE_AFTER, outlives: MAX_TOKEN_LIFE + LEEWAY };
        let now = clock.now();
        let opened = move || Ok::<_, Error>((KeyRing::open(keys, now)?, Argon2Passwords::new(PASSWORDS).map_err(Error::Passwords)?));
        let (ring, passwords) = tokio::task::spawn_blocking(opened).await.map_err(Error::Panicked)??;
        let tokens = TokenConfig { issuer: NAME.to_owned(), audience: NAME.to_owned(), leeway: LEEWAY };
        let tokens = Arc::new(Tokens::new(tokens, Arc::new(ring), []));
        let secrets = Arc::new(RandomSecrets);
        let ports = IdentityPorts {
            principals: store.clone(),
            api_keys: store.clone(),
            sessions: store.clone(),
            bootstrap: store.clone(),
            hasher: Arc::new(passwords),
            secrets: secrets.clone(),
            issuer: tokens.clone(),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
        };
        let checks = AuthenticationPorts {
            principals: store.clone(),
            api_keys: store.clone(),
            sessions: store.clone(),
            secrets,
            verifier: tokens,
            clock: Arc::clone(clock),
        };
        let local: Arc<dyn Authenticator> = Arc::new(LoopbackAuthenticator::new(local_user()));
        Ok(Callers {
            authenticator: Arc::new(Authentication::new(checks, Some(local))),
            identities: Identities::new(ports, Lives { token: MAX_TOKEN_LIFE, session: SESSION }),
        })
    }
}
