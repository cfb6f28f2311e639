//! Grants in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::access::{Consent, Found, Grant, GrantRepository, Grantee, HeldGrants, MAX_GIVEN, MAX_GRANTS, Side, TenantScope};
use domain::change::{ChangeListener, Changed};
use domain::event::Happened;
use domain::name::{TenantId, UtilityId, UtilityName};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::time::{Clock, Timestamp};
use domain::{Error, Result};

use super::events::InMemoryEvents;
use super::pages::page;
use super::requests::{Known, Requests};
use crate::{FakeClock, Faults};

/// The grants of all tenants.
pub struct InMemoryGrantRepository {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    events: Arc<InMemoryEvents>,
    listener: Option<Arc<dyn ChangeListener>>,
    faults: Faults,
}

#[derive(Default)]
struct State {
    /// By tenant, utility and grantee's text.
    grants: BTreeMap<(TenantId, UtilityId, String), Grant>,
    requests: Requests<Grant>,
}

impl State {
    /// Whether a tenant may offer a utility to another one: not in place of what that has accepted, and not where it gives too many.
    fn may_be_offered(&self, key: &(TenantId, UtilityId, String)) -> bool {
        let accepted = self.grants.get(key).is_some_and(|stored| stored.consent != Consent::Awaited);
        let of_tenant = self.grants.iter().filter(|(other, grant)| other.0 == key.0 && *other != key && grant.shared_with().is_some());
        !accepted && of_tenant.count() < MAX_GIVEN
    }
}

impl InMemoryGrantRepository {
    /// An empty repository; the clock serves to forget answered requests.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemoryGrantRepository { state: Mutex::default(), clock, events: Arc::default(), listener: None, faults: Faults::default() }
    }

    /// The repository, telling `listener` of each change.
    #[must_use]
    pub fn telling(self, listener: Arc<dyn ChangeListener>) -> Self {
        InMemoryGrantRepository { listener: Some(listener), ..self }
    }

    /// The repository, adding to `events` what each change means.
    #[must_use]
    pub fn noting(self, events: Arc<InMemoryEvents>) -> Self {
        InMemoryGrantRepository { events, ..self }
    }

    /// What fails, by the names of the port's methods.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Forgets what somebody was granted, as whoever is deleted, and tells of it.
    pub(super) async fn forget(&self, scope: &TenantScope, grantee: &Grantee) {
        self.state().grants.retain(|_, grant| !(grant.utility.tenant == *scope.tenant() && grant.grantee == *grantee));
        if let Some(listener) = &self.listener {
            listener.changed(&Changed::Grants { tenant: scope.tenant().clone(), grantee: grantee.to_string() }).await;
        }
    }

    /// Does the work unless its request was answered before, remembers the request with it, and tells of it.
    async fn once(
        &self,
        scope: &TenantScope,
        grant: &Grant,
        request: Option<&RequestKey>,
        work: impl FnOnce(&mut State, (TenantId, UtilityId, String)) -> bool + Send,
    ) -> Result<Committed<Grant>> {
        if grant.utility.tenant != *scope.tenant() {
            return Err(Error::Internal { context: "a grant of another tenant", source: None });
        }
        let key = (scope.tenant().clone(), grant.utility.utility.clone(), grant.grantee.to_string());
        let outcome = self.apply(scope, grant, request, |state| work(state, key));
        if let Some(listener) = &self.listener {
            listener.changed(&Changed::Grants { tenant: grant.grantee.tenant().clone(), grantee: grant.grantee.to_string() }).await;
        }
        Ok(outcome)
    }

    fn apply(
        &self,
        scope: &TenantScope,
        grant: &Grant,
        request: Option<&RequestKey>,
        work: impl FnOnce(&mut State) -> bool,
    ) -> Committed<Grant> {
        let (mut state, now) = (self.state(), self.clock.now());
        if let Some(known) = request.and_then(|request| state.requests.find(scope.tenant(), request, now)) {
            return known.into();
        }
        if !work(&mut state) {
            return Committed::Conflict;
        }
        if let Some(request) = request {
            state.requests.remember(scope.tenant(), request, now, grant.clone());
        }
        Committed::Stored
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for InMemoryGrantRepository {
    fn default() -> Self {
        Self::new(Arc::new(FakeClock::default()))
    }
}

#[async_trait]
impl GrantRepository for InMemoryGrantRepository {
    async fn put(&self, scope: &TenantScope, grant: &Grant, now: Timestamp, request: Option<&RequestKey>) -> Result<Committed<Grant>> {
        self.faults.check("put")?;
        let stored = |state: &mut State, key: (TenantId, UtilityId, String)| {
            let same = |other: &Grant| other.utility.tenant == key.0 && other.grantee == grant.grantee;
            state.grants.retain(|_, other| !(same(other) && other.shared_with().is_none() && other.is_expired(now)));
            let others = state.grants.values().filter(|other| same(other) && other.utility != grant.utility).count();
            let fits = others < MAX_GRANTS && (grant.shared_with().is_none() || state.may_be_offered(&key));
            if fits {
                state.grants.insert(key, grant.clone());
                self.events.note(Happened::of_grant(grant));
            }
            fits
        };
        self.once(scope, grant, request, stored).await
    }

    async fn remove(&self, scope: &TenantScope, grant: &Grant, request: Option<&RequestKey>) -> Result<Committed<Grant>> {
        self.faults.check("remove")?;
        let removed = |state: &mut State, key: (TenantId, UtilityId, String)| {
            let same = state.grants.get(&key) == Some(grant);
            if same {
                state.grants.remove(&key);
                self.events.note(Happened::of_revocation(grant));
            }
            same
        };
        self.once(scope, grant, request, removed).await
    }

    async fn find(&self, scope: &TenantScope, utility: &UtilityId, grantee: &Grantee) -> Result<Found<Grant>> {
        self.faults.check("find")?;
        Ok(Found::of(self.state().grants.get(&(scope.tenant().clone(), utility.clone(), grantee.to_string())).cloned()))
    }

    async fn list(&self, scope: &TenantScope, utility: &UtilityId, request: &PageRequest) -> Result<Found<Page<Grant>>> {
        self.faults.check("list")?;
        let of = |grant: &&Grant| grant.utility.tenant == *scope.tenant() && grant.utility.utility == *utility;
        let all: Vec<Grant> = self.state().grants.values().filter(of).cloned().collect();
        let key = |grant: &Grant| (0, grant.grantee.to_string());
        page(all, request, "grantee", key, |a, b| a.1 > b.1).map(Found::one)
    }

    async fn find_received(&self, scope: &TenantScope, utility: &UtilityName) -> Result<Found<Grant>> {
        self.faults.check("find_received")?;
        let key = (utility.tenant.clone(), utility.utility.clone(), Grantee::Tenant(scope.tenant().clone()).to_string());
        Ok(Found::of(self.state().grants.get(&key).cloned()))
    }

    async fn answer(
        &self,
        scope: &TenantScope,
        before: &Grant,
        after: Option<&Grant>,
        request: Option<&RequestKey>,
    ) -> Result<Committed<Grant>> {
        self.faults.check("answer")?;
        let about_it = |grant: &Grant| grant.shared_with() == Some(scope.tenant()) && grant.utility == before.utility;
        if !about_it(before) || !after.is_none_or(about_it) {
            return Err(Error::Internal { context: "an answer to what was offered to another tenant", source: None });
        }
        let answered = |state: &mut State| {
            let key = (before.utility.tenant.clone(), before.utility.utility.clone(), before.grantee.to_string());
            let accepted = |other: &&Grant| {
                other.shared_with() == Some(scope.tenant()) && other.utility != before.utility && other.consent != Consent::Awaited
            };
            let fits = after.is_none() || state.grants.values().filter(accepted).count() < MAX_GRANTS;
            let stands = fits && state.grants.get(&key) == Some(before);
            if stands {
                state.grants.remove(&key);
                state.grants.extend(after.map(|after| (key, after.clone())));
                self.events.note(after.map_or_else(|| Happened::of_revocation(before), Happened::of_grant));
            }
            stands
        };
        let outcome = self.apply(scope, after.unwrap_or(before), request, answered);
        if let Some(listener) = &self.listener {
            listener.changed(&Changed::Grants { tenant: scope.tenant().clone(), grantee: before.grantee.to_string() }).await;
        }
        Ok(outcome)
    }

    async fn list_shares(&self, scope: &TenantScope, side: Side, request: &PageRequest) -> Result<Found<Page<Grant>>> {
        self.faults.check("list_shares")?;
        let of = |grant: &&Grant| match (grant.shared_with(), side) {
            (Some(_), Side::Given) => grant.utility.tenant == *scope.tenant(),
            (receiver, Side::Received) => receiver == Some(scope.tenant()),
            (None, Side::Given) => false,
        };
        let all: Vec<Grant> = self.state().grants.values().filter(of).cloned().collect();
        let key = |grant: &Grant| match side {
            Side::Given => (0, format!("{}/{}", grant.utility.utility, grant.grantee.tenant())),
            Side::Received => (0, format!("{}/{}", grant.utility.tenant, grant.utility.utility)),
        };
        page(all, request, if side == Side::Given { "given" } else { "received" }, key, |a, b| a.1 > b.1).map(Found::one)
    }

    async fn held_by(&self, scope: &TenantScope, grantee: &Grantee) -> Result<Arc<HeldGrants>> {
        self.faults.check("held_by")?;
        let of = |grant: &&Grant| grant.grantee == *grantee && *grantee.tenant() == *scope.tenant();
        Ok(Arc::new(HeldGrants::of(self.state().grants.values().filter(of).cloned())))
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Grant>>> {
        self.faults.check("find_answer")?;
        Ok(self.state().requests.find(scope.tenant(), request, self.clock.now()).map(Committed::from))
    }
}

impl From<Known<Grant>> for Committed<Grant> {
    fn from(known: Known<Grant>) -> Self {
        match known {
            Known::Answered(grant) => Committed::Answered(Box::new(grant)),
            Known::Reused => Committed::KeyReused,
        }
    }
}
