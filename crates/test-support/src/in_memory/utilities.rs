//! Utilities and versions in memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::access::{Found, TenantScope};
use domain::change::{ChangeListener, Changed};
use domain::event::Happened;
use domain::name::{TenantId, UtilityId};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, Expected, RequestKey};
use domain::runtime::RuntimeModule;
use domain::tenant::Quota;
use domain::time::Clock;
use domain::utility::{Utility, UtilityChange, UtilityOrder, UtilityQuery, UtilityRepository, Version, VersionHead};
use domain::{Error, Result};

use super::events::InMemoryEvents;
use super::pages::page;
use super::requests::{Known, Requests};
use super::tenants::InMemoryTenants;
use crate::{FakeClock, Faults};

/// The utilities of all tenants.
pub struct InMemoryUtilityRepository {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    events: Arc<InMemoryEvents>,
    listener: Option<Arc<dyn ChangeListener>>,
    tenants: Option<Arc<InMemoryTenants>>,
    faults: Faults,
}

#[derive(Default)]
struct State {
    utilities: BTreeMap<(TenantId, UtilityId), Utility>,
    versions: BTreeMap<(TenantId, UtilityId, u32), Version>,
    requests: Requests<Utility>,
    epochs: BTreeMap<TenantId, u64>,
}

impl InMemoryUtilityRepository {
    /// An empty repository; the clock serves to forget answered requests.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        InMemoryUtilityRepository {
            state: Mutex::default(),
            clock,
            events: Arc::default(),
            listener: None,
            tenants: None,
            faults: Faults::default(),
        }
    }

    /// The repository, telling `listener` of each change.
    #[must_use]
    pub fn telling(self, listener: Arc<dyn ChangeListener>) -> Self {
        InMemoryUtilityRepository { listener: Some(listener), ..self }
    }

    /// The repository, adding to `events` what each change means.
    #[must_use]
    pub fn noting(self, events: Arc<InMemoryEvents>) -> Self {
        InMemoryUtilityRepository { events, ..self }
    }

    /// The repository, holding tenants to their quotas.
    #[must_use]
    pub fn bounded_by(self, tenants: Arc<InMemoryTenants>) -> Self {
        InMemoryUtilityRepository { tenants: Some(tenants), ..self }
    }

    /// What fails, by the names of the port's methods.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn apply(&self, scope: &TenantScope, change: UtilityChange) -> Result<Committed<Utility>> {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(request) = &change.request
            && let Some(known) = state.requests.find(scope.tenant(), request, now)
        {
            return Ok(known.into());
        }
        let (tenant, id) = (scope.tenant().clone(), change.utility.name.utility.clone());
        let held = state.utilities.get(&(tenant.clone(), id.clone())).map(|utility| utility.revision);
        match (change.expected, held) {
            (Expected::Absent, None) => {}
            (Expected::Revision(expected), Some(held)) if expected == held => {}
            (Expected::Absent | Expected::Revision(_), _) => return Ok(Committed::Conflict),
        }
        self.check_quota(&state, &change.utility)?;
        let happened = Happened::of_utility(&change);
        if let Some(version) = change.new_version {
            let key = (tenant.clone(), id.clone(), version.number);
            if state.versions.contains_key(&key) {
                return Err(Error::Internal { context: "a version number was used twice", source: None });
            }
            state.versions.insert(key, version);
        }
        if let Some(request) = &change.request {
            state.requests.remember(&tenant, request, now, change.utility.clone());
        }
        *state.epochs.entry(tenant.clone()).or_default() += 1;
        state.utilities.insert((tenant, id), change.utility);
        self.events.note([happened]);
        Ok(Committed::Stored)
    }

    /// That the tenant may have one more, where it is about to.
    fn check_quota(&self, state: &State, next: &Utility) -> Result<()> {
        let tenant = &next.name.tenant;
        let Some(most) = self.tenants.as_ref().and_then(|tenants| tenants.most_utilities(tenant)) else { return Ok(()) };
        let there = |utility: &&Utility| utility.name.tenant == *tenant && utility.deleted.is_none();
        let there: Vec<&Utility> = state.utilities.values().filter(there).collect();
        let is_new = next.deleted.is_none() && !there.iter().any(|utility| utility.name == next.name);
        if is_new && there.len() >= most as usize { Err(Quota::utilities_full(tenant, most)) } else { Ok(()) }
    }

    fn note_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) {
        let state = &mut *self.state();
        if let Some(version) = state.versions.get_mut(&(scope.tenant().clone(), id.clone(), number)) {
            version.head.compiled_on = Some(digest.to_owned());
            *state.epochs.entry(scope.tenant().clone()).or_default() += 1;
        }
    }

    async fn tell(&self, what: &Changed) {
        if let Some(listener) = &self.listener {
            listener.changed(what).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for InMemoryUtilityRepository {
    fn default() -> Self {
        Self::new(Arc::new(FakeClock::default()))
    }
}

#[async_trait]
impl UtilityRepository for InMemoryUtilityRepository {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<Utility>> {
        self.faults.check("find")?;
        Ok(Found::of(self.state().utilities.get(&(scope.tenant().clone(), id.clone())).cloned()))
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<(Utility, Version)>> {
        self.faults.check("find_current")?;
        let state = self.state();
        let Some(utility) = state.utilities.get(&(scope.tenant().clone(), id.clone())) else { return Ok(Found::of(None)) };
        let version = state.versions.get(&(scope.tenant().clone(), id.clone(), utility.latest_version));
        Ok(Found::of(version.map(|version| (utility.clone(), version.clone()))))
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> Result<Found<Version>> {
        self.faults.check("find_version")?;
        Ok(Found::of(self.state().versions.get(&(scope.tenant().clone(), id.clone(), number)).cloned()))
    }

    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, request: &PageRequest) -> Result<Found<Page<Utility>>> {
        self.faults.check("list")?;
        let all = self.state().utilities.values().filter(|utility| matches(utility, scope, query)).cloned().collect::<Vec<_>>();
        let time = |utility: &Utility| match query.order {
            UtilityOrder::Id => 0,
            UtilityOrder::NewestFirst => utility.created.as_millis(),
            UtilityOrder::LastChangedFirst => utility.updated.as_millis(),
        };
        let key = |utility: &Utility| (time(utility), utility.name.utility.to_string());
        let mut sorted = all;
        sorted.sort_by_key(|utility| (Reverse(time(utility)), utility.name.utility.clone()));
        let order = format!("{:?}", query.order);
        page(sorted, request, &order, key, |a, b| (Reverse(a.0), &a.1) > (Reverse(b.0), &b.1)).map(Found::one)
    }

    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, request: &PageRequest) -> Result<Found<Page<VersionHead>>> {
        self.faults.check("list_versions")?;
        let (first, last) = ((scope.tenant().clone(), id.clone(), 0), (scope.tenant().clone(), id.clone(), u32::MAX));
        let newest_first: Vec<VersionHead> =
            self.state().versions.range(first..=last).rev().map(|(_, version)| version.head.clone()).collect();
        let key = |version: &VersionHead| (u64::from(version.number), String::new());
        page(newest_first, request, "versions", key, |a, b| a.0 < b.0).map(Found::one)
    }

    async fn epoch(&self, scope: &TenantScope) -> Result<u64> {
        self.faults.check("epoch")?;
        Ok(self.state().epochs.get(scope.tenant()).copied().unwrap_or_default())
    }

    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> Result<Committed<Utility>> {
        self.faults.check("commit")?;
        if change.utility.name.tenant != *scope.tenant() {
            return Err(Error::Internal { context: "a utility of another tenant", source: None });
        }
        let what = Changed::Utility { tenant: scope.tenant().clone(), id: change.utility.name.utility.clone() };
        let outcome = self.apply(scope, change)?;
        if outcome == Committed::Stored {
            self.tell(&what).await;
        }
        Ok(outcome)
    }

    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> Result<()> {
        self.faults.check("mark_compiled")?;
        self.note_compiled(scope, id, number, digest);
        self.tell(&Changed::Version { tenant: scope.tenant().clone(), id: id.clone(), number }).await;
        Ok(())
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Utility>>> {
        self.faults.check("find_answer")?;
        Ok(self.state().requests.find(scope.tenant(), request, self.clock.now()).map(Committed::from))
    }

    async fn remember(&self, scope: &TenantScope, request: &RequestKey, answer: &Utility) -> Result<Committed<Utility>> {
        self.faults.check("remember")?;
        if answer.name.tenant != *scope.tenant() {
            return Err(Error::Internal { context: "a utility of another tenant", source: None });
        }
        let (mut state, now) = (self.state(), self.clock.now());
        if let Some(known) = state.requests.find(scope.tenant(), request, now) {
            return Ok(known.into());
        }
        state.requests.remember(scope.tenant(), request, now, answer.clone());
        Ok(Committed::Stored)
    }
}

fn matches(utility: &Utility, scope: &TenantScope, query: &UtilityQuery) -> bool {
    utility.name.tenant == *scope.tenant()
        && (query.show_deleted || utility.deleted.is_none())
        && (!query.copied || utility.lineage.is_some())
        && query.kind.is_none_or(|kind| utility.definition.kind == kind)
        && query.owner.as_ref().is_none_or(|owner| utility.owner == *owner)
        && query.within.as_ref().is_none_or(|within| within.holds(utility))
        && query.tag.as_ref().is_none_or(|tag| utility.metadata.tags.contains(tag))
        && query.imports.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| imports(utility, wanted)))
        && query.id_prefix.as_ref().is_none_or(|prefix| utility.name.utility.as_str().starts_with(prefix))
}

fn imports(utility: &Utility, wanted: &RuntimeModule) -> bool {
    utility.definition.runtime == wanted.runtime && utility.imports.contains(&wanted.module)
}

impl From<Known<Utility>> for Committed<Utility> {
    fn from(known: Known<Utility>) -> Self {
        match known {
            Known::Answered(utility) => Committed::Answered(Box::new(utility)),
            Known::Reused => Committed::KeyReused,
        }
    }
}
