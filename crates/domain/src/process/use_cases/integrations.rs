//! Use cases of integrations, each of which is a tenant's. What is asked of one is a change of the platform like any other.

use std::collections::BTreeMap;

use crate::access::{Action, Permit};
use crate::error::{Error, ErrorKind, Result};
use crate::name::TenantName;
use crate::page::{Page, PageRequest};
use crate::process::{
    Asked, Declared, DeclaredIntegration, IntegrationChange, IntegrationOverride, IntegrationState, IntegrationView, Outcome,
    PlatformRevision, Platforms, Standing, actions,
};
use crate::request::once;
use crate::violation::Violations;

use super::stale;

/// Most parameters that an integration is started with.
const MAX_PARAMETERS: usize = 100;
/// Longest name and value of one, in bytes.
const MAX_PARAMETER: usize = 4_096;

impl Platforms {
    /// A page of a tenant's integrations, by number.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one; [`Error::Unavailable`] where the engine does not answer.
    pub async fn list_integrations(&self, permit: &Permit<actions::ListIntegrations>, page: &PageRequest) -> Result<Page<IntegrationView>> {
        let mut items = self.integrations(permit).await?;
        if let Some(after) = &page.after {
            let Ok(after) = after.parse::<i32>() else {
                return Err(Error::invalid("page_token", "MALFORMED", "is no token of this list"));
            };
            items.retain(|view| view.declared.integration_id > after);
        }
        let is_more = items.len() > page.size as usize;
        items.truncate(page.size as usize);
        let next = items.last().filter(|_| is_more).map(|view| view.declared.integration_id.to_string());
        Ok(Page { items, next })
    }

    /// One integration.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one of another tenant.
    pub async fn integration(&self, permit: &Permit<actions::GetIntegration>, id: i32) -> Result<IntegrationView> {
        self.find_integration(permit, id).await
    }

    /// One integration, with why its parameters and ports are what they are.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one of another tenant.
    pub async fn explain(&self, permit: &Permit<actions::ExplainIntegration>, id: i32) -> Result<IntegrationView> {
        self.find_integration(permit, id).await
    }

    /// Starts or stops an integration, which goes on behind this call. Answers it as it is then, or as unknown where the engine does not
    /// answer.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Precondition`] without an engine; [`Error::Stale`] where somebody else has changed
    /// the platform meanwhile, or a manifest that was applied is still under way.
    pub async fn change_integration<A>(&self, permit: &Permit<A>, change: IntegrationChange) -> Result<IntegrationView>
    where
        A: Action<Target = TenantName>,
    {
        let (request, id) = (change.request.clone(), change.integration_id);
        once(|| self.answered(request.as_ref()), self.changed_integration(permit, change)).await?;
        let found = self.find_integration(permit, id).await;
        if found.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable)
            && let Some(revision) = self.in_force().await?
        {
            // The change is stored: an engine that does not answer afterwards makes that none that has failed.
            let declared = self.ports.manifests.read(&revision.desired).await?;
            let one = of_tenant(declared, permit).find(|one| one.integration_id == id);
            return one.map(|one| IntegrationView::of(one, None)).ok_or_else(|| absent(permit, id));
        }
        found
    }

    async fn changed_integration<A>(&self, permit: &Permit<A>, change: IntegrationChange) -> Result<PlatformRevision>
    where
        A: Action<Target = TenantName>,
    {
        let IntegrationChange { integration_id, enabled, parameters, request, mut violations } = change;
        check_id(integration_id, &mut violations);
        check_parameters(&parameters, &mut violations);
        violations.unless_any(())?;
        self.ports.platform.check()?;
        let newest = self.ports.repository.newest().await?;
        let missing = || absent(permit, integration_id);
        let base = self.in_force().await?.ok_or_else(missing)?;
        let declared = self.ports.manifests.read(&base.desired).await?;
        let one = of_tenant(declared, permit).find(|one| one.integration_id == integration_id).ok_or_else(missing)?;
        check_known(&one, &parameters)?;
        permit.note_resource(&format!("{}/integrations/{integration_id}", permit.target()));
        let asked = IntegrationOverride { enabled: Some(enabled), parameters };
        if base.desired.integrations.overrides.get(&integration_id) == Some(&asked) && self.is_seen_to(&base, one).await {
            return Ok(base);
        }
        // The outcome of what a super administrator has applied is theirs: no tenant takes over before it is there.
        if newest.as_ref().is_some_and(|newest| newest.standing == Standing::UnderWay && newest.asked == Asked::Apply) {
            return Err(stale());
        }
        let mut desired = base.desired;
        desired.revision = newest.map_or(0, |newest| newest.desired.revision) + 1;
        desired.integrations.overrides.insert(integration_id, asked);
        self.ports.manifests.read(&desired).await?;
        let asked = if enabled { Asked::StartIntegration(integration_id) } else { Asked::StopIntegration(integration_id) };
        self.store(permit, desired, asked, request).await
    }

    /// Whether what was asked of an integration before is done or being done, so that asking it again changes nothing. One that has ended is
    /// started again.
    async fn is_seen_to(&self, base: &PlatformRevision, one: DeclaredIntegration) -> bool {
        match &base.standing {
            Standing::UnderWay => return true,
            Standing::Ended(Outcome::Reached, _) => {}
            Standing::Ended(Outcome::RolledBack(_) | Outcome::Failed(_) | Outcome::Superseded, _) => return false,
        }
        // Where nobody knows how it is, it is asked for once more.
        let Ok(statuses) = self.ports.platform.status(Some(&base.desired)).await else { return false };
        let state = IntegrationView::of(one, Some(&statuses)).state;
        !matches!(state, IntegrationState::Stopped | IntegrationState::Failed)
    }

    async fn find_integration<A>(&self, permit: &Permit<A>, id: i32) -> Result<IntegrationView>
    where
        A: Action<Target = TenantName>,
    {
        let mut violations = Violations::default();
        check_id(id, &mut violations);
        violations.unless_any(())?;
        let found = self.integrations(permit).await?.into_iter().find(|view| view.declared.integration_id == id);
        found.ok_or_else(|| absent(permit, id))
    }

    /// The integrations of the permit's tenant, by number. They are shown without an engine, too.
    async fn integrations<A>(&self, permit: &Permit<A>) -> Result<Vec<IntegrationView>>
    where
        A: Action<Target = TenantName>,
    {
        let Some(revision) = self.in_force().await? else { return Ok(Vec::new()) };
        let declared = self.ports.manifests.read(&revision.desired).await?;
        let statuses = match self.ports.platform.check() {
            Ok(()) => Some(self.ports.platform.status(Some(&revision.desired)).await?),
            Err(_no_engine) => None,
        };
        Ok(of_tenant(declared, permit).map(|one| IntegrationView::of(one, statuses.as_deref())).collect())
    }
}

fn of_tenant<A>(declared: Declared, permit: &Permit<A>) -> impl Iterator<Item = DeclaredIntegration>
where
    A: Action<Target = TenantName>,
{
    let tenant = permit.target().tenant.clone();
    declared.integrations.into_iter().filter(move |one| one.tenant_code == tenant.as_str())
}

fn absent<A>(permit: &Permit<A>, id: i32) -> Error
where
    A: Action<Target = TenantName>,
{
    Error::NotFound { resource: format!("{}/integrations/{id}", permit.target()) }
}

fn check_id(id: i32, violations: &mut Violations) {
    if id < 1 {
        violations.push("integration_id", "OUT_OF_RANGE", format!("{id} is no number of an integration; they count from 1"));
    }
}

/// That each parameter is one that a manifest sets somewhere: any other would be a variable of a program that nobody has meant it for.
fn check_known(one: &DeclaredIntegration, parameters: &BTreeMap<String, String>) -> Result<()> {
    let mut violations = Violations::default();
    for name in parameters.keys().filter(|name| one.parameters.iter().all(|known| known.name != **name)) {
        violations.push("parameters", "UNKNOWN_FIELD", format!("`{name}` is no parameter of this integration"));
    }
    violations.unless_any(())
}

fn check_parameters(parameters: &BTreeMap<String, String>, violations: &mut Violations) {
    if parameters.len() > MAX_PARAMETERS {
        violations.push("parameters", "TOO_MANY", format!("{} parameters; the limit is {MAX_PARAMETERS}", parameters.len()));
    }
    if parameters.iter().any(|(name, value)| name.len().max(value.len()) > MAX_PARAMETER) {
        violations.push("parameters", "TOO_LONG", format!("a name or value has more than {MAX_PARAMETER} bytes"));
    }
}
