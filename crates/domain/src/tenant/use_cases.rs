//! Use cases of tenants. Each states its rule order: look for the request's first answer, load, check, change, store with
//! compare-and-set.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use crate::access::{Action, Found, Permit, TenantScope};
use crate::audit::FieldChange;
use crate::error::{Error, Result};
use crate::identity::{Role, Secret};
use crate::name::{RuntimeId, TenantId, TenantName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::revision::Etag;
use crate::tenant::rules::{changed_settings, database_violations, display_name_violations, password_violations, reserved_violation};
use crate::tenant::{Calendar, Database, Listed, SettingsPatch, Tenant, TenantChange, TenantQuery, TenantRepository, TenantState, actions};
use crate::time::Clock;
use crate::violation::Violation;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Tenants {
    repository: Arc<dyn TenantRepository>,
    calendar: Arc<dyn Calendar>,
    clock: Arc<dyn Clock>,
}

/// A tenant as asked for.
#[derive(Debug, Default)]
pub struct TenantDraft {
    /// Its code; `None` where what was given is none, which is among the violations.
    pub code: Option<TenantId>,
    /// What is said of it.
    pub patch: TenantPatch,
}

/// Parts of a tenant to change; `None` leaves a part as it is.
#[derive(Debug, Default)]
pub struct TenantPatch {
    /// New display name.
    pub display_name: Option<String>,
    /// New host of its database.
    pub db_host: Option<String>,
    /// New user name of its database.
    pub db_username: Option<String>,
    /// New name of its database.
    pub db_name: Option<String>,
    /// New password of its database; an empty one takes it away.
    pub db_password: Option<Secret>,
    /// New settings.
    pub settings: SettingsPatch,
    /// The revision that the caller saw; empty for any.
    pub etag: Etag,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already.
    pub violations: Vec<Violation>,
}

impl Tenants {
    /// Wires the use cases to their ports.
    pub fn new(repository: Arc<dyn TenantRepository>, calendar: Arc<dyn Calendar>, clock: Arc<dyn Clock>) -> Self {
        Tenants { repository, calendar, clock }
    }

    /// Creates a tenant.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::AlreadyExists`], also beside a deleted one.
    pub async fn create(&self, permit: &Permit<actions::CreateTenant>, draft: TenantDraft) -> Result<Tenant> {
        let scope = TenantScope::new(permit.principal().tenant().clone());
        let request = draft.patch.request.clone();
        if let Some(code) = &draft.code {
            permit.notes().resource(&TenantName { tenant: code.clone() });
        }
        once(|| self.answered(permit, &scope, request.as_ref()), self.make(permit, &scope, draft)).await
    }

    /// Reads a tenant.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, permit: &Permit<actions::GetTenant>) -> Result<Tenant> {
        self.load(permit).await
    }

    /// A page of tenants, with those that cannot be read as far as they can.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListTenants>, query: TenantQuery, page: &PageRequest) -> Result<Page<Listed>> {
        Ok(permit.open_page(self.repository.list(query, page).await?))
    }

    /// Changes parts of a tenant.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::NotFound`], [`Error::Stale`]; [`Error::Denied`] for what only super
    /// administrators change.
    pub async fn update(&self, permit: &Permit<actions::UpdateTenant>, patch: TenantPatch) -> Result<Tenant> {
        let (scope, request) = (permit.scope(), patch.request.clone());
        once(|| self.answered(permit, &scope, request.as_ref()), self.apply(permit, patch)).await
    }

    /// Lets nothing of a tenant happen from now on; one that is suspended or deleted already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`]; [`Error::Precondition`] for the caller's own tenant.
    pub async fn suspend(&self, permit: &Permit<actions::SuspendTenant>, asked: TenantPatch) -> Result<Tenant> {
        let (scope, request) = (permit.scope(), asked.request.clone());
        let to = |old: TenantState| if old == TenantState::Active { TenantState::Suspended } else { old };
        once(|| self.answered(permit, &scope, request.as_ref()), self.turn(permit, asked, to)).await
    }

    /// Takes a suspension, or a deletion, back.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`]; [`Error::Precondition`] once the data of a deleted tenant goes.
    pub async fn resume(&self, permit: &Permit<actions::ResumeTenant>, asked: TenantPatch) -> Result<Tenant> {
        let (scope, request) = (permit.scope(), asked.request.clone());
        once(|| self.answered(permit, &scope, request.as_ref()), self.turn(permit, asked, |_| TenantState::Active)).await
    }

    /// Deletes a tenant: from now on it is like a suspended one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`]; [`Error::Precondition`] for the caller's own tenant.
    pub async fn delete(&self, permit: &Permit<actions::DeleteTenant>, asked: TenantPatch) -> Result<Tenant> {
        let (scope, request) = (permit.scope(), asked.request.clone());
        once(|| self.answered(permit, &scope, request.as_ref()), self.turn(permit, asked, |_| TenantState::Deleted)).await
    }

    /// Destroys the keys of a deleted tenant and of all its persons: whatever they have sealed opens nowhere any more but in
    /// backups of the database from before, which hold the wrapped keys. What is left goes with the next run of retention. Done again, it
    /// destroys what has come to be since.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`]; [`Error::Precondition`] for a tenant that is not deleted, or on legal hold.
    pub async fn shred(&self, permit: &Permit<actions::ShredTenant>, asked: TenantPatch) -> Result<Tenant> {
        if !asked.violations.is_empty() {
            return Err(Error::Invalid(asked.violations));
        }
        let old = self.load(permit).await?;
        old.check_etag(&asked.etag)?;
        old.check_shreddable()?;
        let now = self.clock.now();
        let tenant = old.begin_purge(now).unwrap_or_else(|| Tenant { updated: now, revision: old.revision.next(), ..old.clone() });
        let change = TenantChange { expected: old.revision, tenant: tenant.clone(), db_password: None, shreds: true, request: None };
        let stored = self.committed(permit, &old, tenant, change).await?;
        permit.note_changes(FieldChange::named("keys", None, Some("destroyed")).into_iter().collect());
        Ok(stored)
    }

    async fn make(&self, permit: &Permit<actions::CreateTenant>, scope: &TenantScope, draft: TenantDraft) -> Result<Tenant> {
        let TenantDraft { code, mut patch } = draft;
        let mut found = std::mem::take(&mut patch.violations);
        found.extend(code.as_ref().and_then(reserved_violation));
        // Whatever was wrong with the code, the rest is looked at all the same.
        let base = Tenant::new(code.clone().unwrap_or_else(TenantId::system), self.clock.now());
        let (request, password) = (patch.request.take(), patch.db_password.take());
        password.iter().for_each(|password| password_violations(password, &mut found));
        // A tenant that is given no name is called by its code.
        patch.display_name = patch.display_name.filter(|name| !name.is_empty());
        let tenant = self.said_by(permit, &base, changed(&base, patch, self.calendar.as_ref(), &mut found));
        let Some(code) = code.filter(|_| found.is_empty()) else { return Err(Error::Invalid(found)) };
        let name = TenantName { tenant: code };
        match self.repository.create(scope, tenant, password, request).await? {
            Committed::Answered(made) => Ok(*made),
            Committed::Conflict => Err(Error::AlreadyExists { resource: name.to_string() }),
            Committed::KeyReused => Err(key_reused()),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::Stored => Err(Error::Internal { context: "a new tenant was stored and not answered", source: None }),
        }
    }

    async fn apply(&self, permit: &Permit<actions::UpdateTenant>, mut patch: TenantPatch) -> Result<Tenant> {
        let old = self.load(permit).await?;
        old.check_etag(&patch.etag)?;
        let (mut found, request, password) = (std::mem::take(&mut patch.violations), patch.request.take(), patch.db_password.take());
        password.iter().for_each(|password| password_violations(password, &mut found));
        let tenant = self.said_by(permit, &old, changed(&old, patch, self.calendar.as_ref(), &mut found));
        if !tenant.settings.is_ruled_like(&old.settings) && permit.caller().role != Some(Role::SuperAdmin) {
            return Err(Error::Denied { action: "tenant.update", resource: permit.target().to_string() });
        }
        if !found.is_empty() {
            return Err(Error::Invalid(found));
        }
        let tenant = Tenant { updated: self.clock.now(), revision: old.revision.next(), ..tenant };
        // Not even a digest of it: one could be guessed by.
        let written = password.as_ref().and_then(|text| FieldChange::named("db_password", None, Some(kept_or_not(text))));
        let stored = self.store(permit, &old, tenant, password, request).await?;
        permit.note_changes(changed_fields(&old, &stored).into_iter().chain(written).collect());
        Ok(stored)
    }

    /// The changed tenant, with who has agreed to what it agrees to now.
    fn said_by<A: Action>(&self, permit: &Permit<A>, old: &Tenant, mut changed: Tenant) -> Tenant {
        let consent = std::mem::take(&mut changed.settings.consent);
        changed.settings.consent = consent.said_after(&old.settings.consent, permit.principal(), self.clock.now());
        changed
    }

    async fn turn<A>(&self, permit: &Permit<A>, asked: TenantPatch, to: impl Fn(TenantState) -> TenantState + Send) -> Result<Tenant>
    where
        A: Action<Target = TenantName>,
    {
        if !asked.violations.is_empty() {
            return Err(Error::Invalid(asked.violations));
        }
        let old = self.load(permit).await?;
        old.check_etag(&asked.etag)?;
        let state = to(old.state);
        if state != TenantState::Active && old.code == *permit.principal().tenant() {
            return Err(own_tenant(&old));
        }
        if state == TenantState::Active {
            old.check_whole()?;
        }
        let tenant = if state == old.state { old.clone() } else { old.in_state(state, self.clock.now()) };
        let stored = self.store(permit, &old, tenant, None, asked.request).await?;
        permit.note_changes(changed_fields(&old, &stored));
        Ok(stored)
    }

    async fn store<A>(
        &self,
        permit: &Permit<A>,
        old: &Tenant,
        tenant: Tenant,
        db_password: Option<Secret>,
        request: Option<RequestKey>,
    ) -> Result<Tenant>
    where
        A: Action<Target = TenantName>,
    {
        let change = TenantChange { expected: old.revision, tenant: tenant.clone(), db_password, shreds: false, request };
        self.committed(permit, old, tenant, change).await
    }

    async fn committed<A>(&self, permit: &Permit<A>, old: &Tenant, tenant: Tenant, change: TenantChange) -> Result<Tenant>
    where
        A: Action<Target = TenantName>,
    {
        match self.repository.commit(&permit.scope(), change).await? {
            Committed::Stored => Ok(tenant),
            Committed::Conflict => Err(Error::Stale { resource: old.name().to_string() }),
            Committed::Answered(first) => Ok(*first),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    async fn load<A: Action<Target = TenantName>>(&self, permit: &Permit<A>) -> Result<Tenant> {
        permit.open(self.repository.find(&permit.scope()).await?, permit.target())
    }

    /// What a request about a tenant was answered with, opened like any other.
    async fn answered<A: Action>(&self, permit: &Permit<A>, scope: &TenantScope, request: Option<&RequestKey>) -> Result<Option<Tenant>> {
        let Some(request) = request else { return Ok(None) };
        match self.repository.find_answer(scope, request).await? {
            Some(Committed::Answered(first)) => {
                let name = first.name();
                permit.open(Found::one(*first), &name).map(Some)
            }
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }
}

/// The tenant with what is asked for; what is wrong with that is among the violations.
fn changed(old: &Tenant, patch: TenantPatch, calendar: &dyn Calendar, found: &mut Vec<Violation>) -> Tenant {
    let display_name = patch.display_name.unwrap_or_else(|| old.display_name.clone());
    let database = Database {
        host: patch.db_host.unwrap_or_else(|| old.database.host.clone()),
        username: patch.db_username.unwrap_or_else(|| old.database.username.clone()),
        name: patch.db_name.unwrap_or_else(|| old.database.name.clone()),
    };
    display_name_violations(&display_name, found);
    database_violations(&database, found);
    let settings = changed_settings(&old.settings, patch.settings, calendar, found);
    Tenant { display_name, database, settings, ..old.clone() }
}

/// The fields that differ, for the record of the change.
fn changed_fields(before: &Tenant, after: &Tenant) -> Vec<FieldChange> {
    let text = |field, old: &str, new: &str| FieldChange::of(field, Some(old), Some(new));
    let (old, new) = (&before.database, &after.database);
    let whole = |number: Option<NonZeroU32>| number.map(|number| u64::from(number.get()));
    let number = |field, old: Option<u64>, new: Option<u64>| {
        let text = |number: Option<u64>| number.map(|number| number.to_string());
        FieldChange::of(field, text(old).as_deref(), text(new).as_deref())
    };
    let names = |runtimes: &[RuntimeId]| runtimes.iter().map(|name| &**name).collect::<Vec<_>>().join(", ");
    let (was, is) = (&before.settings, &after.settings);
    let all = [
        text("settings.time_zone", &was.time_zone, &is.time_zone),
        text("settings.locale", &was.locale, &is.locale),
        FieldChange::named("settings.consent.share_offers", Some(was.consent.offers.as_str()), Some(is.consent.offers.as_str())),
        text("settings.consent.terms_version", &was.consent.terms_version, &is.consent.terms_version),
        number("settings.execution_days", whole(was.keep.executions), whole(is.keep.executions)),
        number("settings.output_days", whole(was.keep.output), whole(is.keep.output)),
        number("settings.deleted_utility_days", whole(was.keep.deleted_utilities), whole(is.keep.deleted_utilities)),
        number("settings.audit_days", whole(was.keep.audit), whole(is.keep.audit)),
        number("settings.max_utilities", whole(was.quota.utilities), whole(is.quota.utilities)),
        number("settings.max_output_bytes", was.quota.output_bytes.map(NonZeroU64::get), is.quota.output_bytes.map(NonZeroU64::get)),
        number("settings.max_running", whole(was.quota.running), whole(is.quota.running)),
        text("settings.runtimes", &names(&was.runtimes), &names(&is.runtimes)),
        text("settings.legal_hold", &was.legal_hold.to_string(), &is.legal_hold.to_string()),
        text("name", &before.display_name, &after.display_name),
        FieldChange::named("status", Some(before.state.as_str()), Some(after.state.as_str())),
        text("db_host", &old.host, &new.host),
        text("db_username", &old.username, &new.username),
        text("db_name", &old.name, &new.name),
    ];
    all.into_iter().flatten().collect()
}

/// What a record says of a new password.
fn kept_or_not(password: &Secret) -> &'static str {
    if password.expose().is_empty() { "taken away" } else { "written" }
}

/// Whoever did it could not take it back.
fn own_tenant(tenant: &Tenant) -> Error {
    Error::Precondition {
        reason: "OWN_TENANT",
        subject: tenant.name().to_string(),
        description: "is your own tenant: whoever suspends or deletes it could not take that back".to_owned(),
    }
}
