//! Why somebody may or may not do something: the same rules, asked about a principal that need not call, and said in words.

use std::sync::Arc;

use crate::access::matrix::{Because, Cell};
use crate::access::resource_name::ResourceName;
use crate::access::{
    ActionSpec, Caller, Decision, Found, Grant, GrantRepository, MatrixRules, Origin, Permit, Reach, Resource, TargetKind, TenantScope,
    Who, actions,
};
use crate::error::{Error, Result};
use crate::execution::ExecutionRepository;
use crate::identity::{Principal, PrincipalRepository};
use crate::name::{PrincipalName, UtilityName, VersionName};
use crate::operation::OperationRepository;
use crate::schedule::ScheduleRepository;
use crate::tenant::{Standing, TenantStates, check_home, check_target};
use crate::utility::UtilityRepository;

/// The use case. Cheap to clone.
#[derive(Clone)]
pub struct Explanations {
    rules: MatrixRules,
    ports: ExplanationPorts,
}

/// What the use case asks.
#[derive(Clone)]
pub struct ExplanationPorts {
    /// Whom it is about.
    pub principals: Arc<dyn PrincipalRepository>,
    /// Whose utilities are.
    pub utilities: Arc<dyn UtilityRepository>,
    /// Whose executions are.
    pub executions: Arc<dyn ExecutionRepository>,
    /// Whose schedules are.
    pub schedules: Arc<dyn ScheduleRepository>,
    /// Whose operations are.
    pub operations: Arc<dyn OperationRepository>,
    /// What was granted.
    pub grants: Arc<dyn GrantRepository>,
    /// Of which tenants something may happen.
    pub tenants: Arc<dyn TenantStates>,
}

/// What the rules say, and which one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the call would be permitted, and would find the resource.
    pub allowed: bool,
    /// Stable name of the rule that decided.
    pub rule: &'static str,
    /// The same for people.
    pub text: String,
    /// The grant that opens it, where one does.
    pub grant: Option<Grant>,
}

impl Explanations {
    /// Wires the use case to the rules and to its ports.
    pub fn new(rules: MatrixRules, ports: ExplanationPorts) -> Self {
        Explanations { rules, ports }
    }

    /// Whether the principal that the permit is about may do `action` to `resource`, as its own call would be decided. Of a resource that
    /// the principal does not reach it does not say whether it exists.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a principal that does not exist or that the permit does not reach; [`Error::Invalid`] for an action that
    /// is none, or a resource that it cannot be about.
    pub async fn explain(&self, permit: &Permit<actions::ExplainAccess>, action: &str, resource: &str) -> Result<Explanation> {
        let (scope, name) = (permit.scope(), permit.target());
        let principal = permit.open(self.ports.principals.find(&scope, name).await?, name)?;
        let (action, resource) = parse(action, resource)?;
        if !principal.is_active() {
            return Ok(Explanation::refused("DISABLED", format!("{name} is disabled")));
        }
        // As its own call would come: it has proven who it is.
        let caller = Caller { principal: name.clone(), origin: Origin::Elsewhere, role: Some(principal.role), address: None };
        let tenants = self.ports.tenants.as_ref();
        let by_tenants = action.who != Who::Anyone;
        if by_tenants && let Some(refused) = refused_by(check_home(tenants, &caller).await)? {
            return Ok(refused);
        }
        let decision = self.rules.decide_for(name, principal.role, action, resource.target()).await?;
        let Some(reach) = &decision.reach else {
            return Ok(Explanation::refused(rule(decision.because), said(&principal, &decision)));
        };
        if by_tenants && let Some(refused) = refused_by(check_target(tenants, &caller, action, resource.target()).await)? {
            return Ok(refused);
        }
        match reach {
            Reach::Tenant => Ok(Explanation::allowed(rule(decision.because), said(&principal, &decision))),
            Reach::Own | Reach::OwnAnd(_) => self.reached(&principal, &resource, &decision, reach).await,
        }
    }

    /// The role reaches what is the principal's own, and what was granted: whether the resource is either.
    async fn reached(&self, principal: &Principal, resource: &ResourceName, decision: &Decision, reach: &Reach) -> Result<Explanation> {
        let name = &principal.name;
        if self.opens(name, resource, &Reach::Own).await? {
            return Ok(Explanation::allowed(rule(decision.because), said(principal, decision)));
        }
        if self.opens(name, resource, reach).await?
            && let Some(grant) = self.grant(resource, decision).await?
        {
            let text = format!("{} was granted {} of {}", grant.grantee, grant.access.as_str(), grant.utility);
            return Ok(Explanation { grant: Some(grant), ..Explanation::allowed("GRANT", text) });
        }
        let text = format!("{name} reaches its own, and {resource} is neither its own nor granted to it, or does not exist");
        Ok(Explanation::refused("NEITHER_OWNED_NOR_GRANTED", text))
    }

    /// Whether a permit of this reach opens the resource. Where nothing is loaded under a name, there is nothing that is not opened.
    async fn opens(&self, principal: &PrincipalName, resource: &ResourceName, reach: &Reach) -> Result<bool> {
        let scope = TenantScope::for_system(resource.target().tenant().unwrap_or_else(|| principal.tenant()).clone());
        let ports = &self.ports;
        Ok(match resource {
            ResourceName::Utility(UtilityName { utility, .. })
            | ResourceName::Version(VersionName { utility: UtilityName { utility, .. }, .. }) => {
                holds(reach, principal, ports.utilities.find(&scope, utility).await?)
            }
            ResourceName::Execution(name) => holds(reach, principal, ports.executions.find(&scope, &name.execution).await?),
            ResourceName::Schedule(name) => holds(reach, principal, ports.schedules.find(&scope, &name.schedule).await?),
            ResourceName::Operation(name) => holds(reach, principal, ports.operations.find(&scope, &name.operation).await?),
            ResourceName::Credential(name) => holds(reach, principal, ports.principals.find(&scope, name.principal()).await?),
            ResourceName::Installation
            | ResourceName::Tenant(_)
            | ResourceName::CodePolicy(_)
            | ResourceName::Runtime(_)
            | ResourceName::Webhook(_)
            | ResourceName::Secret(_) => true,
        })
    }

    /// The grant by which the decision reaches the resource.
    async fn grant(&self, resource: &ResourceName, decision: &Decision) -> Result<Option<Grant>> {
        let (Some(utility), Some(grantee)) = (resource.utility(), &decision.granted_to) else { return Ok(None) };
        let scope = TenantScope::for_system(utility.tenant.clone());
        Ok(self.ports.grants.find(&scope, &utility.utility, grantee).await?.open_for_system())
    }
}

impl Explanation {
    fn allowed(rule: &'static str, text: String) -> Self {
        Explanation { allowed: true, rule, text, grant: None }
    }

    fn refused(rule: &'static str, text: String) -> Self {
        Explanation { allowed: false, rule, text, grant: None }
    }
}

/// Whether a permit of this reach would open what was found: all that is told of it.
fn holds<T: Resource>(reach: &Reach, principal: &PrincipalName, found: Found<T>) -> bool {
    found.open_for_system().is_some_and(|thing| reach.holds(principal, &thing))
}

/// What the state of a tenant has to say.
fn refused_by(standing: Result<Standing>) -> Result<Option<Explanation>> {
    match standing {
        Ok(Standing::Stands) => Ok(None),
        Ok(Standing::Refused) => Ok(Some(Explanation::refused("OTHER_TENANT", "nothing of another tenant is reached".to_owned()))),
        Err(Error::Closed { reason, description, .. }) => Ok(Some(Explanation::refused(reason, description))),
        Err(Error::NotFound { resource }) => Ok(Some(Explanation::refused("NO_SUCH_TENANT", format!("there is no {resource}")))),
        Err(error) => Err(error),
    }
}

fn parse(action: &str, resource: &str) -> Result<(ActionSpec, ResourceName)> {
    let unknown = || Error::invalid("action", "UNKNOWN_ACTION", "is no action of the contract; docs/permissions.md lists them");
    match (crate::actions().find(|known| known.name == action).ok_or_else(unknown), ResourceName::parse("resource", resource)) {
        (Ok(action), Ok(resource)) if crate::kinds_of(action).contains(&resource.target().kind()) => Ok((action, resource)),
        (Ok(action), Ok(_)) => Err(Error::invalid("resource", "MALFORMED", format!("{} is about {}", action.name, forms(action)))),
        (Err(Error::Invalid(mut both)), Err(Error::Invalid(more))) => {
            both.extend(more);
            Err(Error::Invalid(both))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn forms(action: ActionSpec) -> String {
    crate::kinds_of(action).iter().copied().map(TargetKind::pattern).collect::<Vec<_>>().join(" or ")
}

fn rule(because: Because) -> &'static str {
    match because {
        Because::OtherTenant => "OTHER_TENANT",
        Because::SuperAdminsOnly => "SUPER_ADMINS_ONLY",
        Because::Shared => "SHARED_BY_THE_TENANT",
        Because::Anyone => "ANYONE",
        Because::Matrix { .. } => "MATRIX",
    }
}

fn said(principal: &Principal, decision: &Decision) -> String {
    let name = &principal.name;
    match decision.because {
        Because::OtherTenant => format!("{name} reaches nothing of another tenant"),
        Because::SuperAdminsOnly => "this is for super admins, who belong to the tenant `system`".to_owned(),
        Because::Shared => format!("every member of the tenant reads what it shares, and {name} is one"),
        Because::Anyone => "whoever calls may: no permission is checked".to_owned(),
        Because::Matrix { role, column, cell } => {
            let reach = match cell {
                Cell::No => "nothing",
                Cell::Own => "what is its own",
                Cell::Tenant => "everything of its tenant",
                Cell::Limited => "the administration of its tenant",
                Cell::Everywhere => "everything everywhere",
            };
            format!("{name} counts as {}, and in the column {} that role reaches {reach}", role.as_str(), column.as_str())
        }
    }
}
