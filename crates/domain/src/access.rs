//! Who may do what: actions, permits and the one place that decides. Every use case takes a [`Permit`] of its action,
//! so forgetting the check does not compile.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::name::{PrincipalName, TenantId};

mod scope;

pub use scope::TenantScope;

/// A kind of access, with its stable name.
pub trait Action: Send + Sync + 'static {
    /// The action's description.
    const SPEC: ActionSpec;
}

/// What an action is, as named by the permission option of an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionSpec {
    /// Stable name, e.g. `utility.create`.
    pub name: &'static str,
    /// What is done to the resource.
    pub operation: Operation,
    /// The type of the resource.
    pub resource: &'static str,
}

/// Columns of the permission matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Operation {
    Create,
    Read,
    Update,
    Execute,
    Delete,
    Administer,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The principal.
    pub principal: PrincipalName,
    /// Whether the request came over the loopback interface.
    pub local: bool,
}

/// How far a permit reaches inside its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Only what the caller owns.
    Own,
    /// Everything of the tenant.
    Tenant,
}

/// Proof that a caller may do `A` in a tenant.
pub struct Permit<A: Action> {
    principal: PrincipalName,
    tenant: TenantId,
    reach: Reach,
    action: PhantomData<fn() -> A>,
}

/// Port: the rules.
#[async_trait]
pub trait Rules: Send + Sync {
    /// How far `caller` may do `action` in `tenant`; `None` is a refusal.
    async fn decide(&self, caller: &Caller, action: ActionSpec, tenant: &TenantId) -> Result<Option<Reach>>;
}

/// The one place that issues permits.
#[derive(Clone)]
pub struct Policy {
    rules: Arc<dyn Rules>,
}

/// Rules while there is no identity: the loopback caller may do everything in one tenant, nobody else anything.
pub struct LocalRules {
    tenant: TenantId,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $type:ident = $name:literal, $operation:ident, $resource:literal;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub struct $type;
        impl Action for $type {
            const SPEC: ActionSpec = ActionSpec { name: $name, operation: Operation::$operation, resource: $resource };
        })*
        /// Every action that the domain knows; an RPC that names another one is refused at start.
        pub const ACTIONS: &[ActionSpec] = &[$($type::SPEC),*];
    };
}

actions! {
    /// Create a utility.
    CreateUtility = "utility.create", Create, "utility";
    /// Read a utility.
    GetUtility = "utility.get", Read, "utility";
    /// List utilities.
    ListUtilities = "utility.list", Read, "utility";
    /// Change a utility.
    UpdateUtility = "utility.update", Update, "utility";
    /// Delete a utility.
    DeleteUtility = "utility.delete", Delete, "utility";
    /// Undelete a utility.
    UndeleteUtility = "utility.undelete", Delete, "utility";
    /// Have code checked without storing it.
    ValidateCode = "utility.validate", Read, "utility";
    /// List the versions of a utility.
    ListUtilityVersions = "version.list", Read, "version";
    /// Read one version.
    GetUtilityVersion = "version.get", Read, "version";
    /// Compare two versions.
    DiffUtilityVersions = "version.diff", Read, "version";
    /// Make an old version the newest again.
    RestoreUtilityVersion = "version.restore", Update, "version";
    /// Execute a utility and stream its output.
    ExecuteUtility = "utility.execute", Execute, "utility";
    /// Send values through a transformer.
    Transform = "utility.transform", Execute, "utility";
    /// Start an execution without waiting for it.
    StartExecution = "utility.start", Execute, "utility";
    /// Read an execution.
    GetExecution = "execution.get", Read, "execution";
    /// List executions.
    ListExecutions = "execution.list", Read, "execution";
    /// Follow an execution's output.
    WatchExecution = "execution.watch", Read, "execution";
    /// Stop an execution.
    CancelExecution = "execution.cancel", Execute, "execution";
    /// Read a tenant's code policy.
    GetCodePolicy = "policy.get", Read, "policy";
    /// Change a tenant's code policy, and grant exceptions.
    UpdateCodePolicy = "policy.update", Administer, "policy";
    /// Read what runtimes hold.
    GetRuntime = "runtime.get", Read, "runtime";
    /// List runtimes.
    ListRuntimes = "runtime.list", Read, "runtime";
    /// Read the server's self-test and configuration facts.
    GetServerInfo = "server.get", Administer, "server";
}

impl Policy {
    /// A policy with these rules.
    pub fn new(rules: Arc<dyn Rules>) -> Self {
        Policy { rules }
    }

    /// Demands that `caller` may do `A` in `tenant`; `resource` is what the refusal names.
    ///
    /// # Errors
    /// [`Error::Denied`], the same whether the resource exists or not.
    pub async fn require<A: Action>(&self, caller: &Caller, tenant: &TenantId, resource: &(dyn fmt::Display + Sync)) -> Result<Permit<A>> {
        match self.rules.decide(caller, A::SPEC, tenant).await? {
            Some(reach) => Ok(Permit { principal: caller.principal.clone(), tenant: tenant.clone(), reach, action: PhantomData }),
            None => Err(Error::Denied { action: A::SPEC.name, resource: resource.to_string() }),
        }
    }
}

impl Policy {
    /// Demands that `caller` may do `A` to what belongs to the installation and to no tenant. The rules decide it in the
    /// caller's own tenant; that the action's resource is none of a tenant's, its description tells them.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn require_of_installation<A: Action>(&self, caller: &Caller) -> Result<Permit<A>> {
        self.require(caller, &caller.principal.tenant(), &A::SPEC.resource).await
    }
}

impl LocalRules {
    /// Rules for the loopback caller in `tenant`.
    pub fn new(tenant: TenantId) -> Self {
        LocalRules { tenant }
    }
}

#[async_trait]
impl Rules for LocalRules {
    async fn decide(&self, caller: &Caller, _action: ActionSpec, tenant: &TenantId) -> Result<Option<Reach>> {
        Ok((caller.local && *tenant == self.tenant).then_some(Reach::Tenant))
    }
}

impl<A: Action> Permit<A> {
    /// Who was permitted.
    pub fn principal(&self) -> &PrincipalName {
        &self.principal
    }

    /// The scope of every query made under this permit.
    pub fn scope(&self) -> TenantScope {
        TenantScope::new(self.tenant.clone())
    }

    /// What was found under a name, as far as the permit reaches: where that is only the caller's own, what belongs to somebody
    /// else is answered as if it were absent.
    ///
    /// # Errors
    /// [`Error::NotFound`] that names `resource`.
    pub fn reveal<T>(&self, found: Option<T>, owner: impl FnOnce(&T) -> &PrincipalName, resource: &dyn fmt::Display) -> Result<T> {
        let reaches = |found: &T| match self.reach {
            Reach::Tenant => true,
            Reach::Own => *owner(found) == self.principal,
        };
        found.filter(reaches).ok_or_else(|| Error::NotFound { resource: resource.to_string() })
    }

    /// The owner that lists must be restricted to, when the permit reaches only the caller's own.
    pub fn only_owner(&self) -> Option<&PrincipalName> {
        match self.reach {
            Reach::Tenant => None,
            Reach::Own => Some(&self.principal),
        }
    }
}
