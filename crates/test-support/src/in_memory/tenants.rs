//! Tenants in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::event::Happened;
use domain::identity::Secret;
use domain::name::TenantId;
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::tenant::{
    Listed, Settings, Tenant, TenantChange, TenantNumber, TenantQuery, TenantRepository, TenantState, TenantStates, Unreadable,
};
use domain::time::{Clock, Timestamp};

use super::events::InMemoryEvents;
use super::pages::page;
use super::requests::{Known, Requests};
use crate::FakeClock;

/// The tenants of an installation.
pub struct InMemoryTenants {
    held: Mutex<Held>,
    clock: Arc<dyn Clock>,
    events: Arc<InMemoryEvents>,
}

#[derive(Default)]
struct Held {
    tenants: BTreeMap<TenantId, Tenant>,
    last_number: i32,
    /// Those that cannot be read.
    broken: BTreeSet<TenantId>,
    /// Those whose keys were destroyed.
    shredded: BTreeSet<TenantId>,
    db_passwords: BTreeMap<TenantId, String>,
    answered: Requests<Tenant>,
}

impl Default for InMemoryTenants {
    fn default() -> Self {
        InMemoryTenants::new(Arc::new(FakeClock::default()))
    }
}

impl InMemoryTenants {
    /// No tenant yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemoryTenants { held: Mutex::default(), clock, events: Arc::default() }
    }

    /// The repository, adding to `events` what each change means.
    #[must_use]
    pub fn noting(self, events: Arc<InMemoryEvents>) -> Self {
        InMemoryTenants { events, ..self }
    }

    /// Active tenants with these codes.
    ///
    /// # Panics
    /// Where one is no code.
    pub fn of(clock: Arc<dyn Clock>, codes: &[&str]) -> Self {
        let tenants = InMemoryTenants::new(clock);
        for code in codes {
            let tenant = Tenant::new(crate::sample::tenant(code), tenants.clock.now());
            tenants.held().insert(tenant).expect("each is there once");
        }
        tenants
    }

    /// Puts a tenant into another state, without its revision growing.
    pub fn turn(&self, code: &str, state: TenantState) {
        if let Some(tenant) = self.held().tenants.get_mut(&crate::sample::tenant(code)) {
            tenant.state = state;
        }
    }

    /// Changes what was settled for a tenant, without its revision growing.
    pub fn settle(&self, code: &str, change: impl FnOnce(&mut Settings)) {
        if let Some(tenant) = self.held().tenants.get_mut(&crate::sample::tenant(code)) {
            change(&mut tenant.settings);
        }
    }

    /// From now on a tenant cannot be read.
    pub fn spoil(&self, code: &str) {
        self.held().broken.insert(crate::sample::tenant(code));
    }

    /// Whether the keys of a tenant were destroyed.
    pub fn is_shredded(&self, code: &str) -> bool {
        self.held().shredded.contains(&crate::sample::tenant(code))
    }

    /// The password of a tenant's database, which the port never tells.
    pub fn db_password(&self, code: &str) -> Option<String> {
        self.held().db_passwords.get(&crate::sample::tenant(code)).cloned()
    }

    /// Most utilities that a tenant may have.
    pub(super) fn most_utilities(&self, tenant: &TenantId) -> Option<u32> {
        Some(self.held().tenants.get(tenant)?.settings.quota.utilities?.get())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn keep_password(&mut self, code: &TenantId, password: Option<Secret>) {
        match password {
            Some(password) if password.expose().is_empty() => drop(self.db_passwords.remove(code)),
            Some(password) => drop(self.db_passwords.insert(code.clone(), password.expose().to_owned())),
            None => {}
        }
    }

    fn check_readable(&self, code: &TenantId) -> Result<()> {
        match self.broken.contains(code) {
            true => Err(domain::Error::Internal { context: "the row of a tenant does not decode", source: None }),
            false => Ok(()),
        }
    }

    fn insert(&mut self, tenant: Tenant) -> Option<Tenant> {
        if self.tenants.contains_key(&tenant.code) {
            return None;
        }
        self.last_number += 1;
        let made = Tenant { number: TenantNumber::from_stored(self.last_number), ..tenant };
        self.tenants.insert(made.code.clone(), made.clone());
        Some(made)
    }
}

fn told(known: Known<Tenant>) -> Committed<Tenant> {
    match known {
        Known::Answered(answer) => Committed::Answered(Box::new(answer)),
        Known::Reused => Committed::KeyReused,
    }
}

#[async_trait]
impl TenantStates for InMemoryTenants {
    async fn state(&self, tenant: &TenantId) -> Result<Option<TenantState>> {
        Ok(self.held().tenants.get(tenant).map(|tenant| tenant.state))
    }

    async fn settings(&self, tenant: &TenantId) -> Result<Arc<Settings>> {
        Ok(Arc::new(self.held().tenants.get(tenant).map(|tenant| tenant.settings.clone()).unwrap_or_default()))
    }

    async fn is_held(&self, tenant: &TenantId) -> Result<bool> {
        Ok(self.held().tenants.get(tenant).is_some_and(|tenant| tenant.settings.legal_hold))
    }
}

#[async_trait]
impl TenantRepository for InMemoryTenants {
    async fn find(&self, scope: &TenantScope) -> Result<Found<Tenant>> {
        let held = self.held();
        held.check_readable(scope.tenant())?;
        Ok(Found::of(held.tenants.get(scope.tenant()).cloned()))
    }

    async fn list(&self, query: TenantQuery, request: &PageRequest) -> Result<Found<Page<Listed>>> {
        let is_asked = |tenant: &&Tenant| query.show_deleted || tenant.state != TenantState::Deleted;
        let held = self.held();
        let listed = |tenant: &Tenant| match held.broken.contains(&tenant.code) {
            true => Listed::Unreadable(Unreadable { code: tenant.code.clone(), number: tenant.number, state: Some(tenant.state) }),
            false => Listed::Whole(Box::new(tenant.clone())),
        };
        let items = held.tenants.values().filter(is_asked).map(listed).collect();
        let key = |one: &Listed| (0, one.code().to_string());
        page(items, request, "tenant", key, |this, after| this.1 > after.1).map(Found::one)
    }

    async fn codes(&self) -> Result<Vec<TenantId>> {
        Ok(self.held().tenants.keys().cloned().collect())
    }

    async fn create(
        &self,
        asked_in: &TenantScope,
        tenant: Tenant,
        db_password: Option<Secret>,
        request: Option<RequestKey>,
    ) -> Result<Committed<Tenant>> {
        let (now, mut held) = (self.clock.now(), self.held());
        if let Some(known) = request.as_ref().and_then(|key| held.answered.find(asked_in.tenant(), key, now)) {
            return Ok(told(known));
        }
        let Some(made) = held.insert(tenant) else { return Ok(Committed::Conflict) };
        self.events.note(Happened::of_tenant(None, &made));
        held.keep_password(&made.code, db_password);
        if let Some(key) = &request {
            held.answered.remember(asked_in.tenant(), key, now, made.clone());
        }
        Ok(Committed::Answered(Box::new(made)))
    }

    async fn commit(&self, scope: &TenantScope, change: TenantChange) -> Result<Committed<Tenant>> {
        let (now, mut held) = (self.clock.now(), self.held());
        if let Some(known) = change.request.as_ref().and_then(|key| held.answered.find(scope.tenant(), key, now)) {
            return Ok(told(known));
        }
        match held.tenants.get_mut(scope.tenant()).filter(|found| found.revision == change.expected) {
            Some(found) => {
                self.events.note(Happened::of_tenant(Some(found), &change.tenant));
                *found = change.tenant.clone();
            }
            None => return Ok(Committed::Conflict),
        }
        held.keep_password(scope.tenant(), change.db_password);
        if change.shreds {
            held.shredded.insert(scope.tenant().clone());
        }
        if let Some(key) = &change.request {
            held.answered.remember(scope.tenant(), key, now, change.tenant);
        }
        Ok(Committed::Stored)
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Tenant>>> {
        Ok(self.held().answered.find(scope.tenant(), request, self.clock.now()).map(told))
    }

    async fn ensure(&self, codes: &[TenantId], now: Timestamp) -> Result<()> {
        let mut held = self.held();
        for code in codes {
            // One that is there already stays as it is.
            let made = held.insert(Tenant::new(code.clone(), now));
            self.events.note(made.iter().flat_map(|made| Happened::of_tenant(None, made)));
        }
        Ok(())
    }
}
