//! Who calls: passwords, secrets and tokens put behind the ports of identity, and the keys of tokens tended.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use auth::{Argon2Passwords, External, KeyChange, KeyRing, RandomSecrets, Tokens};
use domain::access::{Authenticator, LoopbackAuthenticator};
use domain::audit::Auditor;
use domain::id::IdSource;
use domain::identity::{Authentication, AuthenticationPorts, CertificateNames, Identities, IdentityPorts, Secret};
use domain::name::TenantId;
use domain::time::Clock;

use super::Error;
use crate::config::Config;
use crate::loopback::local_user;
use crate::stores::Stores;

/// How often the keys of tokens are looked after: what another server did is known before a token of it comes, and a key whose file
/// was removed is not used for longer.
const TEND_EVERY: Duration = Duration::from_secs(30);

/// What knows callers.
pub(crate) struct Callers {
    /// Finds out who calls.
    pub authenticator: Arc<dyn Authenticator>,
    /// The use cases.
    pub identities: Identities,
    /// Where people sign in elsewhere.
    pub issuers: Arc<dyn gateway::Issuers>,
    ring: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    auditor: Auditor,
}

// === impl Callers ===

impl Callers {
    /// Wires the keys of access tokens to the store.
    ///
    /// # Errors
    /// Passwords cannot be checked.
    pub(crate) async fn open(
        config: &Config,
        ring: Arc<KeyRing>,
        stores: &Stores,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn IdSource>,
        auditor: &Auditor,
    ) -> Result<Self, Error> {
        let identity = &config.identity;
        let store = &stores.store;
        let passwords = identity.passwords();
        let passwords = tokio::task::spawn_blocking(move || Argon2Passwords::new(passwords)).await.map_err(Error::Panicked)?;
        let passwords = passwords.map_err(Error::Passwords)?;
        record_changes(&ring, auditor).await;
        let tokens = Arc::new(Tokens::new(identity.tokens(), Arc::clone(&ring), config.issuers.iter().cloned().map(External::new)));
        let secrets = Arc::new(RandomSecrets);
        let ports = IdentityPorts {
            principals: store.clone(),
            api_keys: store.clone(),
            sessions: store.clone(),
            bootstrap: store.clone(),
            subjects: store.clone(),
            grants: Arc::clone(&stores.grants),
            utilities: Arc::clone(&stores.utilities),
            executions: store.clone(),
            audit: store.clone(),
            events: store.clone(),
            hasher: Arc::new(passwords),
            secrets: secrets.clone(),
            issuer: tokens.clone(),
            codes: tokens.clone(),
            tenants: store.clone(),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
        };
        let checks = AuthenticationPorts {
            principals: store.clone(),
            api_keys: store.clone(),
            sessions: store.clone(),
            secrets,
            verifier: tokens.clone(),
            tenants: store.clone(),
            clock: Arc::clone(clock),
        };
        let certificates = CertificateNames::new(config.certificates.iter().cloned());
        let local = || -> Arc<dyn Authenticator> { Arc::new(LoopbackAuthenticator::new(local_user())) };
        Ok(Callers {
            authenticator: Arc::new(Authentication::new(checks, certificates, identity.local_caller.then(local))),
            identities: Identities::new(ports, identity.lives()),
            issuers: Arc::new(Pages { tokens, clock: Arc::clone(clock) }),
            ring,
            clock: Arc::clone(clock),
            auditor: auditor.clone(),
        })
    }

    /// A code for the first super administrator, where every caller must be known and there is none who could let others in. Whoever
    /// comes over the loopback interface needs none.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn bootstrap_code(&self, config: &Config) -> Result<Option<Secret>, Error> {
        if config.identity.local_caller {
            return Ok(None);
        }
        let offered = self.identities.offer_bootstrap().await.map_err(Error::Bootstrap)?;
        if offered.is_some() {
            let entry = self.auditor.own_entry(TenantId::system(), "installation.offerBootstrap", &"installation");
            self.auditor.done(entry).await.map_err(Error::Bootstrap)?;
        }
        Ok(offered)
    }

    /// Goes on with erasures of persons that are not over, for good: also with those that a server before has begun.
    pub(crate) fn go_on_erasing(&self) -> impl Future<Output = ()> + Send + use<> {
        let (identities, clock) = (self.identities.clone(), Arc::clone(&self.clock));
        async move {
            loop {
                match identities.go_on_erasing().await {
                    Ok(0) => {}
                    Ok(replaced) => tracing::info!(replaced, "names of persons who were erased are replaced"),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "an erasure does not go on; it is tried again");
                    }
                }
                clock.sleep(TEND_EVERY).await;
            }
        }
    }

    /// Looks after the keys of tokens, for good.
    pub(crate) fn tend_keys(&self) -> impl Future<Output = ()> + Send + use<> {
        let (ring, clock, auditor) = (Arc::clone(&self.ring), Arc::clone(&self.clock), self.auditor.clone());
        async move {
            loop {
                clock.sleep(TEND_EVERY).await;
                let (tended, now) = (Arc::clone(&ring), clock.now());
                match tokio::task::spawn_blocking(move || tended.tend(now)).await {
                    Ok(Ok(())) => record_changes(&ring, &auditor).await,
                    Ok(Err(error)) => {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "the keys of tokens cannot be tended; the known ones stay in use"
                        );
                    }
                    Err(panic) => tracing::error!(error = &panic as &dyn std::error::Error, "tending the keys of tokens failed"),
                }
            }
        }
    }
}

/// The pages at which people sign in, for the gateway.
struct Pages {
    tokens: Arc<Tokens>,
    clock: Arc<dyn Clock>,
}

impl gateway::Issuers for Pages {
    fn page<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Result<gateway::Page, gateway::Unanswered>> + Send + 'a>> {
        Box::pin(async move {
            match self.tokens.sign_in_page(name, self.clock.now()).await {
                Ok(page) => Ok(gateway::Page { address: page.address, names_issuer: page.names_issuer }),
                Err(error) => {
                    // Whoever asked the issuer has told the log why.
                    tracing::debug!(issuer = name, error = &error as &dyn std::error::Error, "nobody can be sent to an issuer's page");
                    Err(gateway::Unanswered)
                }
            }
        })
    }

    fn now(&self) -> u64 {
        self.clock.now().as_millis() / 1_000
    }
}

/// Records the keys that were made and removed. A record that cannot be made now is made later, and the log of the server names the
/// keys in any case.
async fn record_changes(ring: &KeyRing, auditor: &Auditor) {
    for change in ring.take_changes() {
        let (action, key) = match &change {
            KeyChange::Made(id) => ("token_key.create", id),
            KeyChange::Removed(id) => ("token_key.delete", id),
        };
        let entry = auditor.own_entry(TenantId::system(), action, &format!("tokenKeys/{key}"));
        // It is kept and offered again, and operators are told.
        let _ = auditor.done(entry).await;
    }
}
