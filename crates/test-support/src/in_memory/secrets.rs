//! Named secrets in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::identity::Secret;
use domain::name::{SecretId, SecretName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, Expected, RequestKey};
use domain::revision::Revision;
use domain::secret::{MAX_SECRETS, NamedSecret, SecretChange, SecretRepository, too_many};
use domain::time::{Clock, Timestamp};
use domain::{Error, Result};

use super::pages::page;
use super::requests::{Known, Requests};
use crate::faults::Faults;

/// The secrets of all tenants.
pub struct InMemorySecrets {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    faults: Faults,
    /// Whether values are waited for without an end.
    is_halted: AtomicBool,
}

#[derive(Default)]
struct State {
    secrets: BTreeMap<SecretName, (NamedSecret, Secret)>,
    /// Those of them that cannot be read.
    damaged: BTreeSet<SecretName>,
    requests: Requests<NamedSecret>,
}

impl InMemorySecrets {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemorySecrets { state: Mutex::default(), clock, faults: Faults::default(), is_halted: AtomicBool::new(false) }
    }

    /// Makes operations fail.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Lets nobody come to the end of opening a value.
    pub fn halt(&self) {
        self.is_halted.store(true, Ordering::SeqCst);
    }

    /// Makes one unreadable until it is replaced.
    pub fn damage(&self, name: &SecretName) {
        self.state().damaged.insert(name.clone());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, change: SecretChange) -> Result<Committed<NamedSecret>> {
        let (now, mut state) = (self.clock.now(), self.state());
        let name = change.secret.name.clone();
        if let Some(known) = change.request.as_ref().and_then(|key| state.requests.find(&name.tenant, key, now)) {
            return Ok(told(known));
        }
        let SecretChange { expected, secret, deletes, value, request } = change;
        let stored = state.secrets.get(&name).map(|(held, _)| held.revision);
        match (expected, stored) {
            (Expected::Absent, None) if state.secrets.keys().filter(|held| held.tenant == name.tenant).count() >= MAX_SECRETS => {
                return Err(too_many(&name.tenant));
            }
            (Expected::Absent, None) => {
                state.secrets.insert(name.clone(), (secret.clone(), value.expect("a new secret has a value")));
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored && deletes => {
                state.secrets.remove(&name);
            }
            (Expected::Revision(expected), Some(stored)) if expected == stored => {
                let (held, kept) = state.secrets.get_mut(&name).expect("it was just found");
                *held = NamedSecret { last_used: held.last_used, ..secret.clone() };
                if let Some(value) = value {
                    *kept = value;
                }
            }
            _ => return Ok(Committed::Conflict),
        }
        state.damaged.remove(&name);
        if let Some(key) = &request {
            state.requests.remember(&name.tenant, key, now, secret);
        }
        Ok(Committed::Stored)
    }
}

fn told(known: Known<NamedSecret>) -> Committed<NamedSecret> {
    match known {
        Known::Answered(secret) => Committed::Answered(Box::new(secret)),
        Known::Reused => Committed::KeyReused,
    }
}

fn named(scope: &TenantScope, id: &SecretId) -> SecretName {
    SecretName { tenant: scope.tenant().clone(), secret: id.clone() }
}

#[async_trait]
impl SecretRepository for InMemorySecrets {
    async fn find(&self, scope: &TenantScope, id: &SecretId) -> Result<Found<NamedSecret>> {
        let (state, name) = (self.state(), named(scope, id));
        if state.damaged.contains(&name) {
            return Err(Error::Internal { context: "a test has damaged it", source: None });
        }
        Ok(Found::of(state.secrets.get(&name).map(|(secret, _)| secret.clone())))
    }

    async fn list(&self, scope: &TenantScope, request: &PageRequest) -> Result<Found<Page<NamedSecret>>> {
        let state = self.state();
        let is_own = |name: &SecretName| name.tenant == *scope.tenant() && !state.damaged.contains(name);
        let own = state.secrets.values().filter(|(secret, _)| is_own(&secret.name));
        let items = own.map(|(secret, _)| secret.clone()).collect();
        page(items, request, "secret", |one: &NamedSecret| (0, one.name.secret.to_string()), |a, b| a.1 > b.1).map(Found::one)
    }

    async fn commit(&self, scope: &TenantScope, change: SecretChange) -> Result<Committed<NamedSecret>> {
        if change.secret.name.tenant != *scope.tenant() {
            return Err(Error::Internal { context: "a secret of another tenant", source: None });
        }
        self.store(change)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<NamedSecret>>> {
        Ok(self.state().requests.find(scope.tenant(), request, self.clock.now()).map(told))
    }

    async fn open(&self, scope: &TenantScope, id: &SecretId) -> Result<Option<(NamedSecret, Secret)>> {
        if self.is_halted.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.faults.check("open")?;
        Ok(self.state().secrets.get(&named(scope, id)).map(|(secret, value)| (secret.clone(), Secret::new(value.expose()))))
    }

    async fn find_unreadable(&self, scope: &TenantScope, id: &SecretId) -> Result<Option<Revision>> {
        let (state, name) = (self.state(), named(scope, id));
        Ok(state.secrets.get(&name).filter(|_| state.damaged.contains(&name)).map(|(secret, _)| secret.revision))
    }

    async fn note_uses(&self, scope: &TenantScope, ids: &[SecretId], now: Timestamp) -> Result<()> {
        self.faults.check("note_uses")?;
        let mut state = self.state();
        for id in ids {
            if let Some((secret, _)) = state.secrets.get_mut(&named(scope, id))
                && secret.last_used.is_none_or(|used| now.since(used) >= Duration::from_secs(60))
            {
                secret.last_used = Some(now);
            }
        }
        Ok(())
    }
}
