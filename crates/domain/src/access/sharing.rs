//! Use cases of grants: give, take back, list. Rule order: look for the request's first answer, load the utility, check, store.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Action, Found, Grant, GrantDraft, GrantRepository, Grantee, MAX_GRANTS, Permit, TenantScope, actions};
use crate::audit::FieldChange;
use crate::error::{Error, Result};
use crate::identity::{PrincipalRepository, Role};
use crate::name::UtilityName;
use crate::page::{Page, PageRequest};
use crate::request::{Committed, RequestKey, key_reused, once};
use crate::time::Clock;
use crate::utility::UtilityRepository;
use crate::violation::Violation;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Sharing {
    grants: Arc<dyn GrantRepository>,
    utilities: Arc<dyn UtilityRepository>,
    principals: Arc<dyn PrincipalRepository>,
    clock: Arc<dyn Clock>,
}

impl Sharing {
    /// Wires the use cases to their ports.
    pub fn new(
        grants: Arc<dyn GrantRepository>,
        utilities: Arc<dyn UtilityRepository>,
        principals: Arc<dyn PrincipalRepository>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Sharing { grants, utilities, principals, clock }
    }

    /// Grants access, in place of what the grantee was granted of the utility before.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::NotFound`] and [`Error::Precondition`] for a utility that is absent or deleted;
    /// [`Error::Exhausted`] where the grantee has as many grants as it may.
    pub async fn grant(&self, permit: &Permit<actions::GrantAccess>, mut draft: GrantDraft, request: Option<RequestKey>) -> Result<Grant> {
        let (scope, name, now) = (permit.scope(), permit.target(), self.clock.now());
        let work = async {
            permit.open(self.utilities.find(&scope, &name.utility).await?, name)?.check_active()?;
            if let Some(grantee) = &draft.grantee {
                draft.violations.extend(self.unknown(&scope, grantee).await?);
            }
            let grant = draft.grant(name.clone(), permit.principal().clone(), now)?;
            match self.grants.put(&scope, &grant, now, request.as_ref()).await? {
                Committed::Stored => {
                    self.keep(&scope, &grant).await?;
                    permit.note_changes(changes(&grant, |value| (None, Some(value))));
                    Ok(grant)
                }
                Committed::Conflict => Err(full(&grant.grantee)),
                Committed::Answered(first) => permit.open(Found::one(*first), name),
                Committed::Removed { resource } => Err(Error::NotFound { resource }),
                Committed::KeyReused => Err(key_reused()),
            }
        };
        once(|| self.answered(permit, name, request.as_ref()), work).await
    }

    /// Takes a grant back, and answers it as it was.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`]; [`Error::Stale`] where it is changed at the same time.
    pub async fn revoke(
        &self,
        permit: &Permit<actions::RevokeAccess>,
        grantee: Option<Grantee>,
        violations: Vec<Violation>,
        request: Option<RequestKey>,
    ) -> Result<Grant> {
        let (scope, name) = (permit.scope(), permit.target());
        let work = async {
            permit.open(self.utilities.find(&scope, &name.utility).await?, name)?;
            let grantee = grantee.filter(|_| violations.is_empty()).ok_or(Error::Invalid(violations))?;
            let described = format!("{name} granted to {grantee}");
            let grant = permit.open(self.grants.find(&scope, &name.utility, &grantee).await?, &described)?;
            match self.grants.remove(&scope, &grant, request.as_ref()).await? {
                Committed::Stored => {
                    permit.note_changes(changes(&grant, |value| (Some(value), None)));
                    Ok(grant)
                }
                Committed::Conflict => Err(Error::Stale { resource: described }),
                Committed::Answered(first) => permit.open(Found::one(*first), name),
                Committed::Removed { resource } => Err(Error::NotFound { resource }),
                Committed::KeyReused => Err(key_reused()),
            }
        };
        once(|| self.answered(permit, name, request.as_ref()), work).await
    }

    /// A page of the grants of a utility, by grantee. Expired ones are listed until they are replaced or taken back.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListGrants>, page: &PageRequest) -> Result<Page<Grant>> {
        let (scope, name) = (permit.scope(), permit.target());
        permit.open(self.utilities.find(&scope, &name.utility).await?, name)?;
        Ok(permit.open_page(self.grants.list(&scope, &name.utility, page).await?))
    }

    /// Takes the grant back where whoever it is for was deleted in between: whoever is made under that name later must not hold it.
    async fn keep(&self, scope: &TenantScope, grant: &Grant) -> Result<()> {
        let Some(gone) = self.unknown(scope, &grant.grantee).await? else { return Ok(()) };
        self.grants.remove(scope, grant, None).await?;
        Err(Error::Invalid(vec![gone]))
    }

    /// What is wrong with a grantee of the tenant who is not there. Only the grants' administrators get here, and of other tenants nobody
    /// does: their principals are refused before.
    async fn unknown(&self, scope: &TenantScope, grantee: &Grantee) -> Result<Option<Violation>> {
        let known = match grantee {
            Grantee::Tenant(_) => true,
            Grantee::Role(tenant, role) => *role != Role::SuperAdmin || tenant.is_system(),
            Grantee::Principal(name) => self.principals.find(scope, name).await?.is_there(),
        };
        let unknown = || Violation::new("grantee", "UNKNOWN_GRANTEE", format!("{grantee} is nobody in the tenant"));
        Ok((!known).then(unknown))
    }

    async fn answered<A>(&self, permit: &Permit<A>, name: &UtilityName, request: Option<&RequestKey>) -> Result<Option<Grant>>
    where
        A: Action<Target = UtilityName>,
    {
        let Some(request) = request else { return Ok(None) };
        match self.grants.find_answer(&permit.scope(), request).await? {
            Some(Committed::Answered(first)) => permit.open(Found::one(*first), name).map(Some),
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }
}

/// What a grant says, as it was given (to hold nothing before) or taken back (to hold nothing now).
pub(super) fn changes(grant: &Grant, way: impl Fn(&str) -> (Option<&str>, Option<&str>)) -> Vec<FieldChange> {
    let expires = grant.expires.map(|end| end.as_millis().to_string());
    let said = [("access", Some(grant.access.as_str())), ("expire_time", expires.as_deref())];
    let change = |(field, value): (&str, Option<&str>)| {
        let (before, after) = way(value?);
        FieldChange::named(field, before, after)
    };
    let grantee = FieldChange::principal("grantee", &grant.grantee.to_string());
    [grantee].into_iter().chain(said.into_iter().filter_map(change)).collect()
}

/// Grants of a grantee end by being taken back or by their time: there is no moment to name.
fn full(grantee: &Grantee) -> Error {
    Error::Exhausted {
        reason: "GRANTS_FULL",
        subject: grantee.to_string(),
        description: format!("{grantee} has {MAX_GRANTS} grants, the limit; take others back first"),
        retry_after: Duration::from_secs(60),
    }
}
