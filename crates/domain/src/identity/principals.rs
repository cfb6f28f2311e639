//! Use cases of users and service accounts. Each states its rule order: look for the request's first answer, load, check, change,
//! store with compare-and-set.

use std::net::IpAddr;
use std::time::Duration;

use crate::access::{Action, Found, OfTenant, Permit, TenantScope};
use crate::error::{Error, Result};
use crate::identity::changed::changed_fields;
use crate::identity::rules::{display_name_violations, may_rule, password_violations, role_of, role_violations};
use crate::identity::use_cases::{Asked, Identities, remembered, settled};
use crate::identity::{PasswordHash, PasswordVerdict, Principal, PrincipalChange, PrincipalQuery, PrincipalState, Role, Secret, actions};
use crate::name::{PrincipalKind, PrincipalName, TenantName};
use crate::page::{Page, PageRequest};
use crate::request::{Expected, RequestKey, once};
use crate::revision::Revision;

/// By how much later than the next account of a deleted one's name is made what was issued before ends: certificates tell by it that
/// something was made void.
const VOID_SINCE: Duration = Duration::from_millis(1);

/// A principal as asked for.
#[derive(Debug, Default)]
pub struct PrincipalDraft {
    /// How people call it.
    pub display_name: String,
    /// Its role; a user's where it is not said.
    pub role: Option<Role>,
    /// Its state; active where it is not said.
    pub state: Option<PrincipalState>,
    /// A user's password.
    pub password: Option<Secret>,
}

/// Parts of a user to change; `None` leaves a part as it is.
#[derive(Debug, Default)]
pub struct UserPatch {
    /// New display name.
    pub display_name: Option<String>,
    /// New role.
    pub role: Option<Role>,
    /// New state.
    pub state: Option<PrincipalState>,
    /// New password.
    pub password: Option<Secret>,
    /// The password until now, which users who change their own must know.
    pub current_password: Option<Secret>,
}

impl Identities {
    /// Creates a user. Without a name that can be read, everything else is checked all the same, and nothing is stored.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::AlreadyExists`].
    pub async fn create_user(
        &self,
        permit: &Permit<actions::CreateUser>,
        name: Option<PrincipalName>,
        draft: PrincipalDraft,
        asked: Asked,
    ) -> Result<Principal> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.create(permit, "user", name, draft, asked)).await
    }

    /// Creates a service account.
    ///
    /// # Errors
    /// As [`Identities::create_user`].
    pub async fn create_service_account(
        &self,
        permit: &Permit<actions::CreateServiceAccount>,
        name: Option<PrincipalName>,
        draft: PrincipalDraft,
        asked: Asked,
    ) -> Result<Principal> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.create(permit, "service_account", name, draft, asked)).await
    }

    /// Reads a user.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_user(&self, permit: &Permit<actions::GetUser>) -> Result<Principal> {
        self.load(permit, permit.target()).await
    }

    /// Reads who calls; `None` for one whom only an outside issuer, or nobody, knows.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get_caller(&self, permit: &Permit<actions::GetCaller>) -> Result<Option<Principal>> {
        match self.load(permit, permit.target()).await {
            Ok(principal) => Ok(Some(principal)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A page of users.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list_users(&self, permit: &Permit<actions::ListUsers>, page: &PageRequest) -> Result<Page<Principal>> {
        self.list(permit, PrincipalKind::User, page).await
    }

    /// A page of service accounts.
    ///
    /// # Errors
    /// As [`Identities::list_users`].
    pub async fn list_service_accounts(
        &self,
        permit: &Permit<actions::ListServiceAccounts>,
        page: &PageRequest,
    ) -> Result<Page<Principal>> {
        self.list(permit, PrincipalKind::ServiceAccount, page).await
    }

    /// Changes parts of a user. A new password, or disabling, makes void what was issued.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation, [`Error::Denied`] for what only administrators change, [`Error::NotFound`],
    /// [`Error::Stale`]; [`Error::Precondition`] for the last super administrator; [`Error::Exhausted`] when the password until now
    /// was wrong too often.
    pub async fn update_user(&self, permit: &Permit<actions::UpdateUser>, patch: UserPatch, asked: Asked) -> Result<Principal> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.apply(permit, patch, asked)).await
    }

    /// Deletes a user, with sessions and what was granted to it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::Denied`] for one above the caller; [`Error::Precondition`] for the last super
    /// administrator.
    pub async fn delete_user(&self, permit: &Permit<actions::DeleteUser>, asked: Asked) -> Result<Principal> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.delete(permit, asked)).await
    }

    /// Deletes a service account, with API keys, sessions and what was granted to it.
    ///
    /// # Errors
    /// As [`Identities::delete_user`].
    pub async fn delete_service_account(&self, permit: &Permit<actions::DeleteServiceAccount>, asked: Asked) -> Result<Principal> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.delete(permit, asked)).await
    }

    async fn create<A: Action<Target = TenantName>>(
        &self,
        permit: &Permit<A>,
        field: &str,
        name: Option<PrincipalName>,
        draft: PrincipalDraft,
        asked: Asked,
    ) -> Result<Principal> {
        let (role, mut found) = (draft.role.unwrap_or(Role::User), asked.violations);
        display_name_violations(&format!("{field}.display_name"), &draft.display_name, &mut found);
        role_violations(&format!("{field}.role"), permit.caller(), &permit.target().tenant, role, &mut found);
        if let Some(password) = &draft.password {
            password_violations(&format!("{field}.password"), name.as_ref(), password, &mut found);
        }
        let Some(name) = name.filter(|_| found.is_empty()) else { return Err(Error::Invalid(found)) };
        let password = self.hashed(draft.password.as_ref()).await?;
        let now = self.ports.clock.now();
        // What was issued to another account of this name is not the new one's, certificates included.
        let deletion = match name.kind() {
            PrincipalKind::User => None,
            PrincipalKind::ServiceAccount => self.ports.principals.find_deletion(&permit.scope(), &name).await?,
        };
        let valid_after = deletion.map_or(now, |deletion| deletion.max(now).plus(VOID_SINCE));
        let principal = Principal {
            name: name.clone(),
            display_name: draft.display_name,
            role,
            state: draft.state.unwrap_or(PrincipalState::Active),
            password,
            created: now,
            updated: now,
            revision: Revision::FIRST,
            valid_after,
        };
        let change = PrincipalChange {
            expected: Expected::Absent,
            principal: principal.clone(),
            deletes: false,
            judged_at: None,
            request: asked.request,
        };
        let created = settled(self.ports.principals.commit(&permit.scope(), change).await?, principal, true, &name)?;
        permit.note_resource(&created.name);
        permit.note_changes(changed_fields(None, &created));
        Ok(created)
    }

    async fn apply(&self, permit: &Permit<actions::UpdateUser>, patch: UserPatch, asked: Asked) -> Result<Principal> {
        let (caller, name) = (permit.caller(), permit.target());
        let old = self.load(permit, name).await?;
        check_ruled(permit, &old)?;
        old.check_etag(&asked.etag)?;
        let administers = role_of(caller) >= Role::Admin;
        if !administers && (patch.role.is_some_and(|role| role != old.role) || patch.state.is_some_and(|state| state != old.state)) {
            return Err(denied(permit));
        }
        let mut found = asked.violations;
        if let Some(text) = &patch.display_name {
            display_name_violations("user.display_name", text, &mut found);
        }
        if let Some(role) = patch.role.filter(|role| *role != old.role) {
            role_violations("user.role", caller, name.tenant(), role, &mut found);
        }
        if let Some(password) = &patch.password {
            password_violations("user.password", Some(name), password, &mut found);
        }
        if !found.is_empty() {
            return Err(Error::Invalid(found));
        }
        if patch.password.is_some() && caller.principal == *name {
            self.check_current(&old, patch.current_password.as_ref(), caller.address).await?;
        }
        let password = self.hashed(patch.password.as_ref()).await?;
        let now = self.ports.clock.now();
        let state = patch.state.unwrap_or(old.state);
        let voids = password.is_some() || (state == PrincipalState::Disabled && old.is_active());
        let changed = Principal {
            display_name: patch.display_name.unwrap_or_else(|| old.display_name.clone()),
            role: patch.role.unwrap_or(old.role),
            state,
            password: password.or_else(|| old.password.clone()),
            updated: now,
            revision: old.revision.next(),
            valid_after: if voids { old.voided(now) } else { old.valid_after },
            ..old.clone()
        };
        let judged_at = if changed.is_ruling() { None } else { self.spare(&permit.scope(), &old).await? };
        let change = PrincipalChange {
            expected: Expected::Revision(old.revision),
            principal: changed.clone(),
            deletes: false,
            judged_at,
            request: asked.request,
        };
        let fields = changed_fields(Some(&old), &changed);
        let updated = settled(self.ports.principals.commit(&permit.scope(), change).await?, changed, false, name)?;
        permit.note_changes(fields);
        Ok(updated)
    }

    async fn delete<A: Action<Target = PrincipalName>>(&self, permit: &Permit<A>, asked: Asked) -> Result<Principal> {
        if !asked.violations.is_empty() {
            return Err(Error::Invalid(asked.violations));
        }
        let name = permit.target();
        let old = self.load(permit, name).await?;
        check_ruled(permit, &old)?;
        old.check_etag(&asked.etag)?;
        let judged_at = self.spare(&permit.scope(), &old).await?;
        let last = Principal { valid_after: old.voided(self.ports.clock.now()), ..old.clone() };
        let change = PrincipalChange {
            expected: Expected::Revision(old.revision),
            principal: last.clone(),
            deletes: true,
            judged_at,
            request: asked.request,
        };
        settled(self.ports.principals.commit(&permit.scope(), change).await?, last, false, name)
    }

    async fn list<A: Action<Target = TenantName>>(
        &self,
        permit: &Permit<A>,
        kind: PrincipalKind,
        page: &PageRequest,
    ) -> Result<Page<Principal>> {
        let query = PrincipalQuery { kind, only: permit.only_owner().cloned() };
        Ok(permit.open_page(self.ports.principals.list(&permit.scope(), &query, page).await?))
    }

    /// Loads a principal and opens it.
    pub(super) async fn load<A: Action<Target: OfTenant>>(&self, permit: &Permit<A>, name: &PrincipalName) -> Result<Principal> {
        permit.open(self.ports.principals.find(&permit.scope(), name).await?, name)
    }

    /// What a request about a principal was answered with, opened like any other.
    pub(super) async fn answered<A>(&self, permit: &Permit<A>, request: Option<&RequestKey>) -> Result<Option<Principal>>
    where
        A: Action<Target: OfTenant>,
    {
        let Some(request) = request else { return Ok(None) };
        let first = remembered(self.ports.principals.find_answer(&permit.scope(), request).await?)?;
        let open = |first: Principal| {
            let name = first.name.clone();
            permit.open(Found::one(first), &name)
        };
        first.map(open).transpose()
    }

    /// That another active super administrator is left when `old` is none any more, and the epoch of that judgment.
    pub(super) async fn spare(&self, scope: &TenantScope, old: &Principal) -> Result<Option<u64>> {
        if !old.is_ruling() {
            return Ok(None);
        }
        let epoch = self.ports.principals.epoch(scope).await?;
        match self.ports.principals.count_super_admins(scope).await? {
            0 | 1 => Err(Error::Precondition {
                reason: "LAST_SUPER_ADMIN",
                subject: old.name.to_string(),
                description: "is the last active super administrator; make another one first".to_owned(),
            }),
            _ => Ok(Some(epoch)),
        }
    }

    /// That a user who changes their own password knows the present one.
    async fn check_current(&self, user: &Principal, given: Option<&Secret>, address: Option<IpAddr>) -> Result<()> {
        let field = "current_password";
        let Some(given) = given else {
            return Err(Error::invalid(field, "MISSING", "is needed to change your own password"));
        };
        self.attempts.begin(Some(&user.name), address, self.ports.clock.now())?;
        match self.ports.hasher.verify(given, user.password.as_ref()).await? {
            PasswordVerdict::Wrong => Err(Error::invalid(field, "WRONG", "is not your password; give the one that you sign in with")),
            PasswordVerdict::Right | PasswordVerdict::RightButOutdated => {
                self.attempts.succeeded(Some(&user.name), address);
                Ok(())
            }
        }
    }

    pub(super) async fn hashed(&self, password: Option<&Secret>) -> Result<Option<PasswordHash>> {
        match password {
            Some(password) => self.ports.hasher.hash(password).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Nobody decides about who is above them.
pub(super) fn check_ruled<A: Action>(permit: &Permit<A>, principal: &Principal) -> Result<()>
where
    A::Target: std::fmt::Display,
{
    if may_rule(permit.caller(), principal) { Ok(()) } else { Err(denied(permit)) }
}

fn denied<A: Action>(permit: &Permit<A>) -> Error
where
    A::Target: std::fmt::Display,
{
    Error::Denied { action: A::SPEC.name, resource: permit.target().to_string() }
}
